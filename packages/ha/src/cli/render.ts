/**
 * `ns-ha render`: both configuration files from /etc/config/keepalived. At boot it runs before keepalived starts; on a running system the
 * services whose file changed are told, also after a change made by hand with uci and reload_config.
 */
import type { Call } from "@nethsec/host/command";
import { applyKeepalived, renderFiles } from "../apply-node.ts";
import { readHaConfig } from "../config.ts";

export async function run(call: Call): Promise<number> {
  const { host } = call;
  const rendered = renderFiles(host);
  const config = readHaConfig(host.uci);
  // What is not running is not started here: that is the boot's order, or the administrator's will (maintenance).
  const running = config !== undefined && (await host.services.running("keepalived"));
  if (running) await applyKeepalived(host, config, rendered.keepalived);
  if (rendered.conntrackd && (await host.services.running("conntrackd")))
    await host.services.call("conntrackd", "restart");
  if (call.json)
    call.io.out(`${JSON.stringify({ keepalived: rendered.keepalived, conntrackd: rendered.conntrackd })}\n`);
  return 0;
}
