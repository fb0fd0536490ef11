/** Cost of reading streams that the fast path cannot handle. */
import { expect, test } from "bun:test";
import { EventScanner } from "./event-scanner.ts";
import { emptyEvent } from "./flow-event.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { parseEvent } from "./parse-event.ts";

const lines = 20_000;

function line(index: number, fields: object): Uint8Array {
  const digest = index.toString(16).padStart(40, "0");
  const flow = { digest, last_seen_at: 1_781_085_601_006, local_bytes: 7, other_bytes: 0, total_bytes: 7, ...fields };
  return new TextEncoder().encode(JSON.stringify({ type: "flow_stats", interface: "br-lan", internal: true, flow }));
}

const streams: [string, (index: number) => Uint8Array][] = [
  ["values that JSON.parse must read", (index) => line(index, { last_seen_at: 1_781_085_601_006.25 })],
  ["more shapes than there is room for", (index) => line(index, { [`field_${index}`]: 1 })],
  ["a digest that changed", (index) => line(index, { digest_prev: ["f".repeat(40)] })],
];

test.each(streams)("%s: not much dearer than parsing each line", (_, make) => {
  const all = Array.from({ length: lines }, (_unused, index) => make(index));
  const numbers = new InterfaceNumbers();
  const event = emptyEvent();
  const scanner = new EventScanner(event, numbers.of);
  const decoder = new TextDecoder();
  const plain = cheapest(all, (bytes) => parseEvent(decoder.decode(bytes), event, numbers.of));
  const fast = cheapest(all, (bytes) => scanner.scan(bytes, 0, bytes.length));
  expect(fast / plain).toBeLessThan(4);
});

/** CPU time in microseconds: the best of three rounds. */
function cheapest(all: readonly Uint8Array[], read: (bytes: Uint8Array) => unknown): number {
  const rounds = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    expect(all.every((bytes) => read(bytes) === "flow")).toBe(true);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return Math.min(...rounds);
}
