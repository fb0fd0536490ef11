/** Measures the longest gap between answers of the virtual address, with `ping` from this node. */
import type { Host, Process } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";

/** Interval between pings. */
const pingSeconds = 0.02;
const pollMs = 20;
const settleMaxMs = 5000;

export class VipProbe {
  readonly #process: Process;
  readonly #clock: Host["clock"];
  readonly #reading: Promise<void>;
  #last: number;
  #longest = 0;
  #answers = 0;

  constructor(host: Pick<Host, "run" | "clock">, config: HaConfig) {
    const vip = config.interfaces[0]?.virtualIp.split("/")[0] ?? config.nodeAddress;
    this.#clock = host.clock;
    this.#last = host.clock.monotonic();
    this.#process = host.run.spawn(["ping", "-n", "-i", String(pingSeconds), vip], { stderr: "ignore" });
    this.#reading = this.#read();
  }

  /** Milliseconds. */
  get outageMs(): number {
    return Math.max(0, Math.round(this.#longest - pingSeconds * 1000));
  }

  /** Waits for some answers after the switch, so that a gap at its end counts too. False when none came. */
  async settle(): Promise<boolean> {
    const seen = this.#answers;
    const end = this.#clock.monotonic() + settleMaxMs;
    while (this.#answers < seen + 5 && this.#clock.monotonic() < end) await this.#clock.sleep(pollMs);
    return this.#answers >= seen + 5;
  }

  async stop(): Promise<void> {
    await this.#process.kill("SIGTERM", 500);
    await this.#reading;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      if (!decoder.decode(chunk).includes("bytes from")) continue;
      const now = this.#clock.monotonic();
      this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
      this.#answers += 1;
    }
  }
}
