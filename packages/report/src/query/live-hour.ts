/** The hour that is being counted, and how fast it grows from dump to dump: for the live page and `ns-report watch`. */
import type { DayCounters } from "../day-counters.ts";
import type { DaemonStatus } from "../daemon-status.ts";
import type { Day } from "../hour-key.ts";
import { formatDay } from "./report-day.ts";
import type { ReportStore } from "./report-store.ts";
import { summarise, type Summary } from "./summary.ts";

/** Bytes in all, and by client, that came within `ms`. */
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
  /** undefined until two dumps of one day were seen. */
  readonly growth: Growth | undefined;
  /** Wall clock of the newest dump. */
  readonly asOf: number | undefined;
}

interface Sample {
  readonly day: string;
  readonly dumpedAt: number;
  /** Bytes of the whole day, so that a new hour is no break. */
  readonly byClient: ReadonlyMap<string, number>;
}

export class LiveHour {
  readonly #store: ReportStore;
  readonly #now: () => number;
  readonly #status: () => DaemonStatus | undefined;
  #newest: Sample | undefined;
  #growth: Growth | undefined;

  /** `now`: wall clock, milliseconds. `status`: what the daemon wrote last. */
  constructor(store: ReportStore, now: () => number, status: () => DaemonStatus | undefined) {
    this.#store = store;
    this.#now = now;
    this.#status = status;
  }

  /** What would change the picture, as one comparable text: the newest dump, and the hour. Cheap. */
  mark(): string {
    return `${this.#status()?.last_dump ?? 0} ${new Date(this.#now()).getHours()}`;
  }

  look(): LiveHourState {
    const day = this.#store.today();
    const hour = new Date(this.#now()).getHours();
    const asOf = this.#status()?.last_dump;
    const counters = this.#store.day(day);
    this.#sample(counters, asOf);
    return { day, hour, summary: summarise(counters, { hour }), growth: this.#growth, asOf };
  }

  #sample(counters: DayCounters, dumpedAt: number | undefined): void {
    if (dumpedAt === undefined || this.#newest?.dumpedAt === dumpedAt) return;
    const sample = {
      day: formatDay(counters.day),
      dumpedAt,
      byClient: new Map(summarise(counters).clients.map(({ id, bytes }) => [id, bytes])),
    };
    const before = this.#newest;
    this.#newest = sample;
    this.#growth =
      before !== undefined && before.day === sample.day && dumpedAt > before.dumpedAt
        ? growthOf(before, sample)
        : undefined;
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
  return { total, clients, ms: after.dumpedAt - before.dumpedAt };
}
