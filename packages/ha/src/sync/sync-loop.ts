/**
 * When to synchronise: at once after a change (inotify, short debounce), when asked, and periodically as a safety net (design decision 5).
 * Invariants: one run at a time; requests made during a run share one further run; only while `allowed`; failures are retried
 * automatically, with a growing delay; the outcome is in /var/state, in the log, and in a condition.
 */
import { backoffMs } from "@nethsec/host/backoff";
import { Doorbell } from "@nethsec/host/doorbell";
import type { Host } from "@nethsec/host/host";
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import type { HaConfig } from "../cluster/config.ts";
import { statePaths } from "../cluster/state-files.ts";
import type { Described } from "./description.ts";
import { isWithin } from "./path-rules.ts";
import { type SyncOutcome, SyncSender } from "./sync-sender.ts";
import { concernsSync, watchRoots } from "./watch-list.ts";

const quietMs = 100;
/** Debounce for leases and other files that programs write all the time. */
const busyQuietMs = 5000;
const firstRetryMs = 5000;
const lastRetryMs = 120_000;

export interface SyncLoopOptions {
  readonly host: Host;
  readonly config: () => HaConfig;
  /** True while this node is the sender. */
  readonly allowed: () => boolean;
  /** True while nothing is to be sent, although this node is the sender: changes are still noticed. */
  readonly paused?: () => boolean;
  /** Called before anything is read or sent; an error makes the run fail with that reason. */
  readonly before?: (signal: AbortSignal) => Promise<void>;
  /** Sends this node's list of files to the backup; called when the backup refused a path because its own list does not name it. */
  readonly shareList?: (config: HaConfig) => Promise<void>;
  readonly finished: (outcome: SyncOutcome) => void;
}

interface Waiter {
  readonly force: readonly string[];
  readonly progress: (text: string) => void;
  readonly resolve: (outcome: SyncOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export class SyncLoop {
  readonly #options: SyncLoopOptions;
  readonly #sender: SyncSender;
  readonly #waiters: Waiter[] = [];
  #dueAt = 0;
  #force = true;
  #failures = 0;
  readonly #doorbell = new Doorbell();
  #watching: { readonly roots: string; readonly stop: AbortController } | undefined;
  /** Wall clock of the first change not yet covered by a run. */
  #changedAt: number | undefined;
  #changes = 0;
  last: SyncOutcome | undefined;
  /** Wall clock, milliseconds since 1970. */
  lastAt: number | undefined;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    this.#sender = new SyncSender(options.host);
  }

  /**
   * Synchronises as soon as possible; resolves with the outcome. `force`: paths that are sent though their content looks lost.
   * Throws `sync_not_here` when this node is not the sender, `sync_paused` while the synchronisation is paused.
   */
  now(progress: (text: string) => void, force: readonly string[] = []): Promise<SyncOutcome> {
    if (!this.#options.allowed()) {
      throw new NethsecError({
        code: "sync_not_here",
        message:
          "This node does not send its configuration now: only the primary does, while it is master and the cluster is enabled.",
        advice: "Look at `ns-ha-config status`.",
      });
    }
    if (this.#paused) throw paused();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ force, progress, resolve, reject });
      this.#force = true;
      this.#due(0);
    });
  }

  /**
   * Since when (wall clock, milliseconds) a change detected here has not reached the backup: its run is due, or runs fail. undefined: the backup
   * has all detected changes.
   */
  get waitingSince(): number | undefined {
    return this.#changedAt;
  }

  /** Number of changes noticed since the agent started. */
  get changes(): number {
    return this.#changes;
  }

  /** What would be sent now, with a fresh export. */
  describe(config: HaConfig): Promise<Described> {
    return this.#sender.describe(config, AbortSignal.timeout(30_000));
  }

