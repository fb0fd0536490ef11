/** The hour that is being counted and its growth rate: for the live page and `ns-report watch`. */
import type { SeenStatus } from "../store/daemon-status.ts";
import { hourKey, type Day } from "../store/hour-key.ts";
import type { readLive } from "../store/live-file.ts";
import { formatDay } from "../store/report-day.ts";
import type { ReportStore } from "../store/report-store.ts";
import { summarise, type Summary } from "./summary.ts";

/** Growth within `ms`: bytes in all, and by client. */
export interface Growth {
  readonly total: number;
  readonly clients: ReadonlyMap<string, number>;
  readonly ms: number;
}

export interface LiveHourState {
  readonly day: Day;
  readonly hour: number;
  /** Narrowed to the hour. */
  readonly summary: Summary;
  /** undefined until there are two samples. */
  readonly growth: Growth | undefined;
  /** Wall clock: the moment of the counters. */
  readonly asOf: number | undefined;
}

interface Sample {
  /** Identifies what was sampled; only samples of the same thing can be compared. */
  readonly of: string;
  readonly asOf: number;
  readonly byClient: ReadonlyMap<string, number>;
}

/** Older live counters are left over from an earlier request; the last dump may be newer. */
const oldestMs = 10_000;
/** Engines report each flow every 15 s: a rate over less than two rounds would jump. */
const rateMs = 30_000;

export interface LiveHourNeeds {
  readonly store: ReportStore;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  /** The daemon's last written status. */
  readonly status: () => SeenStatus | undefined;
  /** The daemon's last written live hour. */
  readonly read: () => ReturnType<typeof readLive>;
  /** Asks the daemon to keep writing the live hour for the next few seconds. */
  readonly ask: () => void;
}

export class LiveHour {
  readonly #needs: LiveHourNeeds;
  /** Oldest first. */
  #samples: Sample[] = [];

  constructor(needs: LiveHourNeeds) {
    this.#needs = needs;
  }

  /** Changes whenever the view would: the time of the newest counters, the hour, whether anything is counted. Cheap. */
  mark(): string {
    this.#needs.ask();
    const status = this.#needs.status();
    const asOf = this.#newest()?.asOf ?? status?.last_dump ?? 0;
    return `${asOf} ${new Date(this.#needs.now()).getHours()} ${status?.running} ${status?.connected}`;
  }

  look(): LiveHourState {
    this.#needs.ask();
    const day = this.#needs.store.today();
    const hour = new Date(this.#needs.now()).getHours();
    const live = this.#newest();
    const counters = live?.counters();
    if (live !== undefined && counters !== undefined) {
      const summary = summarise(counters, { hour });
      this.#sample(`${live.hour} of ${live.pid}`, live.asOf, summary);
      return { day, hour, summary, growth: this.#growth(), asOf: live.asOf };
    }
    const dumped = this.#needs.store.day(day);
    const asOf = this.#needs.status()?.last_dump;
    // Samples the whole day, so that a new hour does not interrupt the rate.
    if (asOf !== undefined) this.#sample(formatDay(day), asOf, summarise(dumped));
    return { day, hour, summary: summarise(dumped, { hour }), growth: this.#growth(), asOf };
  }

  /** The live counters; undefined when only the dump is usable: not requested until now, another daemon's file, an hour that is over. */
  #newest(): ReturnType<typeof readLive> {
    const live = this.#needs.read();
    const status = this.#needs.status();
    const now = this.#needs.now();
    if (live === undefined || status === undefined || live.pid !== status.pid) return undefined;
    const isThisHour = live.hour === hourKey(this.#needs.store.today(), new Date(now).getHours());
    return isThisHour && Math.abs(now - live.asOf) < oldestMs ? live : undefined;
  }

  #sample(of: string, asOf: number, summary: Summary): void {
    if (this.#samples.at(-1)?.of !== of || (this.#samples.at(-1)?.asOf ?? 0) > asOf) this.#samples = [];
    if (this.#samples.at(-1)?.asOf === asOf) return;
    this.#samples.push({ of, asOf, byClient: new Map(summary.clients.map(({ id, bytes }) => [id, bytes])) });
    while (asOf - (this.#samples[1]?.asOf ?? asOf) >= rateMs) this.#samples.shift();
  }

  #growth(): Growth | undefined {
    const [before] = this.#samples;
    const after = this.#samples.at(-1);
    return before === undefined || after === undefined || before === after ? undefined : growthOf(before, after);
  }
}

function growthOf(before: Sample, after: Sample): Growth {
  const clients = new Map<string, number>();
  let total = 0;
  for (const [client, bytes] of after.byClient) {
    const more = Math.max(0, bytes - (before.byClient.get(client) ?? 0));
    if (more > 0) clients.set(client, more);
    total += more;
  }
  return { total, clients, ms: after.asOf - before.asOf };
}
