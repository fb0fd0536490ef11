/** Random packages for property tests: every name, type and value that a file can hold. */
import fc from "fast-check";
import { Package } from "../src/model.ts";

const latin1 = (from: number, to: number): fc.Arbitrary<string> =>
  fc.integer({ min: from, max: to }).map((code) => String.fromCharCode(code));
const text = (unit: fc.Arbitrary<string>, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit, minLength, maxLength });
const tricky = fc.constantFrom("'", '"', "\\", "\n", "#", ";", " ", "\t", "\r", "a");

export const names: fc.Arbitrary<string> = text(fc.constantFrom("a", "b", "A", "B", "0", "1", "_"), 1, 4);
export const types: fc.Arbitrary<string> = text(
  fc.oneof(latin1(0x21, 0x7e), fc.constantFrom("'", '"', "\\", "#", ";", "s")),
  1,
  4,
);
/** Any bytes but NUL. */
export const values: fc.Arbitrary<string> = text(fc.oneof(tricky, latin1(1, 255)), 0, 12);
/** Without control bytes, as on a command line. */
export const typed: fc.Arbitrary<string> = text(fc.oneof(tricky, latin1(0x20, 255)), 0, 12);

const option = fc.tuple(
  names,
  fc.oneof(
    values.filter((value) => value !== ""),
    fc.array(values, { minLength: 1, maxLength: 3 }),
  ),
);
const section = fc.record({
  type: types,
  name: fc.option(names, { nil: undefined }),
  options: fc.uniqueArray(option, { selector: ([name]) => name, maxLength: 5 }),
});

export const packages: fc.Arbitrary<Package> = fc.array(section, { maxLength: 16 }).map((sections) => {
  const pkg = new Package("p");
  for (const { type, name, options } of sections) {
    if (name !== undefined && pkg.find(name) !== undefined) continue;
    const added = pkg.add(type, name);
    for (const [option, value] of options)
      added.options.push({ name: option, value: typeof value === "string" ? value : [...value] });
  }
  return pkg;
});

const usualPieces = fc.constantFrom(
  "config s 'a'\n",
  "config t 'a'\n",
  "\n\nconfig s\n",
  "\toption x '1'\n",
  "\toption x ''\n",
  "\toption y 'a b'\n",
  "  option\tz\t'1 '\n",
  "\toption z\t'1 '\n",
  "\tlist x '1'\n",
  "\tlist l ''\n",
);
/** Text that has the form of most files, most of the time. */
export const usualSources: fc.Arbitrary<string> = fc
  .array(
    fc.oneof({ weight: 9, arbitrary: usualPieces }, fc.constantFrom("# x\n", "\toption y 1\n", "option", "'", "\n")),
    {
      maxLength: 30,
    },
  )
  .map((pieces) => pieces.join(""));

/** Text made of what matters to the parser. */
export const sources: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      usualPieces,
      fc.constantFrom(
        "config s a\n",
        "\toption x 1\n",
        "\tlist l 'v'\n",
        "config",
        "option",
        "list",
        "package",
        "c",
        "o",
        "l",
        "p",
        " ",
        "\t",
        "\n",
        "'",
        '"',
        "\\",
        "\\\n",
        "#",
        ";",
        "\r\n",
        "name",
        "it''s",
        "\v",
      ),
      latin1(1, 255),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(""));
