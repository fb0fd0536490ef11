/** The dependency check must be able to fail: each forbidden arrow, planted into the folder it is forbidden in, is found by the linter. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";

const forbidden = [
  ["packages/uci/src", 'import "node:fs";'],
  ["packages/uci/src", 'import "@nethsec/host/host";'],
  ["packages/host/src", 'import "@nethsec/ha/commands";'],
  ["packages/plug/src", 'import "@nethsec/ha/commands";'],
  ["packages/ha/src", 'import "@nethsec/report/commands";'],
  ["packages/report/src", 'import "../../ha/src/commands.ts";'],
  ["packages/ha/src", "export const x = Bun.version;"],
  ["packages/plug/src", 'import "bun:ffi";'],
  ["lab/src", 'import "@nethsec/ha/commands";'],
  ["packages/plug/src", 'export const x = () => import("@nethsec/ha/commands");'],
  ["packages/host/src", 'export type { Command } from "@nethsec/ha/commands";'],
] as const;
const allowed = [
  ["packages/ha/src", 'import "@nethsec/host/error";'],
  ["packages/host/src", 'import "node:fs";'],
] as const;

const fileOf = new Map(
  [...forbidden, ...allowed].map((each, index) => [each[0] + each[1], `${each[0]}/planted-${process.pid}-${index}.ts`]),
);
let findings: readonly { readonly code: string; readonly filename: string }[] = [];

beforeAll(() => {
  for (const [folder, source] of [...forbidden, ...allowed])
    writeFileSync(fileOf.get(folder + source) ?? "", `${source}\n`);
  const child = Bun.spawnSync([
    "node_modules/.bin/oxlint",
    "-c",
    ".oxlintrc.json",
    "--format=json",
    ...fileOf.values(),
  ]);
  findings = JSON.parse(child.stdout.toString()).diagnostics;
}, 60_000);
afterAll(() => {
  for (const file of fileOf.values()) rmSync(file, { force: true });
});

const codesIn = (folder: string, source: string): readonly string[] =>
  findings.filter(({ filename }) => filename === fileOf.get(folder + source)).map(({ code }) => code);

test.each(forbidden)("%s may not contain %s", (folder, source) => {
  expect(codesIn(folder, source).join()).toMatch(/no-restricted-(imports|globals)/);
});

test.each(allowed)("%s may contain %s", (folder, source) => {
  expect(codesIn(folder, source)).toEqual([]);
});
