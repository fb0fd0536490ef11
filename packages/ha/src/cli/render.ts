/**
 * `ns-ha render`: both configuration files from /etc/config/keepalived. At boot it runs before keepalived starts; on a running system the
 * services whose file changed are told, also after a change made by hand with uci and reload_config.
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

/** A cluster that was made by another implementation: keepalived's init script is told where the rendered file is. */
function adopt(host: Pick<Host, "uci">): void {
  const before = host.uci.load("keepalived")?.get("globals", "alt_config_file");
  if (before !== undefined || readHaConfig(host.uci) === undefined) return;
  host.uci.change((tx) => {
    tx.setSection("keepalived", "globals", "globals");
    tx.set("keepalived", "globals", "alt_config_file", haPaths.keepalivedConf);
    tx.set("keepalived", "globals", "ns_mixed", "1");
  });
}
