/** Both nodes of a pair with real agent parts while WAN lines die: how often the site moves, and where it is. Random stories: pair.property.test.ts. */
import { expect, test } from "bun:test";
import { SimulatedPair } from "../testing/simulated-pair.ts";

async function settled(): Promise<SimulatedPair> {
  const pair = new SimulatedPair();
  for (let turn = 0; turn < 3; turn += 1) await pair.pass();
  return pair;
}
async function minutes(pair: SimulatedPair, many: number): Promise<void> {
  for (let turn = 0; turn < many * 6; turn += 1) await pair.passUplinks();
}
const states = (pair: SimulatedPair): string[] => pair.nodes.map(({ state }) => state);

test("the primary's line dies: the site moves once and stays, also when the line is back, until somebody switches", async () => {
  using pair = await settled();
  pair.uplinks.alive.primary = false;
  await minutes(pair, 3);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([1, "backup", "master"]);
  await minutes(pair, 60);
  pair.uplinks.alive.primary = true;
  await minutes(pair, 120);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([1, "backup", "master"]);
  await pair.switchTo("primary");
  await minutes(pair, 60);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([1, "master", "backup"]);
});

test("both lines die for hours: one handover, one back after half an hour, and no more", async () => {
  using pair = await settled();
  pair.uplinks.alive.primary = pair.uplinks.alive.backup = false;
  await minutes(pair, 25);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([1, "backup", "master"]);
  await minutes(pair, 10);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([2, "master", "backup"]);
  await minutes(pair, 300);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([2, "master", "backup"]);
  // A line that has worked begins a new story.
  pair.uplinks.alive.primary = true;
  await minutes(pair, 15);
  pair.uplinks.alive.primary = false;
  await minutes(pair, 3);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([3, "backup", "master"]);
});

test("the line of the node that took over dies later: the site comes back when the hold-down is over", async () => {
  using pair = await settled();
  pair.uplinks.alive.primary = false;
  await minutes(pair, 15);
  pair.uplinks.alive.primary = true;
  pair.uplinks.alive.backup = false;
  await minutes(pair, 14);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([1, "backup", "master"]);
  await minutes(pair, 5);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([2, "master", "backup"]);
});

test("nobody to take the site: it stays, and goes as soon as the other node is back", async () => {
  using pair = await settled();
  await pair.power(pair.backup, false);
  pair.uplinks.alive.primary = false;
  await minutes(pair, 10);
  expect([pair.uplinks.moves, pair.primary.state]).toEqual([0, "master"]);
  expect(
    pair.primary.conditions
      .list()
      .map(({ text }) => text)
      .join(),
  ).toContain("The backup node cannot take the site: The backup node does not answer.");
  await pair.power(pair.backup, true);
  await minutes(pair, 3);
  expect([pair.uplinks.moves, ...states(pair)]).toEqual([1, "backup", "master"]);
  expect(pair.primary.conditions.list()).toEqual([]);
});
