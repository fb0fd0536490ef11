/**
 * Applies the configuration on this node. Level-triggered: compares with the actual state, so running it twice equals running it once.
 * Order matters: keepalived's init script reads the rendered file, so the file is written first.
 */
import type { Host } from "@nethsec/host/host";
import { agentClient } from "../cluster/agent-client.ts";
import { haPaths, readHaConfig, type HaConfig } from "../cluster/config.ts";
import { holdPlace } from "../cluster/hold-place.ts";
import { recoverMembership, saveMembership } from "../cluster/saved-membership.ts";
import { readMark } from "../cluster/timed-mark.ts";
import { endOrphan } from "./end-orphan.ts";
import { renderConntrackd } from "./render-conntrackd.ts";
import { renderKeepalived } from "./render-keepalived.ts";
import { renderLinkRules } from "./render-link-rules.ts";

type Machine = Pick<Host, "uci" | "files" | "services" | "random" | "log" | "run" | "clock">;

/** Which files changed when they were rendered. */
export interface Rendered {
  readonly keepalived: boolean;
  readonly conntrackd: boolean;
  /** The firewall rules of the link between the nodes. */
  readonly firewall: boolean;
}

/** Writes keepalived.conf, conntrackd.conf and the link rules if they changed; outside a cluster removes keepalived.conf and the link rules. */
export function renderFiles(host: Pick<Host, "uci" | "files" | "random" | "log">): Rendered {
  recoverMembership(host);
  const config = readHaConfig(host.uci);
  if (config === undefined) {
    const had = host.files.exists(haPaths.keepalivedConf);
    host.files.remove(haPaths.keepalivedConf);
    return { keepalived: had, conntrackd: false, firewall: writeLinkRules(host, new Map()) };
  }
  saveMembership(host.files);
  const rendered = {
    // Contains the VRRP password.
    keepalived: writeIfChanged(
      host,
      haPaths.keepalivedConf,
      renderKeepalived(
        host.uci.read("keepalived"),
        config,
        mayBeRealtime(host),
        readMark(host.files, "maintenance") !== undefined,
      ),
      0o600,
    ),
    conntrackd: writeIfChanged(host, haPaths.conntrackdConf, renderConntrackd(config), 0o644),
    firewall: writeLinkRules(host, renderLinkRules(config)),
  };
  // keepalived's init script creates this link at each start, and fails when a folder is in its place.
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

/** CAP_SYS_RESOURCE (capability 24) of this process; keepalived has the same, since procd starts both. Unknown counts as present. */
function mayBeRealtime(host: Pick<Host, "files">): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(host.files.readText("/proc/self/status") ?? "")?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

function writeIfChanged(host: Pick<Host, "files">, path: string, text: string, mode: number): boolean {
  if (host.files.readText(path) === text) return false;
  host.files.write(path, text, { mode });
  return true;
}

/** Called after every change, on either node. Throws when a required service cannot be started. */
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

/** conntrackd reads its configuration only at start, so it is restarted; its tables are refilled from the kernel and the peer. */
async function applyConntrackd(host: Machine, changed: boolean): Promise<void> {
  if (!host.services.exists("conntrackd")) return;
  if (!(await host.services.enabled("conntrackd"))) await host.services.call("conntrackd", "enable");
  const running = await host.services.running("conntrackd");
  if (!running || changed) await host.services.call("conntrackd", "restart");
}

/** Reloads a running keepalived, which keeps its VRRP state; starts it only if it is stopped. */
export async function applyKeepalived(host: Machine, config: HaConfig, changed: boolean): Promise<void> {
  if (!config.enabled) {
    if (await host.services.running("keepalived")) await host.services.call("keepalived", "stop");
    return;
  }
  if (!(await host.services.enabled("keepalived"))) await host.services.call("keepalived", "enable");
  if (!(await host.services.running("keepalived"))) {
    await endOrphan(host);
    await host.services.call("keepalived", "start");
  } else if (changed) await host.services.call("keepalived", "reload");
}

/** Writes the files and reloads or restarts the running services whose files changed. */
export async function renderAndReload(host: Host): Promise<Rendered> {
  // keepalived's init script links the file only if it exists at start. If it was written later, a reload makes keepalived read it.
  const linked = host.files.readlink(haPaths.keepalivedLink) === haPaths.keepalivedConf;
  const rendered = renderFiles(host);
  const config = readHaConfig(host.uci);
  // Stopped services are not started here: the boot starts them in order, or the administrator stopped them (maintenance).
  const running = config !== undefined && (await host.services.running("keepalived"));
  if (running) await applyKeepalived(host, config, rendered.keepalived || !linked);
  if (rendered.conntrackd && (await host.services.running("conntrackd")))
    await host.services.call("conntrackd", "restart");
  await reloadFirewall(host, rendered.firewall);
  return rendered;
}

/** fw4 reads the packages' rule files only when it loads. */
async function reloadFirewall(host: Pick<Host, "services">, changed: boolean): Promise<void> {
  if (changed && host.services.exists("firewall")) await host.services.call("firewall", "reload");
}
