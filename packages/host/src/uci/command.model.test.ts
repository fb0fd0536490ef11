/** Random sequences of commands, compared with the model after each: files, deltas, output and exit status. */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "../testing/pace.ts";
import { makeFolder, removeFolder } from "../../test/temporary-folder.ts";
import { runUci } from "../../test/run-uci.ts";
import { UciModel } from "../../test/uci-model.ts";

setDefaultTimeout(paced(60_000));

const start = "config s a\n\toption x 1\n\tlist l 1\n\tlist l 2\nconfig s\n\toption y 5\nconfig t\n";
const sections: ConstructorParameters<typeof UciModel>[1] = [
  {
    name: "a",
    type: "s",
    anonymous: false,
    options: [
      ["x", "1"],
      ["l", ["1", "2"]],
    ],
  },
  { name: "", type: "s", anonymous: true, options: [["y", "5"]] },
  { name: "", type: "t", anonymous: true, options: [] },
];

const section = fc.constantFrom(
  "a",
  "b",
  "c",
  "@s[0]",
  "@s[1]",
  "@s[-1]",
  "@t[0]",
  "@[1]",
  "@s[7]",
  "cfg02b618",
  "nowhere",
);
const option = fc.constantFrom("x", "y", "l", "m");
const value = fc.constantFrom("1", "2", "it's", "", "a b", "tab\tnew\nline", "#;\\", '"q"', "x=y");
const type = fc.constantFrom("s", "t", "longer");
const none = fc.constant(undefined);

const command = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant("set"), section, option, value) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("set"), section, none, fc.oneof(type, fc.constant(""))) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom("add_list", "del_list"), section, option, value) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("add"), fc.constant(""), none, type) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("delete", "get"), section, fc.oneof(none, option), fc.constant("")),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("rename"), section, none, fc.constantFrom("a", "b", "c")) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("rename"), section, option, fc.constantFrom("x", "m", "z")) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("reorder"), section, none, fc.constantFrom("0", "1", "2", "9", "-1")) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("show", "changes", "commit"), fc.constant(""), none, fc.constant("")),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("revert"), fc.constant(""), none, fc.constant("")) },
);

function words([name, of, at, to]: readonly [string, string, string | undefined, string]): string[] {
  const path = at === undefined ? `n.${of}` : `n.${of}.${at}`;
  if (name === "add") return [name, "n", to];
  if (of === "") return [name, "n"];
  return [name, name === "get" || name === "delete" ? path : `${path}=${to}`];
}

test("any sequence of commands gives what the model gives", async () => {
  const dir = makeFolder(join(tmpdir(), "uci-model-"));
  const options = ["-c", join(dir, "c"), "-C", "", "-t", join(dir, "save")];
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (commands) => {
        for (const name of ["c", "save"]) rmSync(join(dir, name), { recursive: true, force: true });
        mkdirSync(join(dir, "c"));
        writeFileSync(join(dir, "c/n"), start);
        const model = new UciModel(start, sections);
        for (const each of commands) {
          const got = await runUci([...options, ...words(each)]);
          expect(got).toEqual(model.run(each[0], each[1], each[2], each[3]));
          expect(readFileSync(join(dir, "c/n"), "utf8")).toBe(model.file);
          expect(existsSync(join(dir, "save/n")) ? readFileSync(join(dir, "save/n"), "utf8") : "").toBe(model.deltas);
        }
      }),
      { numRuns: 300 },
    );
  } finally {
    removeFolder(dir);
  }
});
