/**
 * Makes what is configured effective on this node. Level-triggered: looks at what is there, so running it twice is running it once.
 * Order matters: keepalived's init script reads the rendered file, so the file comes first.
 */
import type { Host } from "@nethsec/host/host";
import { agentClient } from "../cluster/agent-client.ts";
import { haPaths, readHaConfig, type HaConfig } from "../cluster/config.ts";
import { holdPlace } from "../cluster/hold-place.ts";
import { renderConntrackd } from "./render-conntrackd.ts";
import { renderKeepalived } from "./render-keepalived.ts";
import { renderLinkRules } from "./render-link-rules.ts";

type Machine = Pick<Host, "uci" | "files" | "services" | "random" | "log">;

/** Which files were rendered anew. */
export interface Rendered {
  readonly keepalived: boolean;
  readonly conntrackd: boolean;
  /** The rules of the link between the nodes. */
  readonly firewall: boolean;
}

/** Writes keepalived.conf and conntrackd.conf when they differ from what the configuration says; on a node of no cluster there is none. */
export function renderFiles(host: Pick<Host, "uci" | "files" | "random" | "log">): Rendered {
  const config = readHaConfig(host.uci);
  if (config === undefined) {
    const had = host.files.exists(haPaths.keepalivedConf);
    host.files.remove(haPaths.keepalivedConf);
    return { keepalived: had, conntrackd: false, firewall: writeLinkRules(host, new Map()) };
  }
  const rendered = {
    // It holds the VRRP password.
    keepalived: writeIfChanged(
      host,
      haPaths.keepalivedConf,
      renderKeepalived(host.uci.read("keepalived"), config, mayBeRealtime(host)),
      0o600,
    ),
    conntrackd: writeIfChanged(host, haPaths.conntrackdConf, renderConntrackd(config), 0o644),
    firewall: writeLinkRules(host, renderLinkRules(config)),
  };
  // keepalived's init script makes this link anew at each start, and cannot when a folder is in its way.
  holdPlace(host, haPaths.keepalivedLink, haPaths.keepalivedConf);
  return rendered;
}

function writeLinkRules(host: Pick<Host, "files">, rules: ReadonlyMap<string, string>): boolean {
  const changed = [haPaths.linkRulesIn, haPaths.linkRulesOut].map((path) => {
    const text = rules.get(path);
    if (text !== undefined) return writeIfChanged(host, path, text, 0o644);
    const had = host.files.exists(path);
    host.files.remove(path);
    return had;
  });
  return changed.includes(true);
}

/** CAP_SYS_RESOURCE (capability 24) of this process, which keepalived has as well: both are started by procd. Unknown counts as yes. */
function mayBeRealtime(host: Pick<Host, "files">): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(host.files.readText("/proc/self/status") ?? "")?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

function writeIfChanged(host: Pick<Host, "files">, path: string, text: string, mode: number): boolean {
  if (host.files.readText(path) === text) return false;
  host.files.write(path, text, { mode });
  return true;
}

/** After every change, on either node. Throws when a service cannot be had running that must be. */
export async function applyNode(host: Machine): Promise<void> {
  const rendered = renderFiles(host);
  await host.services.reloadConfig();
  await reloadFirewall(host, rendered.firewall);
  const config = readHaConfig(host.uci);
  if (config === undefined) return;
  await startAgent(host);
  await applyConntrackd(host, rendered.conntrackd);
  await applyKeepalived(host, config, rendered.keepalived);
  await agentClient(host.files.real(haPaths.agentSocket)).changed();
}

async function startAgent(host: Machine): Promise<void> {
  if (!host.services.exists("ns-ha")) return;
  if (!(await host.services.enabled("ns-ha"))) await host.services.call("ns-ha", "enable");
  if (!(await host.services.running("ns-ha"))) await host.services.call("ns-ha", "start");
}

/** conntrackd reads its configuration only when it starts; its tables are filled again from the kernel and from the peer. */
async function applyConntrackd(host: Machine, changed: boolean): Promise<void> {
  if (!host.services.exists("conntrackd")) return;
  if (!(await host.services.enabled("conntrackd"))) await host.services.call("conntrackd", "enable");
  const running = await host.services.running("conntrackd");
  if (!running || changed) await host.services.call("conntrackd", "restart");
}

/** A reload keeps the VRRP state; only what does not run is started. */
export async function applyKeepalived(host: Machine, config: HaConfig, changed: boolean): Promise<void> {
  if (!config.enabled) {
    if (await host.services.running("keepalived")) await host.services.call("keepalived", "stop");
    return;
  }
  if (!(await host.services.enabled("keepalived"))) await host.services.call("keepalived", "enable");
  if (!(await host.services.running("keepalived"))) await host.services.call("keepalived", "start");
  else if (changed) await host.services.call("keepalived", "reload");
}

/** Writes the files; services that run are told when theirs changed. */
export async function renderAndReload(host: Host): Promise<Rendered> {
  // Its init script links the file only when it finds it: one that came later is read after a reload.
  const linked = host.files.readlink(haPaths.keepalivedLink) === haPaths.keepalivedConf;
  const rendered = renderFiles(host);
  const config = readHaConfig(host.uci);
  // What is not running is not started here: that is the boot's order, or the administrator's will (maintenance).
  const running = config !== undefined && (await host.services.running("keepalived"));
  if (running) await applyKeepalived(host, config, rendered.keepalived || !linked);
  if (rendered.conntrackd && (await host.services.running("conntrackd")))
    await host.services.call("conntrackd", "restart");
  await reloadFirewall(host, rendered.firewall);
  return rendered;
}

/** fw4 reads the files of the packages when it is loaded. */
async function reloadFirewall(host: Pick<Host, "services">, changed: boolean): Promise<void> {
  if (changed && host.services.exists("firewall")) await host.services.call("firewall", "reload");
}
