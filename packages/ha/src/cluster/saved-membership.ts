/**
 * A copy of /etc/config/keepalived as it was when the node was last read as a member of its cluster. A power loss can leave that file empty or full of
 * NUL bytes; without the copy the node would come up as a standalone firewall and answer for the cluster's addresses beside the other node.
 */
import type { Host } from "@nethsec/host/host";

const configPath = "/etc/config/keepalived";
/** Readable by root only: it holds the VRRP password. Not synchronised. Leaving the cluster removes it first. */
export const savedMembershipPath = "/etc/ns-ha/keepalived";

/** Saves the configuration of a node that is a member. Writes to flash only when it differs from the copy. */
export function saveMembership(files: Host["files"]): void {
  const bytes = files.readBytes(configPath);
  if (bytes === undefined || isLost(bytes)) return;
  const saved = files.readBytes(savedMembershipPath);
  if (saved === undefined || !Buffer.from(saved).equals(bytes))
    files.write(savedMembershipPath, bytes, { mode: 0o600 });
}

/** Puts the copy in place of a configuration that lost its content. True: it did. */
export function recoverMembership({ files, log }: Pick<Host, "files" | "log">): boolean {
  const saved = files.readBytes(savedMembershipPath);
  if (saved === undefined || !isLost(files.readBytes(configPath))) return false;
  files.write(configPath, saved, { mode: files.stat(configPath)?.mode ?? 0o600 });
  log(
    "warning",
    `${configPath} had lost its content, as after a power loss: it was restored from ${savedMembershipPath}`,
  );
  return true;
}

/** A file that is missing was removed on purpose: files are replaced by rename, which leaves the old or the new one. */
function isLost(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && (bytes.length === 0 || bytes.includes(0));
}
