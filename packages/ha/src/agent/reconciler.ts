/**
 * Brings a node into line with its VRRP state: observe → plan → act → observe again, until the plan is empty (design decision 3).
 *
 * Invariants:
 * - one pass at a time; a new situation aborts the running pass, waits for its steps to settle, and starts a new one;
 * - a step's mark is deleted before the step starts and set after it succeeded in the situation it was planned for, so an
 *   interrupted step counts as not done, for both postures;
 * - a step that fails is retried after a growing delay (bounded), and never delays steps that do not depend on it.
 */
import { backoffMs } from "@nethsec/host/backoff";
import { Doorbell } from "@nethsec/host/doorbell";
import type { Clock, Log } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import { type Desired, type Observed, type PlannedStep, plan, type Situation } from "./plan.ts";

/** The machine as the reconciler sees it. */
export interface World {
  desired(situation: Situation): Desired;
  observe(desired: Desired, marks: ReadonlyMap<string, string>, signal: AbortSignal): Promise<Observed>;
  /** Performs the step and verifies its effect; throws when it failed. Must settle soon after the signal aborts. */
  perform(step: PlannedStep["step"], signal: AbortSignal): Promise<void>;
  /** Called with all marks after each change, so that they survive a restart of the agent. */
  saveMarks(marks: ReadonlyMap<string, string>): void;
}

export interface ReconcilerOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly log: Log;
  readonly marks: ReadonlyMap<string, string>;
  /** Maximum number of concurrent steps. */
  readonly parallel?: number;
  /** Longest interval between observations when nothing happens, milliseconds. */
  readonly lookAgainMs?: number;
  /** Called when the plan became empty. `tookMs`: since the situation began, or since a deviation was found. */
  readonly converged?: (situation: Situation, tookMs: number) => void;
  /** Called after each pass. */
  readonly changed?: () => void;
}

export interface FailingStep {
  readonly id: string;
  readonly failures: number;
  readonly reason: string;
  /** Monotonic time, milliseconds. */
  readonly nextTry: number;
}

/** High on purpose: `World` limits CPU-bound work itself, and steps that only wait must not delay others. */
const defaultParallel = 64;
const defaultLookAgainMs = 300_000;
/** After a change other programs are still busy (a boot starts services one by one): observe soon at first, then at growing intervals. */
const firstLookAgainMs = 1000;
const firstRetryMs = 1000;
const lastRetryMs = 60_000;
/** DHCP and PPPoE need time: another ifup would restart them. */
const interfaceRetryMs = 30_000;

