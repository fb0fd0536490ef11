/** The hour that is being counted and its growth rate: for the live page and `ns-report watch`. */
import type { SeenStatus } from "../store/daemon-status.ts";
import { hourKey, type Day } from "../store/hour-key.ts";
import type { readLive } from "../store/live-file.ts";
import { formatDay } from "../store/report-day.ts";
import type { ReportStore } from "../store/report-store.ts";
import { summarise, type Summary } from "./summary.ts";
import type { Usage } from "./traffic.ts";

/** Growth within `ms`: bytes in all, and by client, application and host. */
export interface Growth {
  readonly total: number;
  readonly clients: ReadonlyMap<string, number>;
  readonly applications: ReadonlyMap<string, number>;
  readonly hosts: ReadonlyMap<string, number>;
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
  readonly clients: Counted;
  readonly applications: Counted;
  readonly hosts: Counted;
}

/** Bytes by client or name. */
interface Counted {
  readonly bytes: ReadonlyMap<string, number>;
  /** What is not in `bytes` has at most so many. */
  readonly rest: number;
}

/** Older live counters are left over from an earlier request; the last dump may be newer. */
const oldestMs = 10_000;
/** Engines report each flow every 15 s: a rate over less than two rounds would jump. */
const rateMs = 30_000;
/** Of the names of an hour, those with the most traffic are sampled: there can be 250,000. */
const namesSampled = 2048;

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
    const counters = live?.counters(this.#needs.store.owners(day));
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
    this.#samples.push({
      of,
      asOf,
      clients: countedOf(summary.clients),
      applications: countedOf(summary.sections?.application ?? [], namesSampled),
      hosts: countedOf(summary.sections?.host ?? [], namesSampled),
    });
    while (asOf - (this.#samples[1]?.asOf ?? asOf) >= rateMs) this.#samples.shift();
  }

  #growth(): Growth | undefined {
    const [before] = this.#samples;
    const after = this.#samples.at(-1);
    return before === undefined || after === undefined || before === after ? undefined : growthOf(before, after);
  }
}

/** `usages`: largest first. */
function countedOf(usages: readonly Usage[], most = usages.length): Counted {
  const kept = usages.slice(0, most);
  return { bytes: new Map(kept.map(({ id, bytes }) => [id, bytes])), rest: usages[most]?.bytes ?? 0 };
}

function growthOf(before: Sample, after: Sample): Growth {
  const clients = grownOf(before.clients, after.clients);
  let total = 0;
  for (const more of clients.values()) total += more;
  return {
    total,
    clients,
    applications: grownOf(before.applications, after.applications, total),
    hosts: grownOf(before.hosts, after.hosts, total),
    ms: after.asOf - before.asOf,
  };
}

/**
 * A name that was too small to be sampled before has grown by at least what is said here. `most`: what all have grown by; `other` grows by more when
 * names are merged into it.
 */
function grownOf(before: Counted, after: Counted, most = Infinity): Map<string, number> {
  const grown = new Map<string, number>();
  for (const [id, bytes] of after.bytes) {
    const more = Math.min(most, bytes - (before.bytes.get(id) ?? before.rest));
    if (more > 0) grown.set(id, more);
  }
  return grown;
}

/** The `most` with the highest rate; before rates are known, and among equal ones, those with the most traffic. */
export function byRate<Row extends Usage>(
  usages: readonly Row[],
  growth: ReadonlyMap<string, number> | undefined,
  most: number,
): readonly Row[] {
  const rateOf = ({ id }: Usage): number => growth?.get(id) ?? 0;
  if (growth === undefined) return usages.slice(0, most);
  const growing = usages.filter(({ id }) => growth.has(id)).sort((a, b) => rateOf(b) - rateOf(a));
  const others = usages.filter(({ id }) => !growth.has(id));
  return [...growing, ...others].slice(0, most);
}
