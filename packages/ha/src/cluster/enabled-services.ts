/** Which services start at boot. */
import type { Host } from "@nethsec/host/host";

/** Equivalent to `/etc/init.d/NAME enabled` without running it: rc.common checks for the same link. */
export function enabledServices(files: Pick<Host["files"], "list">): (name: string) => boolean {
  const links = new Set(files.list("/etc/rc.d").map((name) => name.replace(/^S\d\d/, "")));
  return (name) => links.has(name);
}