  /** To be called after a change of state or configuration: re-evaluates whether this node sends. */
  look(): void {
    this.#dueAt = 0;
    this.#doorbell.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.host;
    while (!signal.aborted) {
      if (!this.#options.allowed()) {
        this.#stopWatching();
        this.#force = true;
        await this.#doorbell.wait(clock, 60_000, signal);
        this.#dueAt = 0;
        continue;
      }
      this.#watch(signal);
      if (this.#paused) {
        for (const { reject } of this.#waiters.splice(0)) reject(paused());
        await this.#doorbell.wait(clock, 60_000, signal);
        continue;
      }
      const wait = this.#dueAt - clock.monotonic();
      if (wait > 0) {
        await this.#doorbell.wait(clock, wait, signal);
        continue;
      }
      await this.#once(signal);
    }
    this.#stopWatching();
    for (const { reject } of this.#waiters.splice(0)) reject(new Error("the agent stops"));
  }

  get #paused(): boolean {
    return this.#options.paused?.() === true;
  }

  async #once(signal: AbortSignal): Promise<void> {
    const { host, config, finished, before, shareList } = this.#options;
    const waiters = this.#waiters.splice(0);
    const onlyIfChanged = !this.#force && this.#failures === 0;
    this.#force = false;
    this.#dueAt = Number.POSITIVE_INFINITY;
    const changedAt = this.#changedAt;
    this.#changedAt = undefined;
    try {
      const settings = config();
      const outcome = await this.#sender.run(settings, {
        onlyIfChanged,
        force: waiters.flatMap(({ force }) => force),
        signal,
        ...(before === undefined ? {} : { before }),
        ...(shareList === undefined ? {} : { shareList }),
        progress: (text) => waiters.forEach((waiter) => waiter.progress(text)),
      });
      // When only some files were held back, the link works: no retry delay, so that the next change is sent at once.
      const delivered = outcome.ok || outcome.withheld !== undefined;
      this.#failures = delivered ? 0 : this.#failures + 1;
      if (!outcome.ok) this.#changedAt = changedAt ?? this.#changedAt;
      const next = delivered
        ? settings.sync.intervalSeconds * 1000
        : backoffMs(this.#failures, { firstMs: firstRetryMs, longestMs: lastRetryMs });
      this.#due(next);
      this.#force ||= this.#waiters.length > 0;
      // Ignore a failure when this node stopped being master meanwhile.
      if (outcome.ok || this.#options.allowed()) {
        this.last = outcome;
        this.lastAt = host.clock.now();
        finished(outcome);
      }
      for (const { resolve } of waiters) resolve(outcome);
      this.#watch(signal);
    } catch (error) {
      this.#changedAt = changedAt ?? this.#changedAt;
      this.#due(lastRetryMs);
      for (const { reject } of waiters) reject(error);
      if (!signal.aborted) host.log("err", `synchronisation: ${messageOf(error)}`);
    }
  }

  #due(inMs: number): void {
    const at = this.#options.host.clock.monotonic() + inMs;
    if (at >= this.#dueAt) return;
    this.#dueAt = at;
    this.#doorbell.ring();
  }

  /** Watches the paths that the configuration lists and that the last run sent; restarts the watches when these change. */
  #watch(signal: AbortSignal): void {
    const { files, log } = this.#options.host;
    const listed = [...this.#options.config().sync.list, ...statePaths(this.#options.host)];
    const roots = watchRoots(listed, this.#sender.roots);
    const key = roots.join("\n");
    if (this.#watching?.roots === key) return;
    this.#stopWatching();
    const stop = new AbortController();
    this.#watching = { roots: key, stop };
    for (const root of roots) {
      try {
        files.watch(root, (path) => this.#changed(path), AbortSignal.any([signal, stop.signal]));
      } catch (error) {
        log("warning", `${root} cannot be watched, its changes travel with the periodic run: ${messageOf(error)}`);
      }
    }
  }

  #stopWatching(): void {
    this.#watching?.stop.abort();
    this.#watching = undefined;
  }

  #changed(path: string): void {
    if (!concernsSync(path)) return;
    this.#changedAt ??= this.#options.host.clock.now();
    this.#changes += 1;
    const inEtc = isWithin(path, "/etc");
    // While the link fails, do not retry for every lease; a configuration change does trigger an earlier retry.
    if (this.#failures > 0 && !inEtc) return;
    if (this.#failures > 0) this.#due(firstRetryMs);
    else this.#due(inEtc ? quietMs : busyQuietMs);
  }
}

function paused(): NethsecError {
  return new NethsecError({
    code: "sync_paused",
    message: "The synchronisation is paused: nothing is sent to the backup node.",
    advice: "To send what waits: ns-ha-config resume",
  });
}
