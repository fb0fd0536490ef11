/** A switchover that cannot succeed is refused before anything happens. */
import { expect, test } from "bun:test";
import type { VrrpState } from "../cluster/state.ts";
import { readHaConfig } from "../cluster/config.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { switchOver } from "./switchover.ts";

test.each([
  [false, "unknown", "No switchover: the cluster is disabled.", "To enable it: ns-ha-config enable"],
  [true, "unknown", "No switchover: keepalived does not run on this node.", "Start it: /etc/init.d/keepalived start"],
  [true, "fault", "No switchover: a LAN cable or device of this node is down.", "Look at: ip link show br-lan"],
] as const)("enabled: %p, %s", async (enabled, state: VrrpState, message, advice) => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const config = readHaConfig(nodes.primary.uci);
  if (config === undefined) throw new Error("no cluster");
  const context = {
    host: nodes.primary,
    config: { ...config, enabled },
    state: () => state,
    converged: () => true,
    maintenance: () => undefined,
    peer: () => Promise.reject(new Error("it was asked")),
    bringUpToDate: () => Promise.reject(new Error("it was sent to")),
    announce: () => Promise.reject(new Error("it was told")),
  };
  for (const to of ["primary", "backup"] as const)
    await expect(switchOver(context, to)).rejects.toMatchObject({ code: "switch_refused", message, advice });
});

test("a backup that cannot be given the newest state is not handed the site", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const config = readHaConfig(nodes.primary.uci);
  if (config === undefined) throw new Error("no cluster");
  const context = {
    host: nodes.primary,
    config: { ...config, enabled: true },
    state: (): VrrpState => "master",
    converged: () => true,
    maintenance: () => undefined,
    peer: () =>
      Promise.resolve({
        version: "1",
        role: "backup" as const,
        state: "backup" as const,
        converged: true,
        now: 0,
        freeBytes: 0,
        devices: [],
        history: [],
      }),
    bringUpToDate: () => Promise.resolve("Rsync Transfer Failed"),
    announce: () => Promise.reject(new Error("it was told")),
  };
  await expect(switchOver(context, "backup")).rejects.toMatchObject({
    code: "switch_refused",
    message: "No switchover: the other node could not be given the newest state: Rsync Transfer Failed.",
  });
});

test.each([
  ["primary", "No switchover: this node is in maintenance since 1970-01-01 00:00 UTC."],
  ["backup", "No switchover: the other node is in maintenance since 1970-01-01 00:00 UTC."],
] as const)("a %s in maintenance is named as the reason", async (role, message) => {
  using node = new SimulatedNode("primary");
  const mark = { since: 0 };
  const facts = {
    version: "1",
    role: "backup",
    converged: true,
    now: 0,
    freeBytes: 0,
    devices: [],
    history: [],
  } as const;
  const context = {
    host: node.host,
    config: node.config,
    state: (): VrrpState => (role === "primary" ? "fault" : "master"),
    maintenance: () => (role === "primary" ? mark : undefined),
    converged: () => true,
    peer: () => Promise.resolve({ ...facts, devices: [], history: [], state: "fault" as const, maintenance: mark }),
    bringUpToDate: () => Promise.reject(new Error("it was sent to")),
    announce: () => Promise.reject(new Error("it was told")),
  };
  await expect(switchOver(context, "backup")).rejects.toMatchObject({ code: "switch_refused", message });
});
