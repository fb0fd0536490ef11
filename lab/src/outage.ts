/**
 * Computes outages from probe samples; pure. An outage is the time between two consecutive answers, if a request in between was lost or
 * answered late. The result is at most one probe interval too long, never too short; a busy machine that only sends late does not cause an
 * outage.
 */
export const probedServices = ["ping", "tcp", "dns", "http"] as const;
export type ProbedService = (typeof probedServices)[number];

/** One request. Times are milliseconds since 1970, with fractions. */
export interface Sample {
  readonly service: ProbedService;
  readonly sent: number;
  /** Time of the answer; undefined if there was none. */
  readonly got: number | undefined;
}

export interface Outage {
  /** Last answer before the outage. */
  readonly from: number;
  /** First answer after the outage; undefined if it has not ended. */
  readonly to: number | undefined;
  /** Requests without an answer. */
  readonly lost: number;
  /** `to - from`, or until now. */
  readonly ms: number;
}

/**
 * Milliseconds between two requests, and the latency above which an answer counts as late. Needed because TCP delays data instead of
 * losing it, and a router queues packets while it resolves its neighbour's address.
 */
export const intervalMs: Readonly<Record<ProbedService, number>> = { ping: 10, tcp: 10, dns: 50, http: 50 };
const lateMs: Readonly<Record<ProbedService, number>> = { ping: 100, tcp: 100, dns: 200, http: 200 };

/** Outages of one service; `samples` in any order. `now`: end of the measurement, for an outage that has not ended. */
export function outages(samples: readonly Sample[], service: ProbedService, now: number): Outage[] {
  const asked = samples
    .filter((sample) => sample.service === service)
    .toSorted((a, b) => (a.got ?? a.sent) - (b.got ?? b.sent));
  const found: Outage[] = [];
  let last: number | undefined;
  let lost = 0;
  for (const { sent, got } of asked) {
    if (got === undefined) {
      // Ignore losses before the first answer: the service has not started yet.
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
