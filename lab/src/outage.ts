/**
 * From answers to outages: pure. A probe asks several services again and again; an outage is the silence between two consecutive
 * answers when a question in between was lost or its answer came late. It is thus at most one interval of asking too long, never too short,
 * and a busy machine that merely asks late makes none.
 */
export const probedServices = ["ping", "tcp", "dns", "http"] as const;
export type ProbedService = (typeof probedServices)[number];

/** One question. Times are milliseconds since 1970, with fractions. */
export interface Sample {
  readonly service: ProbedService;
  readonly sent: number;
  /** When the answer came; undefined: none came. */
  readonly got: number | undefined;
}

export interface Outage {
  /** The last answer before. */
  readonly from: number;
  /** The first answer after; undefined while it lasts. */
  readonly to: number | undefined;
  /** Questions without an answer. */
  readonly lost: number;
  /** `to - from`, or until now. */
  readonly ms: number;
}

/**
 * Milliseconds between two questions, and after how many an answer is late. TCP never loses, it delays;
 * a router that has lost the address of its neighbour keeps packets and sends them when it is back.
 */
export const intervalMs: Readonly<Record<ProbedService, number>> = { ping: 10, tcp: 10, dns: 50, http: 50 };
const lateMs: Readonly<Record<ProbedService, number>> = { ping: 100, tcp: 100, dns: 200, http: 200 };

/** Outages of one service; `samples` in any order. `now`: until when silence after the last answer counts. */
export function outages(samples: readonly Sample[], service: ProbedService, now: number): Outage[] {
  const asked = samples
    .filter((sample) => sample.service === service)
    .toSorted((a, b) => (a.got ?? a.sent) - (b.got ?? b.sent));
  const found: Outage[] = [];
  let last: number | undefined;
  let lost = 0;
  for (const { sent, got } of asked) {
    if (got === undefined) {
      // What is lost before the first answer is a start, not an outage.
      if (last !== undefined) lost++;
      continue;
    }
    if (last !== undefined && (lost > 0 || (got - sent > lateMs[service] && got - last > lateMs[service])))
      found.push({ from: last, to: got, lost, ms: got - last });
    last = got;
    lost = 0;
  }
  const silence = last === undefined ? 0 : now - last;
  if (last !== undefined && (lost > 0 || silence > Math.max(200, 3 * intervalMs[service])))
    found.push({ from: last, to: undefined, lost, ms: silence });
  return found;
}

export interface ServiceReport {
  readonly service: ProbedService;
  readonly answered: number;
  readonly lost: number;
  readonly outages: readonly Outage[];
  readonly longestMs: number;
}

export function report(samples: readonly Sample[], now: number): ServiceReport[] {
  return probedServices.map((service) => {
    const mine = samples.filter((sample) => sample.service === service);
    const answered = mine.filter((sample) => sample.got !== undefined).length;
    const found = outages(samples, service, now);
    return {
      service,
      answered,
      lost: mine.length - answered,
      outages: found,
      longestMs: Math.max(0, ...found.map((outage) => outage.ms)),
    };
  });
}
