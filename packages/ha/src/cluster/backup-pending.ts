/**
 * Marks a primary whose backup is not set up yet: from `init-primary-node` until the first successful synchronisation. Until then a failed
 * synchronisation is no fault: `status` shows it, but no alert is raised.
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
