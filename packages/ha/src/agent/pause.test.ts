/** Pausing the synchronisation: what waits is known, and it ends on request or at its time. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { DiffEntry } from "../cluster/agent-schemas.ts";
import { readMark } from "../cluster/timed-mark.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { handleAgentRequest } from "./agent-server.ts";
import { PausePart } from "./pause-part.ts";

let node: SimulatedNode;
/** Stands for the loop: counts how often it was woken. */
let loop: { changes: number; looks: number; look: () => void };
let waiting: DiffEntry[] | Error;
let compared: number;
let part: PausePart;

beforeEach(() => {
  node = new SimulatedNode("primary");
  loop = { changes: 0, looks: 0, look: () => void (loop.looks += 1) };
  waiting = [];
  compared = 0;
  part = new PausePart(node, {
    loop,
    sync: (send) => {
      // Still in the turn in which the pause ended: no run has begun.
      send({ kind: "result", status: `looked ${loop.looks}`, ok: true, changed: [], tookMs: 0 });
      return Promise.resolve();
    },
    diff: () => {
      compared += 1;
      return waiting instanceof Error ? Promise.reject(waiting) : Promise.resolve(waiting);
    },
  });
});
afterEach(() => node[Symbol.dispose]());

async function ask(asked: { readonly on: boolean; readonly until?: number }): Promise<Response> {
  const request = new Request("http://agent/pause", { method: "POST", body: JSON.stringify(asked) });
  return handleAgentRequest(part.routes, request);
}
/** A second passes, as many times. */
async function seconds(count: number): Promise<void> {
  for (let passed = 0; passed < count; passed += 1) {
    await node.clock.sleep(1000);
    await part.tick.run();
  }
}
const text = (): string | undefined => node.conditions.list().find(({ code }) => code === "sync_paused")?.text;
const file = (path: string): DiffEntry => ({ path, change: "different" });

test("what waits is compared anew after a change only, and kept while the backup does not answer", async () => {
  expect(await (await ask({ on: true })).json()).toEqual({ paused: { since: node.clock.now() } });
  await seconds(30);
  expect([compared, text()]).toEqual([
    1,
    expect.stringContaining("; nothing waits. To send it: ns-ha-config resume") as string,
  ]);
  waiting = ["a", "b", "c", "d", "e", "f", "g"].map((name) => file(`/etc/config/${name}`));
  loop.changes += 1;
  await seconds(30);
  expect(compared).toBe(2);
  expect(text()).toContain(
    "what waits: /etc/config/a, /etc/config/b, /etc/config/c, /etc/config/d, /etc/config/e, and 2 more (ns-ha-config diff).",
  );
  waiting = new Error("the backup is away");
  loop.changes += 1;
  await seconds(30);
  expect([compared, part.paused?.waiting]).toEqual([
    3,
    ["a", "b", "c", "d", "e", "f", "g"].map((name) => `/etc/config/${name}`),
  ]);
  expect(loop.looks).toBe(0);
});

test("it ends on request and at its time, and then the loop is woken", async () => {
  await ask({ on: true });
  await ask({ on: false });
  expect([readMark(node.host.files, "sync-paused"), loop.looks, text()]).toEqual([undefined, 1, undefined]);
  await ask({ on: true, until: node.clock.now() + 60_000 });
  await seconds(59);
  expect([loop.looks, text()]).toEqual([1, expect.stringContaining("UTC, until ") as string]);
  await seconds(2);
  expect([readMark(node.host.files, "sync-paused"), loop.looks, text()]).toEqual([undefined, 2, undefined]);
  expect(node.history.list(9).map((entry) => entry.text)).toEqual([
    expect.stringMatching(/^synchronisation paused since/) as string,
    "synchronisation goes on: resumed by an administrator",
    expect.stringMatching(/^synchronisation paused since .* until/) as string,
    "synchronisation goes on: its time is over",
  ]);
});

test("resuming lists what the first run sent", async () => {
  await ask({ on: true });
  const answer = await handleAgentRequest(
    part.routes,
    new Request("http://agent/resume", { method: "POST", body: "{}" }),
  );
  expect(await answer.text()).toContain('"status":"looked 1"');
  expect(readMark(node.host.files, "sync-paused")).toBeUndefined();
});

test("the backup sends nothing, so there is nothing to pause", async () => {
  using backup = new SimulatedNode("backup");
  part = new PausePart(backup, { loop, sync: () => Promise.resolve(), diff: () => Promise.resolve([]) });
  expect(await (await ask({ on: true })).json()).toMatchObject({ error: "belongs_on_primary" });
});
