/** Two nodes that reach each other, and are master both, because their keepalived do not hear each other. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as v from "valibot";
import { type Meeting, meetingSchema } from "../cluster/agent-schemas.ts";
import { readHaConfig } from "../cluster/config.ts";
import type { VrrpState } from "../cluster/state.ts";
import { initBoth, twoNodes, type TwoNodes } from "../testing/two-nodes.ts";
import { AgentNode } from "./agent-node.ts";
import { OtherNodePart } from "./other-node.ts";
import { TwoMasters } from "./two-masters.ts";

let nodes: TwoNodes;
interface Agent {
  state: VrrpState;
  since: number;
  readonly node: AgentNode;
  readonly other: OtherNodePart;
  readonly watch: TwoMasters;
}
let agents: Agent[];

beforeEach(async () => {
  nodes = twoNodes();
  await initBoth(nodes);
  agents = [nodes.primary, nodes.backup].map((host) => {
    const config = readHaConfig(host.uci);
    if (config === undefined) throw new Error("no cluster");
    const node = new AgentNode(host, config);
    // Only the state is not keepalived's own.
    const seen = {
      host,
      config,
      conditions: node.conditions,
      get state(): VrrpState {
        return agent.state;
      },
      tracker: {
        get current() {
          return { since: agent.since };
        },
      },
    };
    const unwatched = { report: undefined, learn: () => undefined };
    const other = new OtherNodePart(seen, { meet: (own: Meeting) => answerOfBackup(own) }, unwatched);
    const agent: Agent = { state: "backup", since: 0, node, other, watch: new TwoMasters(seen, other) };
    return agent;
  });
});
afterEach(() => nodes[Symbol.dispose]());

/** The backup's endpoint, as the primary's SSH connection reaches it. */
async function answerOfBackup(own: Meeting): Promise<Meeting> {
  const route = agents[1]?.other.routes[0];
  if (route === undefined) throw new Error("no backup");
  const response = await route.respond(
    new Request(`http://agent${route.path}`, { method: route.method, body: JSON.stringify(own) }),
  );
  return v.parse(meetingSchema, await response.json());
}

function become(state: VrrpState, some = agents): void {
  for (const agent of some) {
    agent.state = state;
    agent.since = agent.node.host.clock.now();
    agent.other.onState();
  }
}
async function live(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const host of [nodes.primary, nodes.backup]) await host.clock.advance(1000);
    for (const { other, watch } of agents) {
      await other.tick.run();
      await watch.tick.run();
    }
  }
}
const raised = (): string[] =>
  agents.map(({ node }) =>
    node.conditions
      .list()
      .map(({ code }) => code)
      .filter((code) => code === "two_masters")
      .join(),
  );
const asked = (action: string): number[] =>
  [nodes.primary, nodes.backup].map(({ calls }) => calls.filter((call) => call === `keepalived ${action}`).length);

test("both say so, make keepalived read its configuration again, once, and say when it is over", async () => {
  const before = asked("reload");
  become("master");
  await live(90);
  expect(raised()).toEqual(["two_masters", "two_masters"]);
  expect(asked("reload").map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1]);
  become("backup", agents.slice(1));
  await live(70);
  expect(raised()).toEqual(["", ""]);
});

test("a keepalived that procd does not know is replaced", async () => {
  const { primary } = nodes;
  primary.services.set("keepalived", { enabled: true, running: false });
  primary.files.write("/var/run/keepalived.pid", "77\n");
  primary.files.write("/proc/77/comm", "keepalived\n");
  const killed: string[] = [];
  primary.program("kill", ({ args }) => {
    killed.push(args.join(" "));
    primary.files.remove("/proc/77", { recursive: true });
    return "";
  });
  become("master");
  await live(90);
  expect(killed).toEqual(["-TERM 77"]);
  expect(await primary.services.running("keepalived")).toBe(true);
});

test("a switchover, and a node that has not been heard of since, are no two masters", async () => {
  become("master");
  await live(2);
  become("backup");
  await live(70);
  expect(raised()).toEqual(["", ""]);
});
