/**
 * Random sequences of maintenance, power cuts, restarts of keepalived and passing time on both nodes, with the real part of the agent on each: the site
 * always has exactly one node while one can carry it, no node in maintenance carries it, and never are both in maintenance.
 *
 *     NETHSEC_SEQUENCES=2000 bun test packages/ha/src/agent/maintenance.property.test.ts
 *
 * VRRP is a model: priorities as in keepalived/render-keepalived.ts, FAULT at -254, the number in `init_file` at each start.
 */
import { expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import { paced } from "@nethsec/host/testing/pace";
import fc from "fast-check";
import type { OtherNode } from "../cluster/agent-schemas.ts";
import { haPaths, type Role } from "../cluster/config.ts";
import type { VrrpState } from "../cluster/state.ts";
import { readMark } from "../cluster/timed-mark.ts";
import { handOver, hold, standBy } from "../cluster/tracked-priority.ts";
import { renderFiles } from "../keepalived/apply-node.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { handleAgentRequest } from "./agent-server.ts";
import { MaintenancePart } from "./maintenance-part.ts";

const roles = ["primary", "backup"] as const;
const basePriority = { primary: 200, backup: 190 } as const;
const unreachable = new NethsecError({ code: "ssh_failed", message: "no answer" });

class Pair implements Disposable {
  readonly nodes: Record<Role, SimulatedNode> = {
    primary: new SimulatedNode("primary"),
    backup: new SimulatedNode("backup"),
  };
  readonly parts: Record<Role, MaintenancePart>;
  /** What the backup was told of the primary; lost when it restarts. */
  #said: OtherNode["said"];

  constructor() {
    for (const { host, machine } of Object.values(this.nodes)) {
      renderFiles(host);
      machine.program("ping", () => {
        this.vote();
        const answers = this.masters().length > 0;
        return { code: answers ? 0 : 1, stdout: answers ? "64 bytes from 192.168.100.240\n" : "" };
      });
    }
    this.parts = { primary: this.#part("primary"), backup: this.#part("backup") };
    this.settle();
  }

  [Symbol.dispose](): void {
    for (const node of Object.values(this.nodes)) node[Symbol.dispose]();
  }

  masters(): Role[] {
    return roles.filter((role) => this.nodes[role].powered && this.nodes[role].state === "master");
  }
  marked(role: Role): boolean {
    return readMark(this.nodes[role].host.files, "maintenance") !== undefined;
  }

  /** The powered node with the highest priority is master; one at -254 is in FAULT. */
  vote(): void {
    const able = roles.filter((role) => this.nodes[role].powered && this.nodes[role].priority > handOver);
    const rank = (role: Role): number => basePriority[role] + this.nodes[role].priority;
    const master = able.toSorted((a, b) => rank(b) - rank(a))[0];
    for (const role of roles) {
      const state: VrrpState = role === master ? "master" : able.includes(role) ? "backup" : "fault";
      this.nodes[role].state = this.nodes[role].powered ? state : "unknown";
    }
  }

  /** The agents' timers run, the nodes meet, and the primary fetches the backup's state, which lifts its hold (state-flow.ts). */
  settle(): void {
    for (let round = 0; round < 3; round += 1) {
      this.vote();
      for (const role of roles) if (this.nodes[role].powered) this.parts[role].tick.run();
      this.#meet();
      if (this.nodes.primary.powered && this.nodes.primary.priority === hold) this.nodes.primary.priority = 0;
    }
    this.vote();
  }

  power(role: Role, up: boolean): void {
    const node = this.nodes[role];
    if (node.powered === up) return;
    if (!up) node.cutPower();
    else {
      node.boot();
      renderFiles(node.host); // the init script
      this.restartKeepalived(role);
      this.parts[role] = this.#part(role);
    }
    if (role === "backup") this.#said = undefined;
  }

  restartKeepalived(role: Role): void {
    const node = this.nodes[role];
    if (!node.powered) return;
    const text = node.host.files.readText(haPaths.keepalivedConf) ?? "";
    node.priority = Number(/init_file (-?\d+) overwrite/.exec(text)?.[1] ?? "NaN");
  }

  /** `ns-ha-config switch`: hands over and stands by, or takes back. */
  switchTo(to: Role): void {
    const { primary, backup } = this.nodes;
    if (!primary.powered || !backup.powered || this.marked("primary") || this.marked("backup")) return;
    primary.priority = to === "backup" ? standBy : 0;
  }

  async ask(role: Role, asked: { readonly on: boolean; readonly until?: number }): Promise<void> {
    if (!this.nodes[role].powered) return;
    const body = JSON.stringify({ force: false, ...asked });
    const request = new Request("http://agent/maintenance", { method: "POST", body });
    await (await handleAgentRequest(this.parts[role].routes, request)).text();
  }

  #part(role: Role): MaintenancePart {
    const node = this.nodes[role];
    const { host, config, conditions, history } = node;
    const vote = (): void => this.vote();
    const seen = {
      host,
      config: { ...config, enabled: true },
      conditions,
      history,
      get state(): VrrpState {
        vote();
        return node.state;
      },
    };
    return new MaintenancePart(seen, {
      other: () => ({ role: "primary", address: "x", ...(this.#said === undefined ? {} : { said: this.#said }) }),
      peer: () => this.#facts(),
      bringUpToDate: () => Promise.resolve(undefined),
      announce: () => Promise.resolve(),
      otherMaintenance: () => this.#markOf(role === "primary" ? "backup" : "primary"),
      tellOther: () => this.#meet(),
    });
  }

  #facts(): ReturnType<ConstructorParameters<typeof MaintenancePart>[1]["peer"]> {
    this.vote();
    const { backup } = this.nodes;
    if (!backup.powered) return Promise.reject(unreachable);
    const rest = {
      version: "1",
      role: "backup" as const,
      converged: true,
      now: 0,
      freeBytes: 0,
      devices: [],
      history: [],
    };
    const maintenance = this.#markOf("backup");
    return Promise.resolve({ ...rest, state: backup.state, ...(maintenance === undefined ? {} : { maintenance }) });
  }

  #markOf(role: Role): ReturnType<typeof readMark> {
    return this.nodes[role].powered ? readMark(this.nodes[role].host.files, "maintenance") : undefined;
  }

  #meet(): void {
    const { primary, backup } = this.nodes;
    if (!primary.powered || !backup.powered) return;
    const maintenance = this.#markOf("primary");
    const said = { at: backup.clock.now(), version: "1", state: primary.state };
    this.#said = maintenance === undefined ? said : { ...said, maintenance };
  }
}

const role = fc.constantFrom(...roles);
const step = fc.oneof(
  fc.record({ kind: fc.constant("on" as const), role, hours: fc.option(fc.integer({ min: 1, max: 4 })) }),
  fc.record({ kind: fc.constant("off" as const), role }),
  fc.record({ kind: fc.constant("both at once" as const) }),
  fc.record({ kind: fc.constant("power" as const), role, up: fc.boolean() }),
  fc.record({ kind: fc.constant("keepalived starts" as const), role }),
  fc.record({ kind: fc.constant("switch" as const), to: role }),
  fc.record({ kind: fc.constant("hours pass" as const), hours: fc.integer({ min: 1, max: 3 }) }),
);

async function play(pair: Pair, each: typeof step extends fc.Arbitrary<infer Value> ? Value : never): Promise<void> {
  const { nodes } = pair;
  if (each.kind === "on") {
    const until = each.hours === null ? {} : { until: nodes[each.role].clock.now() + each.hours * 3_600_000 };
    await pair.ask(each.role, { on: true, ...until });
  } else if (each.kind === "off") await pair.ask(each.role, { on: false });
  else if (each.kind === "both at once") await Promise.all(roles.map((one) => pair.ask(one, { on: true })));
  else if (each.kind === "power") pair.power(each.role, each.up);
  else if (each.kind === "keepalived starts") pair.restartKeepalived(each.role);
  else if (each.kind === "switch") pair.switchTo(each.to);
  else for (const node of Object.values(nodes)) await node.clock.sleep(each.hours * 3_600_000);
}

const numRuns = Number(process.env["NETHSEC_SEQUENCES"] ?? "40");

test(
  "one node carries the site while one can, none in maintenance does, and never are both in maintenance",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        using pair = new Pair();
        for (const each of steps) {
          await play(pair, each);
          pair.settle();
          const able = roles.filter((one) => pair.nodes[one].powered && !pair.marked(one));
          expect([each.kind, pair.masters().length]).toEqual([each.kind, Math.min(1, able.length)]);
          expect([each.kind, pair.masters().filter((one) => pair.marked(one))]).toEqual([each.kind, []]);
          expect([each.kind, roles.every((one) => pair.marked(one))]).toEqual([each.kind, false]);
        }
      }),
      // Found in 17 sequences: the primary handed the site to a backup that had just seen another master, and went into maintenance as well.
      { numRuns, examples: [[[{ kind: "both at once" }]]] },
    );
  },
  Math.max(paced(120_000), numRuns * 10_000),
);
