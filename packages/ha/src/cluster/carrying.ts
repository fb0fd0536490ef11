/**
 * A firewall in service goes on while it becomes the primary of a cluster, or is enabled again: until keepalived says "master" (three
 * advertisements later) the agent would take the WAN down. The command that starts keepalived leaves a promise; the agent holds still while
 * it lasts. Never at boot, when the other node may have the site: /var/run is empty then.
 */
import type { Host } from "@nethsec/host/host";
import type { VrrpState } from "./state.ts";
import { type HaConfig, readHaConfig } from "./config.ts";
import { followingInterfaces } from "./following-interfaces.ts";

const promisePath = "/var/run/ns-ha/carrying";
/** Longer than conntrackd and keepalived need to start and `classic` needs to become master; short enough when that never happens. */
const carryingMs = 15_000;

/** Before a change that may start keepalived: promises that this node goes on, if it has its WAN up and no keepalived to ask. */
export async function promiseToCarry(host: Pick<Host, "uci" | "files" | "services" | "net">): Promise<void> {
  // Just disabled, it may still be on its way out.
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
  /** Monotonic. */
  #since: number | undefined;

  constructor(host: Pick<Host, "files" | "clock">) {
    this.#host = host;
  }

  /** As of the last look. */
  get on(): boolean {
    return this.#since !== undefined;
  }

  /**
   * True while nothing on this node may be changed: a promise was made, and keepalived (`stats`: its counters) has neither said its word nor
   * heard another master. Once false, the promise is gone.
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
