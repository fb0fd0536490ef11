/** Maintenance of a node: when it is refused, what happens to the site, how long it lasts. Two nodes in memory, virtual clock. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Facts, OtherNode } from "../cluster/agent-schemas.ts";
import { haPaths, type Role } from "../cluster/config.ts";
import type { VrrpState } from "../cluster/state.ts";
import { readMark, type TimedMark, writeMark } from "../cluster/timed-mark.ts";
import { handOver, hold, standBy } from "../cluster/tracked-priority.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { handleAgentRequest } from "./agent-server.ts";
import { type MaintenanceNeeds, MaintenancePart } from "./maintenance-part.ts";
import { OtherNodePart } from "./other-node.ts";

let nodes: Record<Role, SimulatedNode>;
let announced: boolean[];
/** False: the other node does not take over. */
let willing: boolean;
let outdated: string | undefined;
let peerFacts: Partial<Facts>;
let said: OtherNode["said"];

beforeEach(() => {
  nodes = { primary: new SimulatedNode("primary"), backup: new SimulatedNode("backup") };
  both("master", "backup");
  announced = [];
  willing = true;
  outdated = undefined;
  peerFacts = {};
  said = { at: nodes.backup.clock.now(), version: "1", state: "backup" };
  for (const { machine } of Object.values(nodes))
    machine.program("ping", () => {
      follow();
      const answers = states().includes("master");
      return { code: answers ? 0 : 1, stdout: answers ? "64 bytes from 192.168.100.240\n" : "" };
    });
});
afterEach(() => Object.values(nodes).forEach((node) => node[Symbol.dispose]()));

const states = (): VrrpState[] => [nodes.primary.state, nodes.backup.state];
function both(primary: VrrpState, backup: VrrpState): void {
  nodes.primary.state = primary;
  nodes.backup.state = backup;
}

/** What keepalived does: FAULT while the tracked file says so, after which the other node takes over if it can. */
function follow(): void {
  for (const role of ["primary", "backup"] as const) {
    const [node, other] = [nodes[role], nodes[role === "primary" ? "backup" : "primary"]];
    if (node.priority === handOver) {
      if (node.state === "master" && other.state === "backup" && willing) other.state = "master";
      node.state = "fault";
    } else if (node.state === "fault") node.state = other.state === "master" ? "backup" : "master";
  }
}

/** The node as its agent sees it, keepalived having had the time to react. */
const agentNode = (role: Role) => {
  const { host, config, conditions, history } = nodes[role];
  return {
    host,
    config,
    conditions,
    history,
    tracker: { current: { since: 0 } },
    get state(): VrrpState {
      if (nodes[role].priority === handOver) follow();
      return nodes[role].state;
    },
  };
};

const needs: MaintenanceNeeds = {
  other: () => ({ role: "primary", address: "192.168.100.238", ...(said === undefined ? {} : { said }) }),
  peer: () => {
    const { state } = nodes.backup;
    const facts: Facts = {
      version: "1",
      role: "backup",
      state,
      converged: true,
      now: 0,
      freeBytes: 0,
      devices: [],
      history: [],
    };
    return Promise.resolve({ ...facts, ...peerFacts });
  },
  bringUpToDate: () => Promise.resolve(outdated),
  announce: (planned) => Promise.resolve(void announced.push(planned)),
  otherMaintenance: () => undefined,
  tellOther: () => undefined,
};

interface Asked {
  readonly on: boolean;
  readonly until?: number;
  readonly force?: boolean;
}

/** Through the protocol of the agent's socket. */
async function ask(part: MaintenancePart, asked: Asked): Promise<Record<string, unknown>> {
  const body = JSON.stringify({ force: false, ...asked });
  const request = new Request("http://agent/maintenance", { method: "POST", body });
  const response = await handleAgentRequest(part.routes, request);
  return JSON.parse((await response.text()).trim()) as Record<string, unknown>;
}

const mark = (role: Role): TimedMark | undefined => readMark(nodes[role].host.files, "maintenance");

