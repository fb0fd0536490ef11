/**
 * Tracks this node's VRRP state and its *term*: a number that grows with each transition, so that marks of an older term do not
 * count (see plan.ts).
 * Invariants: the newest hint takes effect at once; a dump requested before a newer hint is discarded; a keepalived without signs of life is
 * "unknown" after `missesMax` queries, its last state is never kept for ever; one that is alive but cannot write its dump is tracked by other
 * signs; a reload of keepalived is no transition.
 */
import { dirname } from "node:path";
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import { holdPlace } from "../cluster/hold-place.ts";
import { type VrrpState, vrrpStateSchema } from "../cluster/state.ts";
import { dumpPathOf, isAlive, KeepalivedProcess, type Pulse, pulseOf } from "./keepalived-process.ts";
import { askDump, hasAddress, isRivalLine, jsonSignal, parseFifoLine, type VrrpView } from "./vrrp.ts";

export const statePath = "/var/run/ns-ha/state.json";
const missesMax = 3;
/** Unanswered queries further apart than this do not add up. */
const seriesMs = 10_000;
/** Stands for `life` until the next dump provides it. */
const hinted = "hinted";

const savedSchema = v.object({ state: vrrpStateSchema, term: v.number(), since: v.number(), life: v.string() });
type Saved = v.InferOutput<typeof savedSchema>;

export interface VrrpTrackerOptions {
  readonly host: Pick<Host, "files" | "run" | "clock" | "log" | "random">;
  /** Name of the VRRP instance. */
  readonly instance: string;
  /** The virtual address that a master has. */
  readonly vip: () => string;
  /** Called for each transition, in order. */
  readonly changed: (before: VrrpState, now: Saved) => void;
  /** Called when an advertisement of another master was received, which is about to give way. */
  readonly rival: () => void;
}

export class VrrpTracker {
  readonly #options: VrrpTrackerOptions;
  readonly keepalived: KeepalivedProcess;
  #saved: Saved;
  #stats: VrrpView["stats"] = {};
  #hints = 0;
  /** Last state read from keepalived's FIFO. */
  #hint: VrrpState | undefined;
  #misses = 0;
  /** Monotonic time of the last unanswered query. */
  #missedAt = Number.NEGATIVE_INFINITY;
  #pulse: Pulse | undefined;
  /** Number of keepalived's JSON signal. */
  #signal: string | undefined;
  #why: string | undefined;
  #asking: Promise<void> | undefined;
  /** Monotonic time of the last query to keepalived. */
  askedAt = Number.NEGATIVE_INFINITY;
  /** The last query had no answer, and no other sign has determined the state yet: query again soon. */
  undecided = false;
  /** Why keepalived's state is determined without its dump; undefined: the dump works. */
  dumpTrouble: string | undefined;

  constructor(options: VrrpTrackerOptions) {
    this.#options = options;
    this.keepalived = new KeepalivedProcess(options.host);
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
    const { instance, rival } = this.#options;
    if (isRivalLine(line, instance)) rival();
    const state = parseFifoLine(line, instance);
    if (state === undefined) return;
    this.#hints += 1;
    this.#hint = state;
    this.#enter(state, hinted);
    void this.queryKeepalived();
  }

  /**
   * Checks the state against /proc, without a query to keepalived (each adds a line to its log): it runs and is not stopped, and
   * this node has the VIP exactly when it is master. False: query keepalived.
   */
  matchesKernel(): boolean {
    const { host, vip } = this.#options;
    const { state } = this.#saved;
    const pid = this.keepalived.seen();
    if (pid === undefined) return state === "unknown";
    if (pulseOf(host, pid).stopped) return false;
    return state !== "unknown" && (hasAddress(host, vip()) ?? true) === (state === "master");
  }

  /** Creates the dump file early, before another user can take its name (see cluster/hold-place.ts). */
  holdDump(): void {
    const { host } = this.#options;
    holdPlace(host, dumpPathOf(host, this.keepalived.seen()));
  }

