import type { Host } from "@nethsec/host/host";

/** While it holds something, only the encrypted form of a backup leaves the machine (documentation, "Backup encryption"). */
export const passphrasePath = "/etc/backup.pass";

export const isEncrypting = ({ files }: Pick<Host, "files">): boolean =>
  (files.stat(passphrasePath, { follow: true })?.size ?? 0) > 0;
