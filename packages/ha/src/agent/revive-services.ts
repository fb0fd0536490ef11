/**
 * Restarts what a failover needs and what procd has given up on. conntrackd: after a kill its stale lock file makes procd's respawns fail; only the
 * init script removes that file, and without conntrackd a failover loses every connection. keepalived: killed more often than procd's `respawn` allows
 * (no memory, a watchdog), or lost by procd; without it this node never takes over. Nothing else would show that before.
 */
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import type { Reconciler } from "./reconciler.ts";
import { parseServiceList } from "./running-services.ts";

const everyMs = 30_000;
type Needed = "conntrackd" | "keepalived";

export class ServiceRevival implements AgentPart {
  readonly #node: AgentNode;
  readonly #reconciler: Reconciler;
  constructor(node: AgentNode, reconciler: Reconciler) {
    this.#node = node;
    this.#reconciler = reconciler;
  }

  readonly tick = { everyMs, run: (): Promise<void> => this.#look() };

  async #look(): Promise<void> {
    const { host, config } = this.#node;
    if (config.enabled) await revive(host, "keepalived");
    if (await revive(host, "conntrackd")) this.#reconciler.lookAgain((key) => key.startsWith("conntrackd"));
  }
}

/** True when the service had died and was restarted. One stopped on purpose (procd has no instance of it) is left alone. Never throws. */
export async function revive(host: Pick<Host, "run" | "services" | "log" | "files">, name: Needed): Promise<boolean> {
  try {
    // Runs twice a minute on every node: check /proc first, and query procd only when the process is missing.
    if (host.files.list("/proc").some((pid) => commOf(host, pid) === name)) return false;
    const { code, stdout } = await host.run(["ubus", "call", "service", "list"], { timeoutMs: 5000, ok: "any" });
    if (code !== 0 || parseServiceList(stdout)?.get(name) !== false) return false;
    host.log("warning", `${name} has died: it is started again`);
    await host.services.call(name, "restart");
    return true;
  } catch (error) {
    host.log("warning", `${name}: ${messageOf(error)}`);
    return false;
  }
}

/** Name of a process; undefined when `pid` is not a number or the process has ended. */
function commOf({ files }: Pick<Host, "files">, pid: string): string | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  try {
    return files.readText(`/proc/${pid}/comm`)?.trim();
  } catch {
    return undefined;
  }
}