  /** Reads the state from keepalived; at most one query at a time. Never throws. */
  queryKeepalived(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const { host } = this.#options;
    for (;;) {
      const hints = this.#hints;
      this.askedAt = host.clock.monotonic();
      const view = await this.#read().catch((error: unknown) => {
        host.log("warning", `keepalived cannot be asked: ${messageOf(error)}`);
        return undefined;
      });
      if (hints !== this.#hints) continue;
      if (view === undefined) {
        this.#missed();
        return;
      }
      this.#misses = 0;
      this.undecided = false;
      this.#pulse = undefined;
      this.dumpTrouble = undefined;
      this.#stats = view.stats;
      this.#enter(view.state, view.life);
      return;
    }
  }

  /** undefined: keepalived runs, or may run, but does not answer. */
  async #read(): Promise<VrrpView | undefined> {
    const { host, instance } = this.#options;
    const gone: VrrpView = { state: "unknown", stats: {}, life: "none" };
    const found = await this.keepalived.find();
    if (found === "gone") return gone;
    if (found === "unsure") return undefined;
    const path = dumpPathOf(host, found);
    const held = holdPlace(host, path);
    this.#signal ??= await jsonSignal(host);
    const view = await askDump(host, { pid: found, path, instance, signal: this.#signal });
    if (view !== undefined) return view;
    if (this.keepalived.seen() === undefined && (await this.keepalived.find()) === "gone") return gone;
    this.#why = held
      ? `keepalived runs but does not write ${path}: is the file system full? (df -h ${dirname(path)})`
      : `keepalived runs but cannot write ${path}: something of another user is there. Remove it: ls -ld ${path}`;
    return undefined;
  }

  /** Called when there is no dump. If keepalived is alive all the same, its last hint and the kernel's addresses determine the state. */
  #missed(): void {
    const { host } = this.#options;
    const late = host.clock.monotonic() - this.#missedAt > seriesMs;
    this.#missedAt = host.clock.monotonic();
    if (late) this.#pulse = undefined;
    this.#misses = late ? 1 : this.#misses + 1;
    this.undecided = true;
    const witnessed = this.#witnessed();
    if (witnessed !== undefined) {
      this.undecided = false;
      this.dumpTrouble = this.#why;
      this.#enter(witnessed, hinted);
      return;
    }
    if (this.#misses < missesMax) return;
    this.undecided = false;
    this.dumpTrouble = undefined;
    this.#stats = {}; // counters of a keepalived that is gone
    this.#enter("unknown", "silent");
  }

  /** The state without a dump; undefined: no proof that keepalived is alive. */
  #witnessed(): VrrpState | undefined {
    const { host, vip } = this.#options;
    const pid = this.keepalived.seen();
    if (pid === undefined) return undefined;
    const before = this.#pulse;
    this.#pulse = pulseOf(host, pid);
    if (!isAlive(before, this.#pulse)) return undefined;
    const present = hasAddress(host, vip());
    if (present === undefined) return this.#hint;
    if (present) return "master";
    const last = this.#hint ?? this.#saved.state;
    return last === "master" || last === "unknown" ? "backup" : last;
  }

  #enter(state: VrrpState, life: string): void {
    const before = this.#saved;
    if (state === before.state && !becameMasterAgain(before.life, life)) {
      if (life !== before.life) this.#save({ ...before, life });
      return;
    }
    this.#save({ state, term: before.term + 1, since: this.#options.host.clock.now(), life });
    this.#options.changed(before.state, this.#saved);
  }

  #save(saved: Saved): void {
    this.#saved = saved;
    this.#options.host.files.write(statePath, JSON.stringify(saved), { mode: 0o644 });
  }

  #load(): Saved {
    try {
      return v.parse(savedSchema, JSON.parse(this.#options.host.files.readText(statePath) ?? ""));
    } catch {
      return { state: "unknown", term: 0, since: this.#options.host.clock.now(), life: "none" }; // first start since boot
    }
  }
}

/** Same process, but its count of transitions to master grew: it left the state in between. `before`, `now`: "PID COUNT". Pure. */
export function becameMasterAgain(before: string, now: string): boolean {
  const [pid, count] = before.split(" ");
  const [pidNow, countNow] = now.split(" ");
  return pid === pidNow && Number(countNow) > Number(count);
}
