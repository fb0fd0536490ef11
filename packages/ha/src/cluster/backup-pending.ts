/**
 * The mark of a primary whose backup is not set up yet: from `init-primary-node` until the first synchronisation that arrives. Until then a
 * synchronisation that fails is no fault, and nobody is told of it but `status`.
 */
import type { Host } from "@nethsec/host/host";

const pendingPath = "/etc/ns-ha/backup-pending";

export function markBackupPending({ files }: Pick<Host, "files">): void {
  files.write(pendingPath, "", { mode: 0o600 });
}

export function isBackupPending({ files }: Pick<Host, "files">): boolean {
  return files.exists(pendingPath);
}

export function clearBackupPending({ files }: Pick<Host, "files">): void {
  if (files.exists(pendingPath)) files.remove(pendingPath);
}
