/**
 * The reconciler against a simulated firewall whose services take time, fail, and are interrupted: whatever the order of transitions,
 * failures and restarts of the agent, it converges to the last state (contract ns-ha 7, promise 2).
 */
import { type FakeClock, fakeClock } from "@nethsec/host/testing/fake-clock";
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { type Desired, type Observed, postureOf, type Situation, type Step } from "./plan.ts";
import { Reconciler, type World } from "./reconciler.ts";
import { serviceTable } from "../cluster/service-table.ts";

const rows = serviceTable.filter(({ name }) => ["dnsmasq", "openvpn", "banip", "firewall", "nginx"].includes(name));
const stoppable = rows.filter(({ passive }) => passive === "stop").map(({ name }) => name);

class Firewall implements World {
  running = new Map(rows.map(({ name }) => [name, true]));
  startedIn = new Map<string, number>();
  interfaces = new Map([
    ["bond1", false],
    ["wan", false],
  ]);
  force = "0";
  routesDisabled = true;
  connections = "backup";
  commitEndedIn: number | undefined;
  cron = "active";
  saved = new Map<string, string>();
  current: Situation | undefined;
  violations: string[] = [];
  readonly clock: FakeClock;
  readonly luck: () => number;
  constructor(clock: FakeClock, luck: () => number) {
    this.clock = clock;
    this.luck = luck;
  }

  desired(situation: Situation): Desired {
    const interfaces = [...this.interfaces.keys()].map((name) => ({
      name,
      waited: true,
      wanted: true,
      parents: name === "wan" ? ["bond1"] : [],
      uplink: name === "wan",
      anyUplink: false,
    }));
    return { situation, services: rows, interfaces, stateServices: new Set(["openvpn"]), hotspot: undefined };
  }
  async observe(_desired: Desired, marks: ReadonlyMap<string, string>): Promise<Observed> {
    await Promise.resolve();
    if (this.luck() < 0.05) throw new Error("ubus does not answer");
    return {
      interfaces: new Map(this.interfaces),
      available: new Set(rows.map(({ name }) => name)),
      running: new Map(this.running),
      dhcpForce: [this.force],
      routes: [{ interface: "wan", disabled: this.routesDisabled }],
      hotspotMac: undefined,
      conntrackd: true,
      natHelpers: false,
      marks: new Map(marks),
    };
  }
  async perform(step: Step, signal: AbortSignal): Promise<void> {
    const situation = this.current;
    if (situation === undefined) throw new Error("no situation");
    if (signal.aborted) this.violations.push(`${step.kind} began after its situation had ended`);
    if (directionOf(step) !== undefined && directionOf(step) !== postureOf(situation)) {
      this.violations.push(`${JSON.stringify(step)} while ${postureOf(situation)}`);
    }
    // A WAN that comes up before the connection table is committed answers packets of its connections with resets.
    if (step.kind === "interface" && step.up && this.commitEndedIn !== situation.term)
      this.violations.push(`ifup ${step.name} before the connections`);
    try {
      await this.#attempt(step, situation, signal);
    } finally {
      if (step.kind === "conntrackd" && step.action === "commit") this.commitEndedIn = situation.term;
    }
  }
  async #attempt(step: Step, situation: Situation, signal: AbortSignal): Promise<void> {
    const luck = this.luck();
    if (luck < 0.1) throw new Error("out of luck");
    const early = luck < 0.4;
    if (early) this.#effect(step, situation);
    await this.clock.sleep(1 + luck * 3000, signal);
    if (!early) this.#effect(step, situation);
    if (luck > 0.9) throw new Error("worked, but says it did not");
  }
  #effect(step: Step, situation: Situation): void {
    if (step.kind === "service") {
      this.running.set(step.name, step.action !== "stop");
      if (step.action !== "stop") this.startedIn.set(step.name, situation.term);
    }
    if (step.kind === "interface") this.interfaces.set(step.name, step.up);
    if (step.kind === "dhcp-force") this.force = step.value;
    if (step.kind === "routes") this.routesDisabled = !step.enabled;
    if (step.kind === "conntrackd" && step.action !== "share")
      this.connections = step.action === "commit" ? "master" : "backup";
    if (step.kind === "cron") this.cron = step.action === "resume" ? "active" : "suspended";
  }
  saveMarks(marks: ReadonlyMap<string, string>): void {
    this.saved = new Map(marks);
  }
}

function directionOf(step: Step): "active" | "passive" | undefined {
  if (step.kind === "service") return step.action === "stop" ? "passive" : "active";
  if (step.kind === "interface") return step.up ? "active" : "passive";
  if (step.kind === "conntrackd") return step.action === "release" ? "passive" : "active";
  return undefined;
}

