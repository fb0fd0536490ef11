/** Which services start at boot. */
import type { Host } from "@nethsec/host/host";

/** `/etc/init.d/NAME enabled` without starting it: rc.common looks for the same link. */
export function enabledServices(files: Pick<Host["files"], "list">): (name: string) => boolean {
  const links = new Set(files.list("/etc/rc.d").map((name) => name.replace(/^S\d\d/, "")));
  return (name) => links.has(name);
}
