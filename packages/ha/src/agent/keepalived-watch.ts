/**
 * Follows keepalived: hears its FIFO, compares its state with what the kernel shows each second, asks it when they differ, and says when it is gone.
 * Each question is a line in keepalived's log: asked now and then, and at once when something looks wrong.
 */
import { readFifo } from "@nethsec/host/process/fifo";
import { haPaths } from "../cluster/config.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart, StateChange } from "./agent-part.ts";
import type { StateFollower } from "./state-follower.ts";
import { matchesKernel, vrrpPid } from "./vrrp.ts";

const lookEveryMs = 1000;
const askEveryMs = 600_000;

export class KeepalivedWatch implements AgentPart {
  readonly #node: AgentNode;
  readonly #follower: StateFollower;
  /** What the condition says; undefined: not told yet since the agent started. */
  #gone: boolean | undefined;

  constructor(node: AgentNode, follower: StateFollower) {
    this.#node = node;
    this.#follower = follower;
  }

  async start(): Promise<void> {
    await this.#openFifo();
    await this.#node.tracker.queryKeepalived();
  }

  readonly tick = { everyMs: lookEveryMs, run: (): Promise<void> => this.#look() };

  onState({ state }: StateChange): void {
    this.#tellCondition();
    if (state === "unknown") void this.#dropOrphans();
  }

  async #look(): Promise<void> {
    const { host, tracker, config } = this.#node;
    const vip = config.interfaces[0]?.virtualIp.split("/")[0] ?? "";
    const { waiting } = this.#follower;
    const old = host.clock.monotonic() - tracker.askedAt > askEveryMs;
    if (waiting || old || !matchesKernel(host, this.#node.state, vip)) await tracker.queryKeepalived();
    if (waiting) this.#follower.enter();
    this.#tellCondition();
  }

  async #openFifo(): Promise<void> {
    const { host, tracker, life } = this.#node;
    const path = haPaths.notifyFifo;
    // keepalived makes it as well; whoever is first.
    if (host.files.stat(path) === undefined)
      await host.run(["mkfifo", "-m", "600", host.files.real(path)], { timeoutMs: 5000, ok: "any" });
    readFifo(
      host.files.real(path),
      (line) => tracker.hint(line),
      (error) => host.log("err", `the FIFO of keepalived cannot be read: ${error.message}`),
      life,
    );
  }

  /** A keepalived that was killed leaves its addresses behind, and two nodes would answer for them. */
  async #dropOrphans(): Promise<void> {
    const { host, config } = this.#node;
    if (vrrpPid(host) !== undefined) return;
    for (const { virtualIp, device } of [...config.interfaces, ...config.aliases]) {
      await host.run(["ip", "address", "delete", virtualIp, "dev", device], { timeoutMs: 5000, ok: "any" });
    }
  }

  #tellCondition(): void {
    const { conditions, config, state } = this.#node;
    const gone = state === "unknown" && config.enabled;
    if (gone === this.#gone) return;
    this.#gone = gone;
    if (gone) {
      conditions.raise(
        "keepalived_not_running",
        "error",
        "keepalived does not run or does not answer: this node cannot take over. Start it: /etc/init.d/keepalived start",
      );
    } else conditions.clear("keepalived_not_running");
  }
}
