/**
 * `ns-ha render`: writes both configuration files from /etc/config/keepalived. At boot it runs before keepalived starts. On a running system it
 * reloads or restarts the services whose file changed, also after a change made by hand with uci and reload_config.
 */
import type { Call } from "@nethsec/host/command/command";
import type { Host } from "@nethsec/host/host";
import { renderAndReload } from "../keepalived/apply-node.ts";
import { haPaths, readHaConfig } from "../cluster/config.ts";

export async function run(call: Call): Promise<number> {
  const { host } = call;
  adopt(host);
  const rendered = await renderAndReload(host);
  if (call.json)
    call.io.out(`${JSON.stringify({ keepalived: rendered.keepalived, conntrackd: rendered.conntrackd })}\n`);
  return 0;
}

/** For a cluster made by another implementation: sets the path of the rendered file for keepalived's init script. */
function adopt(host: Pick<Host, "uci">): void {
  const before = host.uci.load("keepalived")?.get("globals", "alt_config_file");
  if (before !== undefined || readHaConfig(host.uci) === undefined) return;
  host.uci.change((tx) => {
    tx.setSection("keepalived", "globals", "globals");
    tx.set("keepalived", "globals", "alt_config_file", haPaths.keepalivedConf);
    tx.set("keepalived", "globals", "ns_mixed", "1");
  });
}
