/** Failover on dead uplinks, one node at a time, with mwan3's answers in their recorded form. Both nodes together: pair.property.test.ts. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import { run as watchAction } from "../cli/watch-uplink.ts";
import { standBy } from "../cluster/tracked-priority.ts";
import type { UplinkAnswer, UplinkMove } from "../cluster/uplinks.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { callOn } from "../testing/two-nodes.ts";
import { tryUplinkCarriers } from "./uplink-carriers.ts";
import { UplinkPart } from "./uplink-part.ts";

let node: SimulatedNode;
let word = "online";
let moves: string[] = [];
let refusal: NethsecError | undefined;
let answer: UplinkAnswer;
/** Other calls than `ubus call mwan3 status`. */
let asked = 0;

function use(role: "primary" | "backup"): void {
  node = new SimulatedNode(role);
  node.state = "master";
  node.machine.program("ubus", () => `{"interfaces":{"wan":{"status":"${word}","up":true}},"policies":{}}`);
}
const watch = (): void =>
  node.machine.files.write("/etc/config/ns-ha", "config uplinks 'uplinks'\n\tlist watch 'wan'\n");

beforeEach(() => {
  use("primary");
  [word, moves, refusal, asked] = ["online", [], undefined, 0];
  answer = { state: "backup", uplinks: [], carriers: [{ name: "wan", devices: ["eth1"], carrier: true }] };
});
afterEach(() => node[Symbol.dispose]());

const started = (): UplinkPart =>
  new UplinkPart(node, {
    backup: () => {
      asked += 1;
      return Promise.resolve(answer);
    },
    handOver: (to, begin) => {
      if (refusal !== undefined && refusal.code === "switch_refused") return Promise.reject(refusal);
      begin();
      if (refusal !== undefined) return Promise.reject(refusal);
      moves.push(to);
      node.state = to === "backup" ? "backup" : "master";
      if (to === "backup") node.priority = standBy;
      return Promise.resolve();
    },
    tellOther: () => undefined,
  });

/** The agent runs for that long. */
async function pass(part: UplinkPart, minutes: number): Promise<void> {
  for (let turn = 0; turn < minutes * 6; turn += 1) {
    await node.clock.sleep(10_000);
    const before = node.state;
    await part.tick.run();
    if (node.state !== before) part.onState();
  }
}
const conditions = (): string[] => node.conditions.list().map(({ code, text }) => `${code}: ${text}`);

test("without a watched WAN nothing is asked, nothing is told and nothing moves", async () => {
  word = "offline";
  const part = started();
  await pass(part, 60);
  part.movedByHand("backup");
  expect([moves, conditions(), node.machine.calls, part.report, asked]).toEqual([[], [], [], undefined, 0]);
  expect(node.machine.files.exists("/etc/ns-ha/uplink-move.json")).toBe(false);
});

test("a dead WAN moves the site after a minute, with the reason in log and history", async () => {
  watch();
  const part = started();
  await pass(part, 5);
  word = "offline";
  await pass(part, 0.9);
  expect([moves, asked]).toEqual([[], 0]);
  await pass(part, 0.5);
  expect(moves).toEqual(["backup"]);
  const text = "the site moves to the backup node: all watched WANs of the primary node are dead (wan: offline)";
  expect(node.history.list(9).map((entry) => [entry.kind, entry.text])).toEqual([["switch", text]]);
  expect(node.machine.logged.join("\n")).toContain(text);
});

test("the hold-down counts over restarts of the agent and clocks that are set; a line dead on both nodes costs two handovers at most", async () => {
  watch();
  word = "offline";
  const part = started();
  await pass(part, 2);
  expect(moves).toEqual(["backup"]);
  // The backup's line is dead too, and it says so each minute.
  const dead = [{ name: "wan", word: "offline", deadMs: 90_000 }];
  answer = { state: "master", uplinks: dead, carriers: [] };
  node.machine.net.setDevice({ device: "eth1" });
  const hears = async (there: UplinkPart, minutes: number): Promise<void> => {
    for (let turn = 0; turn < minutes; turn += 1) {
      if (node.state === "backup") there.learn("master", { uplinks: dead });
      await pass(there, 1);
    }
  };
  await hears(part, 10);
  node.clock.ahead += 5 * 3_600_000;
  await hears(part, 10);
  node.clock.ahead -= 5 * 3_600_000;
  expect(moves).toEqual(["backup"]);
  expect(conditions().join()).toContain(
    "of the backup node, which carries the site, are dead (wan: offline). The site was handed over less than 30 min ago",
  );
  const restarted = started();
  await hears(restarted, 7);
  expect(moves).toEqual(["backup"]);
  await hears(restarted, 4);
  expect(moves).toEqual(["backup", "primary"]);
  await hears(restarted, 300);
  expect(moves).toEqual(["backup", "primary"]);
  expect(conditions().join()).toContain("Neither node had a working line");
});

test("a line that has worked since may move the site again after the hold-down, one that was called online only at first may not", async () => {
  watch();
  word = "offline";
  const part = started();
  await pass(part, 2);
  const kept = (): UplinkMove =>
    JSON.parse(node.machine.files.readText("/etc/ns-ha/uplink-move.json") ?? "") as UplinkMove;
  part.learn("master", { uplinks: [{ name: "wan", word: "online", onlineMs: 9 * 60_000 }] });
  await pass(part, 1);
  expect(kept().worked).toBe(false);
  part.learn("master", { uplinks: [{ name: "wan", word: "online", onlineMs: 10 * 60_000 }] });
  await pass(part, 1);
  expect(kept()).toMatchObject({ to: "backup", attempt: 1, worked: true });
});