const watched = rows.filter(({ process, passive }) => process && passive === "stop").map(({ name }) => name);
const states = ["master", "backup", "fault", "init", "unknown"] as const;
/** Random delay: mostly ends in the middle of a pass, sometimes after convergence. */
const ticks = fc.oneof(fc.nat(10), fc.nat(60), fc.integer({ min: 100, max: 200 }));
const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("state" as const), state: fc.constantFrom(...states), ticks }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), ticks }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("crash" as const), service: fc.constantFrom(...watched), ticks }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("disable" as const), ticks }) },
);
const silent = (): void => undefined;
const log = Object.assign(silent, { tagged: () => log }) as never;

/** Uniform numbers below 1, the same for the same seed (mulberry32). */
function diceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function settleMicrotasks(): Promise<void> {
  for (let i = 0; i < 30; i += 1) await Promise.resolve();
}

describe("reconciler", () => {
  test("ends in the state of the last event, whatever happened before", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("primary" as const, "backup" as const),
        fc.array(event, { minLength: 1, maxLength: 12 }),
        fc.integer(),
        async (role, events, seed) => {
          let bad = true;
          const dice = diceOf(seed);
          const luck = (): number => (bad ? dice() : 0.5);
          const clock = fakeClock(0);
          const firewall = new Firewall(clock, luck);
          let life = new AbortController();
          let reconciler: Reconciler | undefined;
          let runs: Promise<void>[] = [];
          const begin = (): Reconciler => {
            const made = new Reconciler({ world: firewall, clock, log, marks: firewall.saved });
            runs.push(made.run(life.signal));
            return made;
          };
          const enter = (situation: Situation): void => {
            firewall.current = situation;
            reconciler?.enter(situation);
          };
          reconciler = begin();
          enter({ role, enabled: true, state: "unknown", term: 0 });
          let term = 0;
          for (const each of events) {
            const before: Situation = firewall.current ?? { role, enabled: true, state: "unknown", term: 0 };
            if (each.kind === "state" && each.state !== before.state)
              enter({ ...before, state: each.state, term: (term += 1) });
            if (each.kind === "disable") enter({ ...before, enabled: !before.enabled, term: (term += 1) });
            if (each.kind === "crash") firewall.running.set(each.service, false);
            if (each.kind === "restart") {
              life.abort(new Error("killed"));
              await settleMicrotasks();
              life = new AbortController();
              reconciler = begin();
              reconciler.enter(before);
            }
            for (let tick = 0; tick < each.ticks; tick += 1) {
              await settleMicrotasks();
              clock.next();
            }
          }
          bad = false;
          for (let round = 0; round < 400 && !(reconciler.converged && round > 40); round += 1) {
            reconciler.lookAgain();
            await settleMicrotasks();
            clock.next();
          }
          expect(firewall.violations).toEqual([]);
          expect(reconciler.converged).toBe(true);
          const last = firewall.current ?? { role, enabled: true, state: "unknown" as const, term: 0 };
          const active = last.enabled ? last.state === "master" : role === "primary";
          for (const name of stoppable) expect([name, firewall.running.get(name)]).toEqual([name, active]);
          for (const [name, up] of firewall.interfaces) expect([name, up]).toEqual([name, active]);
          expect(firewall.force).toBe(active ? "1" : "0");
          expect(firewall.routesDisabled).toBe(!active);
          expect(firewall.connections).toBe(active ? "master" : "backup");
          expect(firewall.cron).toBe(active ? "active" : "suspended");
          if (active)
            for (const name of stoppable) expect([name, firewall.startedIn.get(name)]).toEqual([name, last.term]);
          life.abort(new Error("end of test"));
          await Promise.all(runs);
          runs = [];
        },
      ),
      { numRuns: 400 },
    );
  });

  test("what is put right later took as long as that, not since the failover", async () => {
    const clock = fakeClock(0);
    const firewall = new Firewall(clock, () => 0.5);
    const took: number[] = [];
    const life = new AbortController();
    const converged = (_situation: Situation, tookMs: number): number => took.push(tookMs);
    const reconciler = new Reconciler({ world: firewall, clock, log, marks: new Map(), converged });
    const running = reconciler.run(life.signal);
    firewall.current = { role: "backup", enabled: true, state: "master", term: 1 };
    reconciler.enter(firewall.current);
    const untilConverged = async (times: number): Promise<void> => {
      for (let round = 0; round < 400 && took.length < times; round += 1) {
        await settleMicrotasks();
        clock.next();
      }
    };
    await untilConverged(1);
    const [first = 0] = took;
    clock.skip(30 * 86_400_000);
    firewall.running.set("openvpn", false);
    reconciler.lookAgain();
    await untilConverged(2);
    expect(took).toHaveLength(2);
    expect(took[1]).toBeLessThanOrEqual(first);
    life.abort(new Error("end of test"));
    await running;
  });
});
