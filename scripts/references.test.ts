/** Comments refer to design decisions and contracts by number, and to files by path: each referenced item must exist. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";

const decisions = readFileSync("docs/design/decisions.md", "utf8");
const contracts = readFileSync("docs/design/contracts.md", "utf8");
const headings = (text: string): string[] => [...text.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);
const known = new Set([
  ...headings(decisions).map((heading) => `design decision ${/^\d+/.exec(heading)?.[0]}`),
  ...headings(contracts).map((heading) => `contract ${heading.split(":")[0]}`),
]);

/** References in a text whose target does not exist. */
export function deadReferences(text: string): string[] {
  const named = text.matchAll(/\b(design decision \d+|contract (?:ns-[a-z]+ \d+|netifyd)\b)/g);
  const dead = [...named].flatMap(([, reference = ""]) => (known.has(reference) ? [] : [reference]));
  // References to documents that are not in this repository.
  const vague = text.matchAll(/\bcontract, section \d+|\bspec\/[\w-]+\.md|\bdesign\.md\b|\(seed: "/g);
  const paths = text.matchAll(
    /(?<![\w/.}-])(?:packages\/(?:uci|host|ha|plug|report|cli)|lab\/(?:src|test|firewall|services|bench|scenarios)|docs|scripts)\/[\w./-]+\.(?:ts|md|sh|json|js)\b/g,
  );
  return [
    ...dead,
    ...[...vague].map(([reference]) => reference),
    ...[...paths].flatMap(([path]) => (existsSync(path) ? [] : [path])),
  ];
}

test("a reference that leads nowhere is found", () => {
  expect(deadReferences("(design decision 99)")).toEqual(["design decision 99"]);
  expect(deadReferences("(contract ns-ha 12; contract ns-ha 5)")).toEqual(["contract ns-ha 12"]);
  expect(deadReferences("(contract, section 7)")).toEqual(["contract, section 7"]);
  expect(deadReferences("see docs/nowhere.md")).toEqual(["docs/nowhere.md"]);
});

test("no reference in the project leads nowhere", () => {
  const listed = Bun.spawnSync(["git", "ls-files"]).stdout.toString().split("\n");
  const files = listed.filter(
    (file) =>
      /\.(ts|js|sh|md|json|mk)$|^(lab|system|packaging)\/|Makefile$/.test(file) &&
      !/test-data|package-lock|references\.test\.ts|walls\.test\.ts|CHANGELOG|LICENSE/.test(file) &&
      existsSync(file),
  );
  expect(files.length).toBeGreaterThan(500);
  const dead = files.flatMap((file) =>
    deadReferences(readFileSync(file, "utf8")).map((reference) => `${file}: ${reference}`),
  );
  expect(dead).toEqual([]);
});