test.each([
  [
    "the backup has no carrier",
    () => (answer = { ...answer, carriers: [{ name: "wan", devices: ["eth1"], carrier: false }] }),
    "there is no carrier on eth1",
  ],
  ["the backup is not ready", () => (answer = { ...answer, state: "fault" }), "it is fault, not backup"],
  [
    "switch refuses",
    () =>
      (refusal = new NethsecError({
        code: "switch_refused",
        message: "No switchover: the backup node is in maintenance.",
      })),
    "the backup node is in maintenance",
  ],
])("%s: nothing moves, the reason is a condition, and it is asked once a minute", async (_what, given, why) => {
  watch();
  given();
  word = "offline";
  const part = started();
  await pass(part, 6);
  expect(moves).toEqual([]);
  expect(conditions().join()).toContain(why);
  expect(asked).toBeLessThanOrEqual(6);
  expect(node.machine.files.exists("/etc/ns-ha/uplink-move.json")).toBe(false);
  word = "online";
  await pass(part, 0.2);
  expect(conditions()).toEqual([]);
});

test("a handover that failed counts: it is not tried again within the hold-down", async () => {
  watch();
  word = "offline";
  refusal = new NethsecError({ code: "switch_failed", message: "The backup node did not take over." });
  const part = started();
  await pass(part, 2);
  refusal = undefined;
  await pass(part, 20);
  expect([moves, asked]).toEqual([[], 1]);
});

test("what cannot be remembered is not begun: a full disk keeps the site where it is", async () => {
  watch();
  word = "offline";
  node.diskFull = true;
  const part = started();
  await pass(part, 3);
  expect(moves).toEqual([]);
  expect(conditions().join()).toContain("The disk is full".toLowerCase().slice(4));
  node.diskFull = false;
  await pass(part, 2);
  expect(moves).toEqual(["backup"]);
});

test("a configuration that cannot be read changes nothing", async () => {
  watch();
  const part = started();
  await pass(part, 1);
  node.machine.files.write("/etc/config/ns-ha", "config uplinks 'uplinks\n\tlist\n");
  expect(part.report?.uplinks).toHaveLength(1);
  word = "offline";
  await pass(part, 2);
  expect(moves).toEqual(["backup"]);
});

test("an administrator's switch holds for the hold-down", async () => {
  watch();
  word = "offline";
  const part = started();
  part.movedByHand("primary");
  await pass(part, 29);
  expect(moves).toEqual([]);
  await pass(part, 2);
  expect(moves).toEqual(["backup"]);
});

test("the backup keeps the primary's word of the move, and gives it back to a primary that lost it", async () => {
  node[Symbol.dispose]();
  use("backup");
  watch();
  const move: UplinkMove = { at: node.clock.now(), to: "backup", attempt: 1, worked: false };
  const part = started();
  part.learn("backup", { uplinks: [], move });
  expect(node.history.list(9).map(({ text }) => text)).toEqual([
    "the primary node moved the site to the backup node: all watched WANs were dead",
  ]);
  part.learn("backup", { uplinks: [], move: { ...move, worked: true } });
  expect(node.history.list(9)).toHaveLength(1);
  expect(started().report?.move).toEqual({ ...move, worked: true });
  node[Symbol.dispose]();
  use("primary");
  watch();
  const primary = started();
  primary.learn("master", { uplinks: [], move });
  word = "offline";
  await pass(primary, 20);
  expect(moves).toEqual([]);
});

test("a device that is off is switched on for its carrier, and off again unless the node is needed meanwhile", async () => {
  node.state = "backup";
  const { machine } = node;
  const off = { device: "eth1", up: false, carrier: false };
  machine.net.setDevice(off);
  machine.program("ip", ({ args }) => {
    const up = args.at(-1) === "up";
    machine.net.setDevice({ device: "eth1", up, carrier: up });
    return "";
  });
  const said = (): string[] => machine.calls.filter((call) => call.startsWith("ip link"));
  expect(await tryUplinkCarriers(node.host, ["wan"], () => true)).toEqual([
    { name: "wan", devices: ["eth1"], carrier: true },
  ]);
  expect(said()).toEqual(["ip link set dev eth1 up", "ip link set dev eth1 down"]);
  let looks = 0;
  await tryUplinkCarriers(node.host, ["wan"], () => (looks += 1) < 2);
  expect(said().slice(2)).toEqual(["ip link set dev eth1 up"]);
  machine.net.setDevice(off);
  looks = 0;
  await tryUplinkCarriers(node.host, ["wan"], () => (looks += 1) < 3);
  expect(said().slice(3)).toEqual(["ip link set dev eth1 up", "ip link set dev eth1 down", "ip link set dev eth1 up"]);
});

test("watch-uplink takes WANs only, and says when mwan3 does not follow one", () => {
  const act = (name: string, what: string): string => {
    const { call, output } = callOn(node.machine, { args: { interface: name, what } });
    watchAction(call);
    return output.out;
  };
  expect(() => act("lan", "on")).toThrow("lan is not an interface of the firewall's zone wan.");
  expect(() => act("wan", "perhaps")).toThrow("neither on nor off");
  expect(act("wan", "on")).toContain("mwan3 does not follow wan");
  node.machine.files.write(
    "/etc/config/mwan3",
    "config interface 'wan'\n\toption enabled '1'\n\tlist track_ip '192.0.2.1'\n",
  );
  expect(act("wan", "on")).toBe(
    "wan is watched.\nThe site moves to the other node when all watched WANs are dead: wan.\n",
  );
  expect(node.machine.files.readText("/etc/config/ns-ha")).toContain("list watch 'wan'");
  expect(act("wan", "off")).toContain("No WAN is watched");
  expect(node.machine.files.readText("/etc/config/ns-ha") ?? "").not.toContain("watch");
});
