import { expect, test } from "bun:test";
import { conditions } from "./conditions.ts";
import { localRun } from "./process/local-run.ts";
import { fakeHost } from "./testing/fake-host.ts";

const path = "/var/run/x/conditions.json";

test("a condition keeps the time since when it holds, and says when it is news", async () => {
  using host = fakeHost({ now: 1000 });
  const list = conditions(host, path);
  expect([list.list(), list.clear("a")]).toEqual([[], false]);
  expect(list.raise("a", "warning", "first")).toBe(true);
  await host.clock.advance(500);
  expect(list.raise("b", "error", "other")).toBe(true);
  expect(list.raise("a", "warning", "first")).toBe(false);
  expect(list.raise("a", "error", "worse")).toBe(true);
  expect(conditions(host, path).list()).toEqual([
    { code: "a", severity: "error", since: 1000, text: "worse" },
    { code: "b", severity: "error", since: 1500, text: "other" },
  ]);
  expect([list.clear("a"), list.clear("a"), list.list().length]).toEqual([true, false, 1]);
  await host.clock.advance(500);
  list.raise("a", "info", "again");
  expect(list.list().at(-1)).toMatchObject({ code: "a", since: 2000 });
});

test.each(["", "{", "null", '[{"code": 1}]', "\0\0\0"])("a damaged file (%j) counts as empty and is healed", (text) => {
  using host = fakeHost({ files: { [path]: text } });
  const list = conditions(host, path);
  expect(list.list()).toEqual([]);
  list.raise("a", "info", "x");
  expect(list.list()).toHaveLength(1);
});

test("processes that raise at once lose nothing", async () => {
  using host = fakeHost();
  const script = `
    const { conditions } = await import(${JSON.stringify(`${import.meta.dir}/conditions.ts`)});
    const { localHost } = await import(${JSON.stringify(`${import.meta.dir}/local/local-host.ts`)});
    const list = conditions(localHost({ root: ${JSON.stringify(host.files.root)} }), ${JSON.stringify(path)});
    for (let i = 0; i < 25; i++) list.raise(process.argv.at(-1) + i, "info", "x");`;
  const run = localRun();
  await Promise.all(["a", "b", "c"].map((name) => run([process.execPath, "-e", script, name], { timeoutMs: 30_000 })));
  expect(conditions(host, path).list()).toHaveLength(75);
});
