/** The rehearsal on a node whose keepalived was stopped. */
import { expect, test } from "bun:test";
import type { Facts } from "../cluster/agent-schemas.ts";
import { readHaConfig } from "../cluster/config.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { drillChecks } from "./drill.ts";

test("a stopped keepalived is named, not a state; what the backup cannot do or has refused is a failed check", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const config = readHaConfig(nodes.primary.uci);
  if (config === undefined) throw new Error("no cluster");
  const peer: Facts = {
    version: "1",
    role: "backup",
    state: "unknown",
    converged: true,
    now: 0,
    freeBytes: 2 ** 30,
    devices: [],
    protocols: ["none", "static", "dhcp"],
    refused: ["The device network.a was not imported"],
    history: [],
  };
  const checks = drillChecks({
    config,
    version: "1",
    state: "unknown",
    converged: true,
    now: 0,
    lastSync: undefined,
    connections: undefined,
    devices: [],
    protocols: ["dhcp", "pppoe"],
    wanTroubles: [{ verdict: "fail", text: "No WAN will follow a failover" }],
    syncBytes: 0,
    diff: [],
    peer,
    peerTrouble: undefined,
  });
  const said = (wanted: string): string | undefined => checks.find(({ code }) => code === wanted)?.text;
  expect(said("primary_is_master")).toBe("This node runs no keepalived: /etc/init.d/keepalived start");
  expect(said("peer_is_backup")).toBe(
    "The backup node runs no keepalived and cannot take over: /etc/init.d/keepalived start there",
  );
  expect(checks.filter(({ verdict }) => verdict === "fail")).toContainEqual({
    code: "same_protocols",
    verdict: "fail",
    text: "The backup node cannot do the protocol pppoe: install there what the primary node has for it",
  });
  expect(said("network_accepted")).toBe("On the backup node: The device network.a was not imported");
  expect(said("wan_follows")).toBe("No WAN will follow a failover");
});
