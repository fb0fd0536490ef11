/** The cases of test-data/contracts/webui.json for `ns.dpireport`: the web interface's requests and the expected answers. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Expectation, mismatches } from "@nethsec/host/testing/expectation";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { runCommand } from "../../test/run-command.ts";
import { run } from "./ns-dpireport.ts";

interface Case {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly expect: Expectation;
}
const contract: {
  readonly fixtures: {
    readonly dpireport_tree: { readonly below: string; readonly files: Readonly<Record<string, object>> };
  };
  readonly calls: readonly { readonly object: string; readonly method: string; readonly cases?: readonly Case[] }[];
} = JSON.parse(readFileSync(join(import.meta.dirname, "../../../../test-data/contracts/webui.json"), "utf8"));

const { below, files } = contract.fixtures.dpireport_tree;
const cases = contract.calls
  .filter(({ object }) => object === "ns.dpireport")
  .flatMap(({ method, cases: list = [] }) => list.map((one) => ({ ...one, method, title: `${method}: ${one.name}` })));

async function ask(method: string, payload: string): Promise<unknown> {
  using host = fakeHost({
    now: new Date(2026, 0, 15, 12).getTime(),
    files: Object.fromEntries(Object.entries(files).map(([name, hour]) => [`${below}/${name}`, JSON.stringify(hour)])),
  });
  // Marks the clients as nameless in the cache: no name lookup, so the answer does not depend on this machine's network.
  const unnamed = { name: null, until: 9e15 };
  host.files.write("/var/run/ns-report/names.json", JSON.stringify({ "192.0.2.10": unnamed, "192.0.2.20": unnamed }));
  const { code, out, err } = await runCommand(run, host, { rest: ["call", method], stdin: payload });
  expect(code).toBe(0);
  // The API server parses both streams as one document.
  return JSON.parse(out + err);
}

test("there are cases", () => {
  expect(cases.length).toBeGreaterThanOrEqual(10);
});

test.each(cases)("$title", async ({ method, args, expect: wanted }) => {
  expect(mismatches(await ask(method, JSON.stringify(args)), wanted, 0)).toEqual([]);
});

test.each(["null", "{}", ""])("payload %j is no argument: all of today", async (payload) => {
  for (const method of ["summary-v2", "summary", "summary-by-client"])
    expect(await ask(method, payload)).toMatchObject(
      method === "summary-v2" ? { total_traffic: 10_500 } : { total: 10_500 },
    );
});
