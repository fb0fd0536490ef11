import { expect, test } from "bun:test";
import { formatBitRate, formatBytes, formatDuration, parseDuration } from "./units.ts";
import { retryAfter } from "./http/retry-after.ts";
import { cells, table } from "./command/table.ts";

test.each([
  [0, "0.00 s"],
  [420, "0.42 s"],
  [9994, "9.99 s"],
  [9996, "10 s"],
  [59_499, "59 s"],
  [59_500, "1 min"],
  [185_000, "3 min 5 s"],
  [3_599_600, "1 h"],
  [7_800_000, "2 h 10 min"],
  [86_400_000, "1 d"],
  [356_400_000, "4 d 3 h"],
  [-420, "-0.42 s"],
])("%d ms is %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  ["90s", 90_000],
  ["90m", 5_400_000],
  ["1h30m", 5_400_000],
  ["2d", 172_800_000],
  ["366d", 366 * 86_400_000],
  ["367d", undefined],
  ["2", undefined],
  ["2 h", undefined],
  ["-2h", undefined],
  ["h", undefined],
  ["", undefined],
])("%p is a duration of %p ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [10_240, "10 KiB"],
  [1_048_575, "1 MiB"],
  [23 * 1024 ** 2, "23 MiB"],
  [5.25 * 1024 ** 3, "5.3 GiB"],
  [1024 ** 6, "1024 PiB"],
])("%d bytes is %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("bit rates go by thousands", () => {
  expect([950, 1000, 1_200_000, 10_000_000_000].map(formatBitRate)).toEqual([
    "950 bit/s",
    "1 kbit/s",
    "1.2 Mbit/s",
    "10 Gbit/s",
  ]);
});

test("a table is aligned, also with wide characters and colours", () => {
  const text = table(
    [{ title: "Name" }, { title: "Bytes", align: "right" }],
    [["日本", "1"], ["\u001b[32mgreen\u001b[0m", "1234567"], ["x"]],
    { color: false },
  );
  expect(text.split("\n").map((line) => line.replaceAll(/\u001b\[\d+m/g, ""))).toEqual([
    "Name     Bytes",
    "日本         1",
    "green  1234567",
    "x",
  ]);
  expect(cells("日本")).toBe(4);
  expect(table([{ title: "A" }], [], { color: true })).toBe("\u001b[1mA\u001b[0m");
});

test.each([
  [null, undefined],
  ["120", 120_000],
  [" 0 ", 0],
  ["Thu, 01 Jan 1970 00:01:00 GMT", 50_000],
  ["Thu, 01 Jan 1970 00:00:01 GMT", 0],
  ["-5", undefined],
  ["soon", undefined],
])("Retry-After %j is %p ms", (header, ms) => {
  expect(retryAfter(header, 10_000)).toBe(ms);
});
