/**
 * Keeps a firewall in service while it becomes the primary of a cluster, or is enabled again: until keepalived reports "master" (three
 * advertisements later) the agent would take the WAN down. The command that starts keepalived leaves a marker file (the promise), and the agent
 * changes nothing while it is valid. Never at boot, when the other node may be master: /var/run is empty then.
 */
import type { Host } from "@nethsec/host/host";
import type { VrrpState } from "./state.ts";
import { type HaConfig, readHaConfig } from "./config.ts";
import { followingInterfaces } from "./following-interfaces.ts";

const promisePath = "/var/run/ns-ha/carrying";
/** Longer than conntrackd and keepalived need to start and `classic` needs to become master; short in case that never happens. */
const carryingMs = 15_000;

/** Call before a change that may start keepalived. Leaves the promise if this node has its WAN up and no running keepalived decides. */
export async function promiseToCarry(host: Pick<Host, "uci" | "files" | "services" | "net">): Promise<void> {
  // If it was just disabled, keepalived may still be stopping.
  if (readHaConfig(host.uci)?.enabled === true && (await host.services.running("keepalived"))) return;
  const names = new Set(followingInterfaces(host.uci, "primary").map(({ name }) => name));
  const carries = (await host.net.interfaces()).some(({ name, up }) => up && names.has(name));
  if (!carries) return;
  host.files.mkdir("/var/run/ns-ha", { mode: 0o755 });
  host.files.write(promisePath, "", { mode: 0o600 });
}

/** The agent's side of the promise. */
export class Carrying {
  readonly #host: Pick<Host, "files" | "clock">;
  /** Monotonic time at which the agent found the promise. */
  #since: number | undefined;

  constructor(host: Pick<Host, "files" | "clock">) {
    this.#host = host;
  }

  /** Result of the last call of {@link look}. */
  get on(): boolean {
    return this.#since !== undefined;
  }

  /**
   * True while nothing on this node may be changed: there is a promise, and keepalived (`stats`: its counters) has neither reported a final state
   * nor received another master's advertisement. When the result is false, the promise is removed.
   */
  look(
    { role, enabled }: Pick<HaConfig, "role" | "enabled">,
    state: VrrpState,
    stats: Readonly<Record<string, number>>,
  ): boolean {
    const now = this.#host.clock.monotonic();
    const waiting = state === "unknown" || state === "init" || state === "backup";
    const alone = (stats["advert_rcvd"] ?? 0) === 0;
    const late = now - (this.#since ?? now) > carryingMs;
    if (role === "primary" && enabled && waiting && alone && !late && this.#promised()) {
      this.#since ??= now;
      return true;
    }
    this.#since = undefined;
    if (enabled) this.#host.files.remove(promisePath);
    return false;
  }

  #promised(): boolean {
    const made = this.#host.files.stat(promisePath)?.mtimeMs;
    return made !== undefined && Math.abs(this.#host.clock.now() - made) < carryingMs;
  }
}
