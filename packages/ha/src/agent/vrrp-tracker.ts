/**
 * Which VRRP state this node is in, and since which *term*: the number that grows with each transition, so that what was done for an
 * older one does not count (see plan.ts).
 * Invariants: the newest hint counts at once; a dump that was asked for before a newer hint is thrown away; a keepalived that stops
 * answering is "unknown" after `missesMax` questions, never its last known state for ever; a reload of keepalived is no transition.
 */
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import { type VrrpState, vrrpStateSchema } from "../cluster/state.ts";
import { isRivalLine, parseFifoLine, readVrrp, type VrrpView } from "./vrrp.ts";

export const statePath = "/var/run/ns-ha/state.json";
const missesMax = 3;
/** The life of keepalived is not known yet: the next dump tells it. */
const hinted = "hinted";

const savedSchema = v.object({ state: vrrpStateSchema, term: v.number(), since: v.number(), life: v.string() });
type Saved = v.InferOutput<typeof savedSchema>;

export class VrrpTracker {
  readonly #host: Pick<Host, "files" | "run" | "clock" | "log">;
  readonly #instance: string;
  readonly #changed: (before: VrrpState, now: Saved) => void;
  readonly #rival: () => void;
  #saved: Saved;
  #stats: VrrpView["stats"] = {};
  #hints = 0;
  #misses = 0;
  #asking: Promise<void> | undefined;
  /** Monotonic, of the last question to keepalived. */
  askedAt = Number.NEGATIVE_INFINITY;

  /** `changed` is told each transition, in order; `rival` that another master was heard and gives way. */
  constructor(
    host: Pick<Host, "files" | "run" | "clock" | "log">,
    instance: string,
    changed: (before: VrrpState, now: Saved) => void,
    rival: () => void,
  ) {
    this.#rival = rival;
    this.#host = host;
    this.#instance = instance;
    this.#changed = changed;
    this.#saved = this.#load();
  }

  get current(): Saved {
    return this.#saved;
  }
  get stats(): VrrpView["stats"] {
    return this.#stats;
  }

  /** A line of keepalived's FIFO. */
  hint(line: string): void {
    if (isRivalLine(line, this.#instance)) this.#rival();
    const state = parseFifoLine(line, this.#instance);
    if (state === undefined) return;
    this.#hints += 1;
    this.#enter(state, hinted);
    void this.queryKeepalived();
  }

  /** Reads the real state; at most one question at a time. Never throws. */
  queryKeepalived(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    for (;;) {
      const hints = this.#hints;
      this.askedAt = this.#host.clock.monotonic();
      const view = await readVrrp(this.#host, this.#instance).catch((error: unknown) => {
        this.#host.log("warning", `keepalived cannot be asked: ${messageOf(error)}`);
        return undefined;
      });
      if (hints !== this.#hints) continue;
      if (view === undefined) {
        this.#misses += 1;
        if (this.#misses < missesMax) return;
        this.#stats = {}; // counted by a keepalived that is gone
        this.#enter("unknown", "silent");
        return;
      }
      this.#misses = 0;
      this.#stats = view.stats;
      this.#enter(view.state, view.life);
      return;
    }
  }

  #enter(state: VrrpState, life: string): void {
    const before = this.#saved;
    if (state === before.state && !becameMasterAgain(before.life, life)) {
      if (life !== before.life) this.#save({ ...before, life });
      return;
    }
    this.#save({ state, term: before.term + 1, since: this.#host.clock.now(), life });
    this.#changed(before.state, this.#saved);
  }

  #save(saved: Saved): void {
    this.#saved = saved;
    this.#host.files.write(statePath, JSON.stringify(saved), { mode: 0o644 });
  }

  #load(): Saved {
    try {
      return v.parse(savedSchema, JSON.parse(this.#host.files.readText(statePath) ?? ""));
    } catch {
      return { state: "unknown", term: 0, since: this.#host.clock.now(), life: "none" }; // first start since boot
    }
  }
}

/** Same process, counter grown by more than the transition we know of: it was something else in between. Lives: "PID COUNT". Pure. */
export function becameMasterAgain(before: string, now: string): boolean {
  const [pid, count] = before.split(" ");
  const [pidNow, countNow] = now.split(" ");
  return pid === pidNow && Number(countNow) > Number(count);
}
