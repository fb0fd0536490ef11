/**
 * Restarts a conntrackd that died. After a kill, its stale lock file makes procd's respawns fail until procd gives up; only the init script removes
 * that file. Without conntrackd a failover loses every connection, and nothing shows that before.
 */
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import type { Reconciler } from "./reconciler.ts";
import { parseServiceList } from "./running-services.ts";

const everyMs = 30_000;

export class ConntrackdRevival implements AgentPart {
  readonly #node: AgentNode;
  readonly #reconciler: Reconciler;
  constructor(node: AgentNode, reconciler: Reconciler) {
    this.#node = node;
    this.#reconciler = reconciler;
  }

  readonly tick = { everyMs, run: (): Promise<void> => this.#look() };

  async #look(): Promise<void> {
    if (await reviveConntrackd(this.#node.host)) this.#reconciler.lookAgain((key) => key.startsWith("conntrackd"));
  }
}

/** True when conntrackd had died and was restarted. One stopped on purpose (procd has no instance of it) is left alone. Never throws. */
export async function reviveConntrackd(host: Pick<Host, "run" | "services" | "log" | "files">): Promise<boolean> {
  try {
    // Runs twice a minute on every node: check /proc first, and query procd only when the process is missing.
    if (host.files.list("/proc").some((name) => commOf(host, name) === "conntrackd")) return false;
    const { code, stdout } = await host.run(["ubus", "call", "service", "list"], { timeoutMs: 5000, ok: "any" });
    if (code !== 0 || parseServiceList(stdout)?.get("conntrackd") !== false) return false;
    host.log("warning", "conntrackd has died: it is started again");
    await host.services.call("conntrackd", "restart");
    return true;
  } catch (error) {
    host.log("warning", `conntrackd: ${messageOf(error)}`);
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
