/** Tests the import checker: every rule reports a planted violation and accepts a similar import that is allowed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { paced } from "../packages/host/src/testing/pace.ts";
import { circlesIn, findingsIn, packages, rooms } from "./walls.ts";

setDefaultTimeout(paced(60_000));

const texts = (file: string, source: string): string[] => findingsIn(file, source).map(({ text }) => text);
const folderOf = (pkg: string): string => (pkg === "lab" ? "lab" : `packages/${pkg}`);

/** All syntactic forms that refer to another module. */
const ways = [
  (to: string) => `import "${to}";`,
  (to: string) => `import { x } from "${to}";`,
  (to: string) => `import type { X } from "${to}";`,
  (to: string) => `export type { X } from "${to}";`,
  (to: string) => `export const x = () => import("${to}");`,
];

test("arrows between packages", () => {
  for (const [from, allowed] of Object.entries(packages)) {
    for (const to of Object.keys(packages)) {
      if (to === from) continue;
      for (const way of ways) {
        const found = texts(`${folderOf(from)}/src/planted.ts`, way(`@nethsec/${to}/commands`));
        if (allowed.includes(to)) expect(found).toEqual([]);
        else expect(found.join()).toContain(`${from} may not import ${to}`);
      }
    }
  }
});

test("another package is imported by its exports, not by its path", () => {
  expect(texts("packages/ha/src/cluster/planted.ts", 'import "../../../host/src/error.ts";').join()).toContain(
    "by its exports",
  );
});

test.each(Object.entries(rooms))("rooms of %s: upwards is found, downwards is not", (pkg, order) => {
  for (const [low, from] of order.entries()) {
    for (const [high, to] of order.entries()) {
      if (low === high) continue;
      for (const way of ways) {
        const found = texts(`packages/${pkg}/src/${from}/planted.ts`, way(`../${to}/x.ts`));
        if (high < low) expect(found).toEqual([]);
        else expect(found.join()).toContain(`${pkg}/${from} stands below ${pkg}/${to}`);
      }
    }
  }
});

test("a new folder must be given its place", () => {
  expect(texts("packages/ha/src/attic/planted.ts", 'import "../cluster/state.ts";').join()).toContain("has no place");
});

test("tests may look into every room of their own package, and not into other packages", () => {
  expect(texts("packages/ha/src/cluster/planted.test.ts", 'import "../agent/plan.ts";')).toEqual([]);
  expect(texts("packages/ha/test/planted.ts", 'import "@nethsec/report/commands";').join()).toContain("may not import");
});

test("packages/uci knows no runtime", () => {
  expect(texts("packages/uci/src/planted.ts", 'import { readFileSync } from "node:fs";').join()).toContain("pure");
  expect(texts("packages/host/src/planted.ts", 'import { readFileSync } from "node:fs";')).toEqual([]);
});

test("what is Bun's belongs to host", () => {
  const offenders = [
    'import { dlopen } from "bun:ffi";',
    'import { x } from "./x.ts" with { type: "macro" };',
    'await fetch("http://x/", {\n  unix: socket,\n});',
    'const init = { unix: socket };\nawait fetch("http://x/", init);',
  ];
  for (const source of offenders) {
    expect(texts("packages/plug/src/controller/planted.ts", source)).toHaveLength(1);
    expect(texts("packages/host/src/http/planted.ts", source)).toEqual([]);
  }
  expect(texts("packages/plug/src/controller/planted.ts", 'serveHttp({ listen: { kind: "unix", path } });')).toEqual(
    [],
  );
});

test("circles of files are found, through types too", () => {
  const circle = new Map([
    ["packages/ha/src/a.ts", 'import { b } from "./b.ts";'],
    ["packages/ha/src/b.ts", 'import type { C } from "./c.ts";'],
    ["packages/ha/src/c.ts", 'export type { A } from "./a.ts";'],
  ]);
  expect(circlesIn(circle)).toEqual([["packages/ha/src/a.ts", "packages/ha/src/b.ts", "packages/ha/src/c.ts"]]);
  circle.set("packages/ha/src/c.ts", "export type A = 1;");
  expect(circlesIn(circle)).toEqual([]);
});

test("the linter finds the global Bun outside of host", () => {
  const planted = `packages/ha/src/planted-${process.pid}.ts`;
  try {
    writeFileSync(planted, "export const x = Bun.version;\n");
    const child = Bun.spawnSync(["node_modules/.bin/oxlint", "-c", ".oxlintrc.json", "--format=json", planted]);
    expect(child.stdout.toString()).toContain("no-restricted-globals");
  } finally {
    rmSync(planted, { force: true });
  }
});
