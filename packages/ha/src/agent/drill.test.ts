/** The rehearsal on a node whose keepalived was stopped. */
import { expect, test } from "bun:test";
import type { Facts } from "../cluster/agent-schemas.ts";
import { readHaConfig } from "../cluster/config.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { drillChecks } from "./drill.ts";
import { backupDrillChecks } from "./drill-of-backup.ts";

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

test("maintenance of either node and a paused synchronisation fail the rehearsal", () => {
  using node = new SimulatedNode("primary");
  const facts = {
    config: node.config,
    version: "1",
    state: "fault",
    converged: true,
    now: 0,
    lastSync: { ok: true, status: "Successful", at: 0 },
    connections: undefined,
    devices: [],
    protocols: [],
    wanTroubles: [],
    syncBytes: 0,
    diff: [],
    peerTrouble: undefined,
  } as const;
  const peer: Facts = {
    version: "1",
    role: "backup",
    state: "fault",
    converged: true,
    maintenance: { since: 0, until: 60_000 },
    now: 0,
    freeBytes: 0,
    devices: [],
    history: [],
  };
  const failed = drillChecks({ ...facts, peer, maintenance: { since: 0 }, syncPaused: { since: 0 } })
    .filter(({ verdict }) => verdict === "fail")
    .map(({ text }) => text);
  expect(failed).toContain(
    "This node is in maintenance since 1970-01-01 00:00 UTC: there is no second node for a failover (ns-ha-config maintenance off, on that node)",
  );
  expect(failed).toContain(
    "The backup node is in maintenance since 1970-01-01 00:00 UTC, until 1970-01-01 00:01 UTC: there is no second node for a failover (ns-ha-config maintenance off, on that node)",
  );
  expect(failed).toContain("The synchronisation is paused since 1970-01-01 00:00 UTC: ns-ha-config resume");
  const other = {
    role: "primary",
    address: "192.168.100.238",
    said: { at: 0, version: "1", state: "fault", maintenance: { since: 0 } },
  } as const;
  using backup = new SimulatedNode("backup");
  const there = backupDrillChecks({
    config: backup.config,
    state: "master",
    converged: true,
    now: 0,
    syncedAt: 0,
    differing: [],
    connections: undefined,
    missingDevices: [],
    missingProtocols: [],
    refused: [],
    freeBytes: 0,
    other,
  });
  expect(there[0]).toMatchObject({
    code: "maintenance",
    verdict: "fail",
    text: expect.stringMatching(/^The primary node is in/) as string,
  });
});
