/** Outages computed from samples: known cases, and properties of random ones. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { outages, report, type Sample } from "./outage.ts";

const ping = (sent: number, got = sent + 0.1): Sample => ({ service: "ping", sent, got });
const lost = (sent: number): Sample => ({ service: "ping", sent, got: undefined });
const tcp = (sent: number, got: number): Sample => ({ service: "tcp", sent, got });

describe("outages", () => {
  test("steady answers are none, even when the asking itself paused", () => {
    expect(outages([ping(0), ping(10), ping(500), ping(510)], "ping", 515)).toEqual([]);
  });

  test("an outage is the silence between two answers with a loss in between", () => {
    const found = outages([ping(0), ping(10, 10), lost(20), lost(30), ping(40, 41)], "ping", 50);
    expect(found).toEqual([{ from: 10, to: 41, lost: 2, ms: 31 }]);
  });

  test("what is lost before the first answer is a start, not an outage", () => {
    expect(outages([lost(0), ping(10, 10)], "ping", 20)).toEqual([]);
  });

  test("an outage that lasts has no end", () => {
    expect(outages([ping(0, 0), lost(10)], "ping", 1000)).toEqual([{ from: 0, to: undefined, lost: 1, ms: 1000 }]);
  });

  test("silence at the end counts although nothing is known to be lost", () => {
    expect(outages([ping(0, 0)], "ping", 5000)).toEqual([{ from: 0, to: undefined, lost: 0, ms: 5000 }]);
  });

  test("TCP loses nothing: late answers that come together are one outage", () => {
    const found = outages(
      [tcp(0, 1), tcp(10, 11), tcp(20, 900), tcp(30, 900.1), tcp(500, 900.2), tcp(910, 911)],
      "tcp",
      920,
    );
    expect(found).toEqual([{ from: 11, to: 900, lost: 0, ms: 889 }]);
  });

  test("services are kept apart", () => {
    const found = report([ping(0, 0), lost(10), ping(20, 20), tcp(0, 1)], 25);
    expect(found.map(({ service, answered, lost, longestMs }) => [service, answered, lost, longestMs])).toEqual([
      ["ping", 2, 1, 20],
      ["tcp", 1, 0, 0],
      ["dns", 0, 0, 0],
      ["http", 0, 0, 0],
    ]);
  });
});

test("whatever the samples: outages are in order, do not overlap, and hold every loss after the first answer once", () => {
  const samples = fc.array(
    fc.record({
      sent: fc.integer({ min: 0, max: 5000 }),
      delay: fc.option(fc.integer({ min: 0, max: 900 }), { nil: undefined }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(samples, (drawn) => {
      const asked: Sample[] = drawn.map(({ sent, delay }) => ({
        service: "ping",
        sent,
        got: delay === undefined ? undefined : sent + delay,
      }));
      const found = outages(asked, "ping", 10_000);
      for (const [index, outage] of found.entries()) {
        expect(outage.ms).toBe((outage.to ?? 10_000) - outage.from);
        expect(outage.ms).toBeGreaterThanOrEqual(0);
        const next = found[index + 1];
        if (next !== undefined) expect(next.from).toBeGreaterThanOrEqual(outage.to ?? Number.POSITIVE_INFINITY);
      }
      const firstAnswer = Math.min(...asked.flatMap(({ got }) => got ?? []));
      const losses = asked.filter(({ sent, got }) => got === undefined && sent > firstAnswer).length;
      const atStart = asked.filter(({ sent, got }) => got === undefined && sent === firstAnswer).length;
      const counted = found.reduce((sum, outage) => sum + outage.lost, 0);
      expect(counted).toBeGreaterThanOrEqual(losses);
      expect(counted).toBeLessThanOrEqual(losses + atStart);
    }),
  );
});
