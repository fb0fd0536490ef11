/** The numbered lists of files in docs/architecture.md describe data flows: each file imports the next, and imports never lead to a higher room. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { rooms, targetsIn } from "./walls.ts";

const text = readFileSync("docs/architecture.md", "utf8");
const ways = [...text.matchAll(/^1\. `[^]*?(?=\n\n)/gm)].map(([list]) =>
  [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = ""]) => file),
);

const rank = (file: string): number => {
  const [, pkg = "", room = ""] = /^packages\/(\w+)\/src\/([^/]+)/.exec(file) ?? [];
  // host is the layer below every package.
  return pkg === "host" ? -1 : (rooms[pkg] ?? []).indexOf(room.replace(/\.ts$/, ""));
};

test("there are ways for a VRRP event and for a change of the configuration", () => {
  expect(ways.length).toBeGreaterThanOrEqual(4);
  expect(ways.every((way) => way.length >= 4)).toBe(true);
});

test.each(ways.map((way) => [way[0] ?? "", way] as const))("the way that begins at %s", (_first, way) => {
  for (const [index, file] of way.entries()) {
    const next = way[index + 1];
    if (next === undefined) break;
    expect(targetsIn(file, readFileSync(file, "utf8"))).toContain(next);
    expect(rank(next)).toBeLessThanOrEqual(rank(file));
  }
});