export class Reconciler {
  readonly #world: World;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #parallel: number;
  readonly #lookAgainMs: number;
  readonly #options: ReconcilerOptions;
  readonly #marks: Map<string, string>;
  readonly #failing = new Map<string, FailingStep>();
  #situation: Situation | undefined;
  #since = 0;
  #pending: readonly string[] = [];
  #converged = false;
  /** Consecutive passes with an empty plan. */
  #quietLooks = 0;
  #attempt = new AbortController();
  readonly #doorbell = new Doorbell();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#world = options.world;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#marks = new Map(options.marks);
    this.#parallel = options.parallel ?? defaultParallel;
    this.#lookAgainMs = options.lookAgainMs ?? defaultLookAgainMs;
  }

  get converged(): boolean {
    return this.#converged;
  }
  /** Ids of the steps still to be done, as of the last pass. */
  get pending(): readonly string[] {
    return this.#pending;
  }
  get failing(): readonly FailingStep[] {
    return [...this.#failing.values()];
  }

  /** A new situation supersedes the current one, even while its steps are running. No effect when the situation is unchanged. */
  enter(situation: Situation): void {
    const before = this.#situation;
    const same = before !== undefined && before.term === situation.term && before.state === situation.state;
    if (same && before.enabled === situation.enabled && before.role === situation.role) return;
    this.#situation = situation;
    this.#since = this.#clock.monotonic();
    this.#converged = false;
    this.#quietLooks = 0;
    this.#failing.clear();
    this.#attempt.abort(new Error(`superseded by ${situation.state}`));
    this.lookAgain();
  }

  /** Requests a pass. `forget` selects marks to drop, so that their steps are done again, e.g. announcements after another node had the addresses. */
  lookAgain(forget: (key: string) => boolean = () => false): void {
    for (const key of this.#marks.keys()) if (forget(key)) this.#marks.delete(key);
    this.#doorbell.ring();
  }

  /** Runs until the signal aborts; steps still running then are aborted, not undone. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#attempt.abort(new Error("agent stops")), { once: true });
    while (!signal.aborted) {
      this.#doorbell.clear();
      this.#attempt = new AbortController();
      const progressed = await this.#pass(this.#attempt.signal);
      this.#options.changed?.();
      if (signal.aborted) return;
      if (!progressed) await this.#rest(signal);
    }
  }

  /** Observes, plans and performs the due steps. True when another pass is due at once. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const situation = this.#situation;
    if (situation === undefined) return false;
    try {
      const desired = this.#world.desired(situation);
      const observed = await this.#world.observe(desired, this.#marks, signal);
      if (signal.aborted) return true;
      const steps = plan(observed, desired);
      this.#pending = steps.map(({ id }) => id);
      for (const id of this.#failing.keys()) if (!this.#pending.includes(id)) this.#failing.delete(id);
      if (steps.length === 0) return this.#settle(situation);
      const now = this.#clock.monotonic();
      // A later repair is timed from its detection, not from the failover weeks ago.
      if (this.#converged) this.#since = now;
      this.#converged = false;
      this.#quietLooks = 0;
      const due = steps.filter(({ id }) => (this.#failing.get(id)?.nextTry ?? 0) <= now);
      await this.#act(due, signal);
      return due.length > 0;
    } catch (error) {
      if (signal.aborted) return true;
      this.#fail("look", messageOf(error), firstRetryMs);
      return false;
    }
  }

  #settle(situation: Situation): false {
    this.#failing.delete("look");
    this.#quietLooks += 1;
    if (!this.#converged) {
      this.#converged = true;
      this.#options.converged?.(situation, this.#clock.monotonic() - this.#since);
    }
    return false;
  }

  /** Runs the steps, each as soon as the steps in its `after` have ended, at most `parallel` at a time. */
  async #act(steps: readonly PlannedStep[], signal: AbortSignal): Promise<void> {
    const waiting = [...steps];
    const open = new Set(steps.map(({ id }) => id));
    const succeeded = new Set<string>();
    const held = ({ after, afterAny = [] }: PlannedStep): boolean =>
      after.some((id) => open.has(id)) ||
      (!afterAny.some((id) => succeeded.has(id)) && afterAny.some((id) => open.has(id)));
    const running = new Set<Promise<void>>();
    while ((waiting.length > 0 && !signal.aborted) || running.size > 0) {
      for (const step of signal.aborted ? [] : [...waiting]) {
        if (running.size >= this.#parallel) break;
        if (held(step)) continue;
        waiting.splice(waiting.indexOf(step), 1);
        const work: Promise<void> = this.#perform(step, signal)
          .then((ok) => void (ok && succeeded.add(step.id)))
          .finally(() => (running.delete(work), open.delete(step.id)));
        running.add(work);
      }
      if (running.size === 0) return; // dependency cycle: unreachable, but never busy-loop
      await Promise.race(running);
    }
  }

  /** True when it succeeded. */
  async #perform({ id, step, mark }: PlannedStep, signal: AbortSignal): Promise<boolean> {
    this.#marks.delete(mark.key);
    this.#world.saveMarks(this.#marks);
    const from = this.#clock.monotonic();
    try {
      await this.#world.perform(step, signal);
      if (signal.aborted) return false;
      this.#marks.set(mark.key, mark.value);
      this.#world.saveMarks(this.#marks);
      this.#failing.delete(id);
      this.#pending = this.#pending.filter((other) => other !== id);
      this.#log("debug", `${id}: ${Math.round(this.#clock.monotonic() - from)} ms`);
      return true;
    } catch (error) {
      if (!signal.aborted)
        this.#fail(id, messageOf(error), step.kind === "interface" && step.up ? interfaceRetryMs : firstRetryMs);
    }
    return false;
  }

  #fail(id: string, reason: string, firstMs: number): void {
    const failures = (this.#failing.get(id)?.failures ?? 0) + 1;
    const delay = backoffMs(failures, { firstMs, longestMs: lastRetryMs });
    this.#failing.set(id, { id, failures, reason, nextTry: this.#clock.monotonic() + delay });
    this.#log(failures === 1 ? "warning" : "debug", `${id} failed, next try in ${delay / 1000} s: ${reason}`);
  }

  /** Waits until woken, a retry is due, or the next periodic pass. */
  async #rest(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    const soon = backoffMs(this.#quietLooks + 1, { firstMs: firstLookAgainMs, longestMs: this.#lookAgainMs });
    const next = Math.min(soon, ...[...this.#failing.values()].map(({ nextTry }) => nextTry - now));
    await this.#doorbell.wait(this.#clock, Math.max(next, 10), signal);
  }
}
