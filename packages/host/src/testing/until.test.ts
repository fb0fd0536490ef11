import { describe, expect, test } from "bun:test";
import { until } from "./until.ts";

describe("until", () => {
  test("returns the first value that is neither false nor undefined", async () => {
    const values = [undefined, false, 0];
    expect(await until(() => values.shift(), { what: "a value", everyMs: 1 })).toBe(0);
  });

  test("says what was waited for, how long, and the last error of the condition", async () => {
    const began = performance.now();
    const failure = until(
      () => {
        throw new Error("no such device");
      },
      { what: "eth0 is up", timeoutMs: 50, everyMs: 1 },
    );
    await expect(failure).rejects.toMatchObject({
      code: "deadline_passed",
      message: expect.stringMatching(
        /^Waited \d+\.\d s for: eth0 is up \(limit 0\.1 s, times [\d.]+ for the machine's pace\)\. Last error: no such device$/,
      ),
    });
    expect(performance.now() - began).toBeGreaterThanOrEqual(50);
  });

  test("a condition that holds after the limit, but within the machine's pace, is in time", async () => {
    const slow = `
      import { until } from "${import.meta.dirname}/until.ts";
      const began = performance.now();
      await until(() => performance.now() - began > 300, { what: "a slow thing", timeoutMs: 100, everyMs: 1 });`;
    const child = Bun.spawn([process.execPath, "-e", slow], { env: { ...process.env, NETHSEC_PACE: "20" } });
    expect(await child.exited).toBe(0);
  });

  test("ends by its signal, with the signal's reason", async () => {
    const signal = AbortSignal.abort(new Error("the power supply has ended"));
    await expect(until(() => false, { what: "anything", signal })).rejects.toThrow("the power supply has ended");
  });
});
