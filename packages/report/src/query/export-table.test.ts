import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { csvText } from "./export-table.ts";

test("plain cells, quotes, separators", () => {
  const text = csvText({
    columns: ["host", "bytes"],
    rows: [
      ["a.example", 5],
      ['say "hi", you', 7],
    ],
  });
  expect(text).toBe('host,bytes\r\na.example,5\r\n"say ""hi"", you",7\r\n');
});

test("nothing becomes a formula", () => {
  for (const evil of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\n@x"]) {
    expect(csvText({ columns: [], rows: [[evil]] }).split("\r\n")[1]).toMatch(/^"'/);
  }
});

test("any text stays in its cell", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 2, maxLength: 4 }), (cells) => {
      const rows = readCsv(csvText({ columns: cells.map(() => "c"), rows: [cells, cells] }));
      expect(rows.map((row) => row.length)).toEqual([cells.length, cells.length, cells.length]);
      for (const cell of rows.flat()) expect(cell).not.toMatch(/^[=+\-@]/);
    }),
  );
});

/** A CSV reader written from the grammar of RFC 4180. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let rest = text;
  while (rest !== "") {
    const match = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest);
    if (match === null) throw new Error(`not CSV: ${JSON.stringify(rest)}`);
    row.push((match[1] ?? match[2] ?? "").replaceAll('""', '"'));
    rest = rest.slice(match[0].length);
    if (match[3] === "\r\n") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}
