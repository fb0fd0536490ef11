/** Which lines of a crontab are due: the table is crontab(5)'s examples and the corners that bite. */
import { describe, expect, test } from "bun:test";
import { awk } from "./awk.ts";

/** Minute, hour, day, month, weekday. */
const cases: readonly [line: string, now: string, due: boolean][] = [
  ["* * * * *", "0 0 1 1 0", true],
  ["5 * * * *", "5 3 1 1 4", true],
  ["5 * * * *", "6 3 1 1 4", false],
  ["*/15 * * * *", "0 0 1 1 0", true],
  ["*/15 * * * *", "45 0 1 1 0", true],
  ["*/15 * * * *", "46 0 1 1 0", false],
  ["*/15  *\t* * *", "30 0 1 1 0", true],
  ["10-20/5 * * * *", "15 0 1 1 0", true],
  ["10-20/5 * * * *", "12 0 1 1 0", false],
  ["10-20/5 * * * *", "25 0 1 1 0", false],
  ["1,2,30 4 * * *", "30 4 1 1 0", true],
  ["1,2,30 4 * * *", "30 5 1 1 0", false],
  ["0 0 * feb *", "0 0 3 2 0", true],
  ["0 0 * FEB *", "0 0 3 3 0", false],
  ["0 0 * * mon-fri", "0 0 3 2 5", true],
  ["0 0 * * mon-fri", "0 0 3 2 6", false],
  ["0 0 * * 7", "0 0 3 2 0", true],
  ["0 0 * * 5-7", "0 0 3 2 0", true],
  ["0 0 * * 5-7", "0 0 3 2 4", false],
  // Day and weekday both restricted: either is enough.
  ["0 0 13 * 5", "0 0 13 2 1", true],
  ["0 0 13 * 5", "0 0 14 2 5", true],
  ["0 0 13 * 5", "0 0 14 2 4", false],
  ["0 0 13 * *", "0 0 14 2 5", false],
  ["@hourly", "0 7 9 9 3", true],
  ["@hourly", "1 7 9 9 3", false],
  ["@daily", "0 0 9 9 3", true],
  ["@monthly", "0 0 1 9 3", true],
  ["@monthly", "0 0 2 9 3", false],
];

describe("due", () => {
  test.each(cases)("%s at %s: %p", (line, now, due) => {
    expect(awk("/usr/libexec/lab/cron-due.awk", `${line} run this  now\n`, { now }).out).toBe(
      due ? "run this  now\n" : "",
    );
  });

  test("comments, settings, empty and broken lines are no jobs", () => {
    const text = "# * * * * * no\n\nPATH=/bin\n#nethsec# * * * * * no\n* * * *\n* * * * * yes # nethsec:heartbeat\n";
    expect(awk("/usr/libexec/lab/cron-due.awk", text, { now: "0 0 1 1 0" }).out).toBe("yes # nethsec:heartbeat\n");
  });
});
