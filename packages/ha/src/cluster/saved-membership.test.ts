/** A member whose /etc/config/keepalived lost its content stays a member; a node that left its cluster stays out. */
import { expect, test } from "bun:test";
import { renderFiles } from "../keepalived/apply-node.ts";
import { resetNode } from "../change/reset-node.ts";
import { initBoth, tree, twoNodes } from "../testing/two-nodes.ts";
import { readHaConfig } from "./config.ts";

const path = "/etc/config/keepalived";
const losses: readonly [string, (bytes: Uint8Array) => Uint8Array][] = [
  ["is empty", () => new Uint8Array(0)],
  ["holds NUL bytes only", ({ length }) => new Uint8Array(length)],
  [
    "ends in NUL bytes",
    (bytes) => new Uint8Array(bytes.length).fill(0).map((zero, at) => (at < 200 ? (bytes[at] ?? 0) : zero)),
  ],
];

test.each(losses)("after a power loss the file %s: the node is still a member, as before", async (_name, lose) => {
  using nodes = twoNodes();
  await initBoth(nodes);
  for (const node of [nodes.primary, nodes.backup]) {
    const before = [tree(node), readHaConfig(node.uci)];
    const left = lose(node.files.readBytes(path) ?? new Uint8Array(0));
    const mode = node.files.stat(path)?.mode ?? 0;
    node.files.write(path, left, { mode });
    // What the init script runs at boot, and after a change of the configuration.
    renderFiles(node);
    expect([tree(node), readHaConfig(node.uci)]).toEqual(before);
    expect(node.logged.join("\n")).toContain("had lost its content");
  }
});

test("the copy is readable by root only, and written once for one configuration", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const copy = "/etc/ns-ha/keepalived";
  const first = nodes.primary.files.stat(copy);
  expect(first?.mode).toBe(0o600);
  renderFiles(nodes.primary);
  expect(nodes.primary.files.stat(copy)).toEqual(first);
});

test("a file that somebody removed stays away", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.backup.files.remove(path);
  renderFiles(nodes.backup);
  expect(nodes.backup.files.exists(path)).toBe(false);
});

test("a node that left its cluster does not come back, whatever becomes of the file", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  await resetNode(nodes.backup);
  nodes.backup.files.write(path, "");
  renderFiles(nodes.backup);
  expect(readHaConfig(nodes.backup.uci)).toBeUndefined();
});
