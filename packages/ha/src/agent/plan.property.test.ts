/** Interfaces stacked on each other at random: each waits only for its own parents, even when others hang. */
import { fakeClock } from "@nethsec/host/testing/fake-clock";
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import * as fc from "fast-check";
import { type FollowingInterface } from "../cluster/following-interfaces.ts";
import { parentsFirst } from "../cluster/interface-parents.ts";
import { type Desired, type Observed, plan, type Situation, type Step } from "./plan.ts";
import { Reconciler, type World } from "./reconciler.ts";

setDefaultTimeout(paced(60_000));

interface Drawn extends FollowingInterface {
  /** undefined: netifd does not know it. */
  readonly up: boolean | undefined;
}

/** Interfaces whose parents are drawn among those before them, in any order. */
const drawn: fc.Arbitrary<Drawn[]> = fc
  .array(
    fc.record({
      parents: fc.array(fc.nat(7), { maxLength: 3 }),
      kind: fc.constantFrom("uplink", "bond", "tunnel" as const),
      wanted: fc.boolean(),
      up: fc.option(fc.boolean(), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .chain((facts) => {
    const interfaces = facts.map(({ parents, kind, wanted, up }, index) => ({
      name: `i${index}`,
      parents: [...new Set(parents.filter((parent) => parent < index))].map((parent) => `i${parent}`),
      uplink: kind === "uplink",
      anyUplink: kind === "tunnel",
      waited: true,
      wanted,
      up,
    }));
    return fc.shuffledSubarray(interfaces, { minLength: interfaces.length }).map((items) => parentsFirst(items));
  });

const desiredOf = (interfaces: readonly FollowingInterface[], situation: Situation): Desired => ({
  situation,
  interfaces,
  services: [],
  stateServices: new Set(),
  hotspot: undefined,
});
const observedOf = (up: ReadonlyMap<string, boolean>, marks: ReadonlyMap<string, string>): Observed => ({
  interfaces: up,
  available: new Set(),
  running: new Map(),
  dhcpForce: [],
  routes: [...up.keys()].map((name) => ({ interface: name, disabled: true })),
  hotspotMac: undefined,
  conntrackd: false,
  natHelpers: false,
  marks,
});
const known = (interfaces: readonly Drawn[]): Map<string, boolean> =>
  new Map(interfaces.flatMap(({ name, up }) => (up === undefined ? [] : [[name, up] as const])));
const active: Situation = { role: "backup", enabled: true, state: "master", term: 1 };

/** Uplinks that do not themselves run over a tunnel that needs one. */
function ownUplinks(interfaces: readonly Drawn[]): Drawn[] {
  const late = ({ anyUplink, parents }: FollowingInterface): boolean =>
    anyUplink || interfaces.some((each) => parents.includes(each.name) && late(each));
  return interfaces.filter((each) => each.uplink && each.wanted && !late(each));
}

test("an interface waits for its parents, a route for its interface, a tunnel for one uplink", () => {
  fc.assert(
    fc.property(drawn, (interfaces) => {
      const steps = plan(observedOf(known(interfaces), new Map()), desiredOf(interfaces, active));
      const planned = new Set(steps.map(({ id }) => id));
      const rising = (names: readonly string[]): string[] =>
        names.map((name) => `ifup ${name}`).filter((id) => planned.has(id));
      const uplinks = ownUplinks(interfaces);
      for (const { id, after, afterAny = [] } of steps) {
        const [verb, name = ""] = id.split(" ");
        const found = interfaces.find((each) => each.name === name);
        if (verb === "enable") expect(after).toEqual(rising([id.split(" ").at(-1) ?? ""]));
        if (verb !== "ifup") continue;
        expect(after.toSorted()).toEqual(rising(found?.parents ?? []).toSorted());
        const some = uplinks.some(({ up }) => up === true);
        if (found?.anyUplink !== true || some) expect(afterAny).toEqual([]);
        else expect(afterAny.toSorted()).toEqual(rising(uplinks.map((each) => each.name)).toSorted());
      }
    }),
    { numRuns: 500 },
  );
});

test("what carries is taken down after what it carries", () => {
  fc.assert(
    fc.property(drawn, (interfaces) => {
      const steps = plan(
        observedOf(known(interfaces), new Map()),
        desiredOf(interfaces, { ...active, state: "backup" }),
      );
      const planned = new Set(steps.map(({ id }) => id));
      for (const { id, after } of steps.filter(({ step }) => step.kind === "interface")) {
        const name = id.split(" ")[1] ?? "";
        const carried = interfaces.filter(({ parents }) => parents.includes(name)).map((each) => `ifdown ${each.name}`);
        expect(after.toSorted()).toEqual(carried.filter((other) => planned.has(other)).toSorted());
      }
    }),
    { numRuns: 500 },
  );
});

test("one interface that hangs delays only what it carries", async () => {
  const stepMs = 100;
  const hangMs = 60_000;
  await fc.assert(
    fc.asyncProperty(drawn, fc.nat(7), async (all, choice) => {
      // All of them wanted and down; one hangs.
      const interfaces = all.map((each) => ({ ...each, wanted: true, up: false }));
      const hanging = interfaces[choice % interfaces.length]?.name ?? "";
      const clock = fakeClock(0);
      const up = new Map(interfaces.map(({ name }) => [name, false]));
      const upAt = new Map<string, number>();
      const world: World = {
        desired: (situation) => desiredOf(interfaces, situation),
        observe: (_desired, marks) => Promise.resolve({ ...observedOf(up, marks), routes: [] }),
        perform: async (step: Step, signal) => {
          if (step.kind !== "interface") return;
          await clock.sleep(step.name === hanging ? hangMs : stepMs, signal);
          up.set(step.name, true);
          upAt.set(step.name, clock.monotonic());
        },
        saveMarks: () => undefined,
      };
      const life = new AbortController();
      const silent = (): void => undefined;
      const log = Object.assign(silent, { tagged: () => log }) as never;
      const reconciler = new Reconciler({ world, clock, log, marks: new Map() });
      const running = reconciler.run(life.signal);
      reconciler.enter(active);
      await clock.advance(hangMs / 2);
      const uplinks = ownUplinks(interfaces);
      const rises = ({ name, parents, anyUplink }: Drawn): boolean =>
        name !== hanging &&
        interfaces.every((each) => !parents.includes(each.name) || rises(each)) &&
        (!anyUplink || uplinks.length === 0 || uplinks.some(rises));
      for (const each of interfaces) expect([each.name, upAt.has(each.name)]).toEqual([each.name, rises(each)]);
      life.abort(new Error("end of test"));
      await clock.advance(hangMs);
      await running;
    }),
    { numRuns: 60 },
  );
});
