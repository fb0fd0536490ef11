/** The agent as a whole, on an in-memory machine with a stopped clock. */
import { spawnSync } from "node:child_process";
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import type { FakeHost } from "@nethsec/host/testing/fake-host";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { readHaConfig } from "../cluster/config.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { agentParts, runAgent } from "./agent.ts";
import { AgentNode } from "./agent-node.ts";

setDefaultTimeout(paced(60_000));

/** A keepalived that is master without its address, so that each check leads to a query. Returns the monotonic times of the queries. */
function keepalivedWithoutAddress(host: FakeHost): readonly number[] {
  const asked: number[] = [];
  host.files.write("/var/run/vrrp.pid", "77\n");
  host.files.write("/proc/77/comm", "keepalived_vrrp\n");
  host.files.write("/proc/net/fib_trie", "");
  host.program("mkfifo", ({ args }) => ({ code: spawnSync("mkfifo", [...args]).status }));
  host.program("keepalived", () => "35\n");
  host.program("kill", () => {
    asked.push(host.clock.monotonic());
    const data = { iname: "master", state: 2 };
    host.files.write("/tmp/keepalived.json", JSON.stringify([{ data, stats: { become_master: 1 } }]));
    return "";
  });
  return asked;
}

test("keepalived is looked at each second, also while the other node's ping has no answer", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const { primary } = nodes;
  const asked = keepalivedWithoutAddress(primary);
  let pings = 0;
  primary.program("ping", () => {
    pings += 1;
    return new Promise(() => undefined); // killed after its deadline of 3 s
  });
  const end = new AbortController();
  const running = runAgent(primary, end.signal);
  const started = Date.now();
  while (asked.length === 0 && Date.now() - started < 30_000) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let second = 0; second < 30; second += 1) await primary.clock.advance(1000);
  end.abort();
  await running;
  expect(pings).toBeGreaterThanOrEqual(3);
  const gaps = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  expect(asked.length).toBeGreaterThanOrEqual(29);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1000);
});

test("each endpoint of the table is answered by exactly one part", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const config = readHaConfig(nodes.primary.uci);
  if (config === undefined) throw new Error("no cluster");
  const routes = agentParts(new AgentNode(nodes.primary, config)).flatMap((part) => part.routes ?? []);
  const places = (list: readonly { method: string; path: string }[]): string[] =>
    list.map(({ method, path }) => `${method} ${path}`).toSorted();
  expect(places(routes)).toEqual(places(Object.values(agentEndpoints)));
});