describe("on", () => {
  test("the primary hands the site over as announced, and keepalived starts out of service from now on", async () => {
    const part = new MaintenancePart(agentNode("primary"), needs);
    const answer = await ask(part, { on: true });
    expect(answer).toMatchObject({
      maintenance: { since: expect.any(Number) as number },
      outageMs: expect.any(Number) as number,
    });
    expect([states(), announced, nodes.primary.priority]).toEqual([["fault", "master"], [true], handOver]);
    expect(nodes.primary.host.files.readText(haPaths.keepalivedConf)).toContain(`init_file ${handOver} overwrite`);
    expect(nodes.primary.host.uci.read("keepalived").sections.some(({ name }) => name.includes("maintenance"))).toBe(
      false,
    );
  });

  test("the backup, passive, goes out without any interruption; carrying the site, it gives it to a primary that stands by", async () => {
    const part = new MaintenancePart(agentNode("backup"), needs);
    expect(await ask(part, { on: true })).not.toHaveProperty("outageMs");
    follow();
    expect(states()).toEqual(["master", "fault"]);
    await ask(part, { on: false });
    both("backup", "master");
    expect(await ask(part, { on: true })).toHaveProperty("outageMs");
    expect(states()).toEqual(["master", "fault"]);
  });

  const fault = (): Facts["state"] => "fault";
  const refusals: readonly (readonly [name: string, role: Role, arrange: () => void, message: string])[] = [
    [
      "the backup is in maintenance",
      "primary",
      () => (peerFacts = { maintenance: { since: 0 } }),
      "the backup node is in maintenance since 1970-01-01 00:00 UTC: nobody would carry the site",
    ],
    ["the backup is in fault", "primary", () => both("master", fault()), "the backup node is fault, not backup"],
    [
      "the backup lacks the newest state",
      "primary",
      () => (outdated = "Rsync Transfer Failed"),
      "could not be given the newest state: Rsync Transfer Failed",
    ],
    ["nobody would be left", "primary", () => both(fault(), "backup"), "the backup node is backup, not master"],
    [
      "the primary is in maintenance",
      "backup",
      () => (said = { at: 0, version: "1", state: "fault", maintenance: { since: 0 } }),
      "the primary node is in maintenance since",
    ],
    ["nobody carries the site", "backup", () => both("unknown", "backup"), "nobody answers for the virtual address"],
    [
      "the primary does not stand by",
      "backup",
      () => {
        both(fault(), "master");
        said = { at: nodes.backup.clock.now(), version: "1", state: "fault" };
      },
      "the primary node is fault, not backup",
    ],
    [
      "the primary is silent",
      "backup",
      () => {
        both("unknown", "master");
        said = undefined;
      },
      "has not told its state for a while",
    ],
  ];
  test.each(refusals)("is refused when %s, and nothing is changed", async (_name, role, arrange, message) => {
    arrange();
    const text = JSON.stringify(await ask(new MaintenancePart(agentNode(role), needs), { on: true }));
    expect(text).toContain("maintenance_refused");
    expect(text).toContain(message);
    expect([mark(role), nodes[role].priority, announced]).toEqual([undefined, 0, []]);
  });

  test("with force none of that is asked", async () => {
    peerFacts = { maintenance: { since: 0 } };
    willing = false;
    const part = new MaintenancePart(agentNode("primary"), needs);
    expect(await ask(part, { on: true, force: true })).not.toHaveProperty("refused");
    expect([nodes.primary.state, nodes.primary.priority]).toEqual(["fault", handOver]);
  });

  test("a node that no other takes the site from takes it back", async () => {
    willing = false;
    const part = new MaintenancePart(agentNode("primary"), needs);
    const answer = await ask(part, { on: true });
    expect(answer).toMatchObject({ refused: { error: "maintenance_failed" } });
    follow();
    expect([nodes.primary.state, mark("primary"), announced]).toEqual(["master", undefined, [true, false]]);
    expect(nodes.primary.host.files.readText(haPaths.keepalivedConf)).toContain(`init_file ${hold} overwrite`);
  });
});

describe("it lasts", () => {
  test("over a keepalived that was started with an older configuration, and an agent that was started again", async () => {
    const part = new MaintenancePart(agentNode("backup"), needs);
    await ask(part, { on: true });
    nodes.backup.host.files.write(haPaths.priorityFile, "0\n");
    const again = agentNode("backup");
    new MaintenancePart(again, needs).start();
    expect(nodes.backup.priority).toBe(handOver);
    expect(again.conditions.list()).toMatchObject([{ code: "maintenance", severity: "warning" }]);
  });

  test.each([
    ["primary", hold],
    ["backup", 0],
  ] as const)("until its time; then the %s waits with priority %d and says so", async (role, after) => {
    const node = agentNode(role);
    const part = new MaintenancePart(node, needs);
    const { clock } = nodes[role];
    await ask(part, { on: true, until: clock.now() + 3_600_000 });
    await clock.sleep(3_500_000);
    part.tick.run();
    expect(mark(role)).toBeDefined();
    await clock.sleep(100_000);
    part.tick.run();
    expect([mark(role), nodes[role].priority, node.conditions.list()]).toEqual([undefined, after, []]);
    expect(node.history.list(9).map(({ text }) => text)).toEqual([
      expect.stringMatching(/^maintenance since .* UTC, until .* UTC$/) as string,
      "maintenance is over: its time is over",
    ]);
  });

  test("a mark that cannot be read counts, without an end", () => {
    nodes.backup.host.files.write("/etc/ns-ha/maintenance.json", "{");
    expect(mark("backup")).toEqual({ since: expect.any(Number) as number });
  });
});

test("a primary that took the site from a backup in maintenance keeps it: the switchover is over", () => {
  const { primary } = nodes;
  primary.priority = standBy;
  const part = new MaintenancePart(agentNode("primary"), { ...needs, otherMaintenance: () => ({ since: 0 }) });
  both("backup", "master");
  part.tick.run();
  expect(primary.priority).toBe(standBy);
  both("master", "fault");
  part.tick.run();
  expect(primary.priority).toBe(0);
});

test("what the other node tells of its maintenance is a condition here, until it says otherwise or the time is over", async () => {
  const node = agentNode("backup");
  const unwatched = { report: undefined, learn: () => undefined };
  const asks = { meet: () => Promise.reject(new Error("the backup does not ask")) };
  const part = new OtherNodePart(node, asks, unwatched);
  const meeting = (maintenance: TimedMark | undefined): Request =>
    new Request("http://agent/meet", {
      method: "POST",
      body: JSON.stringify({ version: "1", state: "fault", ...(maintenance === undefined ? {} : { maintenance }) }),
    });
  const codes = async (): Promise<string[]> => {
    await part.tick.run();
    return node.conditions.list().map(({ code }) => code);
  };
  const until = nodes.backup.clock.now() + 60_000;
  await handleAgentRequest(part.routes, meeting({ since: 0, until }));
  expect(await codes()).toEqual(["peer_in_maintenance"]);
  await nodes.backup.clock.sleep(61_000);
  expect(await codes()).toEqual([]);
  await handleAgentRequest(part.routes, meeting({ since: 0 }));
  expect(await codes()).toEqual(["peer_in_maintenance"]);
  writeMark(nodes.backup.host.files, "maintenance", { since: 5 });
  const answer = await handleAgentRequest(part.routes, meeting(undefined));
  expect(await answer.json()).toMatchObject({ maintenance: { since: 5 } });
  expect(await codes()).toEqual([]);
});
