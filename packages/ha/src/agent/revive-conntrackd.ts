/**
 * A conntrackd that was killed finds the lock file that it left, and procd gives it up after some tries; only its init script removes that file.
 * Without it a failover loses every connection, and nobody would notice before.
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

/** True when it had died and was started again. One that was stopped on purpose is left alone: procd has no instance of it then. Never throws. */
export async function reviveConntrackd(host: Pick<Host, "run" | "services" | "log" | "files">): Promise<boolean> {
  try {
    // Twice a minute on every node, for ever: procd is asked only when something is wrong.
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

/** Of the process with this number; undefined for what is none, or ended meanwhile. */
function commOf({ files }: Pick<Host, "files">, pid: string): string | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  try {
    return files.readText(`/proc/${pid}/comm`)?.trim();
  } catch {
    return undefined;
  }
}
