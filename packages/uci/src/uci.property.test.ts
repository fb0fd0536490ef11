/** Properties that hold for every package, every text and every change. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { names, packages, sources, typed, types, usualSources, values } from "../test/arbitrary.ts";
import { applyDelta, type Delta, formatDelta, formatMark, parseDeltas } from "./delta.ts";
import { diffPackages } from "./diff.ts";
import { Lexer } from "./lexer.ts";
import { parsePackage, parsePackages } from "./parse.ts";
import { StreamLexer } from "./stream-lexer.ts";
import { decodeText, encodeText } from "./text.ts";
import { parseTuple } from "./tuple.ts";
import { UciError } from "./uci-error.ts";
import { writePackage } from "./write.ts";

describe("files", () => {
  test("reading what was written gives the same package", () => {
    fc.assert(
      fc.property(packages, (pkg) => {
        expect(diffPackages(pkg, parsePackage(writePackage(pkg), "p"))).toEqual([]);
        expect(writePackage(parsePackage(writePackage(pkg), "p"))).toBe(writePackage(pkg));
        const [exported] = parsePackages(writePackage(pkg, { header: true }));
        expect(diffPackages(pkg, exported ?? pkg)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes give a package or a parse error; leniently always a package, which then reads back", () => {
    fc.assert(
      fc.property(fc.oneof(sources, values), (source) => {
        try {
          parsePackage(source, "p");
        } catch (error) {
          expect(error).toBeInstanceOf(UciError);
        }
        const pkg = parsePackage(source, "p", { lenient: true });
        expect(
          diffPackages(
            parsePackage(writePackage(pkg), "p"),
            parsePackage(writePackage(parsePackage(writePackage(pkg), "p")), "p"),
          ),
        ).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  test("a large file, whose usual lines are read at once and when they are asked for, gives what it gives word by word", () => {
    const outcome = (text: string, lenient: boolean): unknown => {
      try {
        const [pkg, asked] = [parsePackage(text, "p", { lenient }), parsePackage(text, "p", { lenient })];
        for (const section of asked.sections) section.get("x");
        return [
          writePackage(pkg),
          writePackage(asked),
          parsePackages(`package p\n${text}`, { lenient }).map((each) => writePackage(each)),
        ];
      } catch (error) {
        return error instanceof UciError ? error.message : error;
      }
    };
    fc.assert(
      fc.property(fc.oneof(usualSources, sources), fc.boolean(), (source, lenient) => {
        // Files with a NUL byte are always read word by word.
        const [large, slow] = [`#${"x".repeat(5000)}\n${source}`, `#\0${"x".repeat(5000)}\n${source}`];
        expect(outcome(large, lenient)).toEqual(outcome(slow, lenient));
      }),
      { numRuns: 3000 },
    );
  });

  test("input that comes in pieces is read as if it came at once, positions included", () => {
    const words = (lexer: Lexer): unknown[] => {
      const seen: unknown[] = [];
      while (lexer.nextLine()) {
        try {
          for (let left = 20; !lexer.atEnd && left > 0; left -= 1) seen.push(lexer.word());
        } catch (error) {
          seen.push(error instanceof UciError ? error.message : error);
        }
        seen.push(lexer.line);
      }
      return seen;
    };
    fc.assert(
      fc.property(sources, fc.integer({ min: 1, max: 50 }), (source, size) => {
        let at = 0;
        const pieces = new StreamLexer(() => source.slice(at, (at += size)));
        expect(words(pieces)).toEqual(words(new Lexer(source)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("deltas", () => {
  const deltas: fc.Arbitrary<Delta> = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), section: names, option: names, value: typed }),
    fc.record({
      kind: fc.constantFrom("set" as const, "add" as const),
      section: names,
      option: fc.constant(undefined),
      value: types,
    }),
    fc.record({
      kind: fc.constantFrom("add_list" as const, "del_list" as const),
      section: names,
      option: names,
      value: typed,
    }),
    fc.record({
      kind: fc.constant("rename" as const),
      section: names,
      option: fc.option(names, { nil: undefined }),
      value: names,
    }),
    fc.record({
      kind: fc.constant("reorder" as const),
      section: names,
      option: fc.constant(undefined),
      value: fc.integer({ min: -2, max: 20 }).map(String),
    }),
    fc.record({
      kind: fc.constant("delete" as const),
      section: names,
      option: fc.option(names, { nil: undefined }),
      value: fc.constantFrom(undefined, "0", "9"),
    }),
  );

  test("lines read back as what was written", () => {
    fc.assert(
      fc.property(fc.array(deltas), (list) => {
        const read = parseDeltas(list.map((delta) => formatDelta("p", delta)).join(""));
        expect(read.malformed).toBe(0);
        expect(read.deltas.map(({ delta }) => formatDelta("p", delta))).toEqual(
          list.map((delta) => formatDelta("p", delta)),
        );
      }),
    );
  });

  test("applied at once or with a commit in between, named sections come out the same", () => {
    fc.assert(
      fc.property(packages, fc.array(deltas), fc.nat(), (pkg, list, cut) => {
        const named = parsePackage(writePackage(pkg, { names: true }), "p");
        const once = parsePackage(writePackage(named), "p");
        // A rename to an existing name gives two sections with that name, which a commit cannot distinguish (contract, 6.6).
        const usable = list.filter(({ kind }) => kind !== "add" && kind !== "rename");
        for (const delta of usable) applyDelta(once, delta);
        let twice = parsePackage(writePackage(named), "p");
        usable.forEach((delta, at) => {
          if (at === cut % (usable.length + 1)) twice = parsePackage(writePackage(twice, { names: true }), "p");
          applyDelta(twice, delta);
        });
        if (new Set(once.sections.items.map(({ name }) => name)).size < once.sections.length) return;
        if (
          once.sections.items.some(
            ({ options }) => new Set(options.items.map(({ name }) => name)).size < options.length,
          )
        )
          return;
        expect(writePackage(parsePackage(writePackage(twice, { names: true }), "p"))).toBe(
          writePackage(parsePackage(writePackage(once, { names: true }), "p")),
        );
      }),
    );
  });

  test("a mark hides what is before it only from the file that it names", () => {
    const line = formatDelta("p", { kind: "set", section: "a", option: "x", value: "1" });
    const file = `${line}${formatMark("7:8:9")}${line}`;
    expect(parseDeltas(file, (id) => id === "7:8:9").deltas.length).toBe(1);
    expect(parseDeltas(file, () => false)).toMatchObject({ malformed: 0, deltas: { length: 2 } });
    expect(
      parseDeltas(
        formatDelta("p", { kind: "set", section: "a", option: "x", value: `\n${formatMark("7:8:9")}` }),
        () => true,
      ).deltas.length,
    ).toBe(1);
  });
});

describe("text and tuples", () => {
  test("any bytes survive as text, and text as bytes", () => {
    fc.assert(
      fc.property(values, (bytes) => expect(encodeText(decodeText(bytes))).toBe(bytes)),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => expect(decodeText(encodeText(text))).toBe(text)));
  });

  test("a package name never leaves its folder", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("/", ".", "a", "-", "@") }), (text) => {
        try {
          expect(parseTuple(text).package).toMatch(/^[a@-]+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(UciError);
        }
      }),
    );
  });
});
