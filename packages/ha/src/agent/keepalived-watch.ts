/**
 * Follows keepalived: reads its FIFO, compares its state with the kernel's every second, requests a dump when they differ, and reports when it is gone.
 * Each dump request adds a line to keepalived's log, so it is made rarely, and at once when something looks wrong.
 */
import { readFifo } from "@nethsec/host/process/fifo";
import { haPaths } from "../cluster/config.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart, StateChange } from "./agent-part.ts";
import type { StateFollower } from "./state-follower.ts";

const lookEveryMs = 1000;
const askEveryMs = 600_000;
/** Interval while keepalived cannot write its dump. */
const askTroubledEveryMs = 30_000;

export class KeepalivedWatch implements AgentPart {
  readonly #node: AgentNode;
  readonly #follower: StateFollower;
  /** True while this node may still have addresses left by a keepalived that is gone. */
  #orphans = false;
  /** Text of each condition as last written, by code. */
  readonly #told = new Map<string, string>();

  constructor(node: AgentNode, follower: StateFollower) {
    this.#node = node;
    this.#follower = follower;
  }

  async start(): Promise<void> {
    this.#node.tracker.holdDump();
    await this.#openFifo();
    await this.#node.tracker.queryKeepalived();
  }

  readonly tick = { everyMs: lookEveryMs, run: (): Promise<void> => this.#look() };

  onState({ state }: StateChange): void {
    this.#orphans = state === "unknown";
    this.#tellConditions();
    if (this.#orphans) void this.#dropOrphans();
  }

  async #look(): Promise<void> {
    const { host, tracker } = this.#node;
    const { waiting } = this.#follower;
    const age = host.clock.monotonic() - tracker.askedAt;
    const old = age > (tracker.dumpTrouble === undefined ? askEveryMs : askTroubledEveryMs);
    if (waiting || old || tracker.undecided || !tracker.matchesKernel()) await tracker.queryKeepalived();
    if (waiting) this.#follower.enter();
    if (this.#orphans) await this.#dropOrphans();
    this.#tellConditions();
  }

  async #openFifo(): Promise<void> {
    const { host, tracker, life } = this.#node;
    const path = haPaths.notifyFifo;
    // keepalived creates it too, if it starts first.
    if (host.files.stat(path) === undefined)
      await host.run(["mkfifo", "-m", "600", host.files.real(path)], { timeoutMs: 5000, ok: "any" });
    readFifo(
      host.files.real(path),
      (line) => tracker.hint(line),
      (error) => host.log("err", `the FIFO of keepalived cannot be read: ${error.message}`),
      life,
    );
  }

  /**
   * A killed keepalived leaves its addresses behind, and two nodes would answer for them: removes them. Only when it is "gone" by every source:
   * a living keepalived would keep adding them back.
   */
  async #dropOrphans(): Promise<void> {
    const { host, config, tracker } = this.#node;
    const found = await tracker.keepalived.find();
    if (found === "unsure" || !this.#orphans) return;
    this.#orphans = false;
    if (found !== "gone") return;
    for (const { virtualIp, device } of [...config.interfaces, ...config.aliases]) {
      await host.run(["ip", "address", "delete", virtualIp, "dev", device], { timeoutMs: 5000, ok: "any" });
    }
  }

  #tellConditions(): void {
    const { config, state, tracker } = this.#node;
    this.#tell(
      "keepalived_not_running",
      "error",
      state === "unknown" && config.enabled
        ? "keepalived does not run or does not answer: this node cannot take over. Start it: /etc/init.d/keepalived start"
        : undefined,
    );
    this.#tell("keepalived_dump_missing", "warning", tracker.dumpTrouble);
  }

  /** Conditions are stored in a file: write only on change, and once after the start of the agent. */
  #tell(code: string, severity: "warning" | "error", text: string | undefined): void {
    if (this.#told.get(code) === (text ?? "")) return;
    this.#told.set(code, text ?? "");
    if (text === undefined) this.#node.conditions.clear(code);
    else this.#node.conditions.raise(code, severity, text);
  }
}
