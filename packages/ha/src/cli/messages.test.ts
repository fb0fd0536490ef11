/** Wording of messages that used to mislead new users; and the actions that a backup answers without the primary. */
import { describe, expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import { conditions } from "@nethsec/host/conditions";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { Alerts } from "../agent/alerts.ts";
import { announceSyncResult } from "../agent/announce-sync-result.ts";
import { backupDrillChecks } from "../agent/drill-of-backup.ts";
import { History } from "../agent/history.ts";
import { checkVirtualIp } from "../cluster/checks.ts";
import { readHaConfig } from "../cluster/config.ts";
import { commands } from "../commands.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { callOn, initBoth, twoNodes } from "../testing/two-nodes.ts";
import { drill, history } from "./agent-actions.ts";
import { addVip } from "./interfaces.ts";
import { reset } from "./power.ts";
import { run as showConfig } from "./show-config.ts";
import { otherNodeText } from "./status.ts";

async function refusalOf(work: () => unknown): Promise<NethsecError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof NethsecError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("addresses", () => {
  test.each([
    ["fd00::66/64", "is an IPv6 address: virtual addresses of that family are not supported"],
    ["192.168.100.300/24", "300 is not a number of an IPv4 address (0 to 255)"],
    ["192.168.100.66", "the length of its prefix is missing"],
    ["192.168.100.66/33", "33 is no length of a prefix (0 to 32)"],
    ["printer/24", "is no IPv4 address in CIDR notation"],
  ])("%s: %s", async (address, said) => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const { call } = callOn(nodes.primary, { args: { interface: "lan", vip_address: address } });
    expect((await refusalOf(() => addVip(call))).message).toContain(said);
    expect(checkVirtualIp(address, undefined, [])[0]?.message).toContain(said);
  });

  test("an address that is there already was not added", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const said: string[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const { call, output } = callOn(nodes.primary, { args: { interface: "lan", vip_address: "192.168.100.66/24" } });
      expect(await addVip(call)).toBe(0);
      said.push(output.out);
    }
    expect(said).toEqual([
      "The VIP 192.168.100.66/24 was added to lan on both nodes.\n",
      "lan had the VIP 192.168.100.66/24 already; both nodes have it.\n",
    ]);
  });
});

test("a refusal tells the command as it was typed", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const { call } = callOn(nodes.backup, { options: { yes: true } });
  expect((await refusalOf(() => reset(call))).advice).toBe(
    "Run there: ssh root@192.168.100.238 ns-ha-config reset --yes",
  );
  const vip = callOn(nodes.backup, { args: { interface: "lan", vip_address: "192.168.100.66/24" }, json: true });
  expect((await refusalOf(() => addVip(vip.call))).advice).toBe(
    "Run there: ssh root@192.168.100.238 ns-ha-config add-vip lan 192.168.100.66/24 --json",
  );
});

test("a wrong number of lines is said also where there is no cluster", async () => {
  using host = fakeHost();
  const { call } = callOn(host, { options: { lines: "abc" } });
  expect((await refusalOf(() => history(call))).message).toContain('"abc" is no number of lines');
});

test("the help names what runs on the backup too", () => {
  const description = commands.find(({ name }) => name === "ns-ha-config")?.description ?? "";
  for (const action of ["status", "show-config", "history", "diff", "drill", "reset --force"])
    expect(description).toContain(action);
});

describe("a backup answers what it knows", () => {
  test("show-config, and history and drill as far as its agent runs", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const { call, output } = callOn(nodes.backup, {});
    expect(showConfig(call)).toBe(0);
    expect(output.out).toContain("Interface: lan, Device: br-lan, Virtual IP: 192.168.100.240/24");
    for (const action of [history, drill])
      expect((await refusalOf(() => action(callOn(nodes.backup, {}).call))).code).toBe("ha_agent_not_running");
  });

  test("drill: whether it could take over, and, while it carries the site, what its own failure would cost", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const config = readHaConfig(nodes.backup.uci);
    if (config === undefined) throw new Error("no cluster");
    const facts = {
      config: { ...config, enabled: true },
      converged: true,
      now: 1_000_000,
      syncedAt: 940_000,
      differing: [],
      connections: { internal: 1, external: 7 },
      missingDevices: [],
      missingProtocols: [],
      refused: [],
      freeBytes: 2 ** 30,
    };
    const other = { role: "primary", address: "192.168.100.238", seenAt: 995_000 } as const;
    const passive = backupDrillChecks({ ...facts, state: "backup", other });
    expect(passive.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
    const alone = backupDrillChecks({ ...facts, state: "master", other: { ...other, seenAt: 400_000 } });
    expect(alone.filter(({ verdict }) => verdict === "fail").map(({ text }) => text)).toEqual([
      "The primary node 192.168.100.238 answered 10 min ago: if this node failed too, nobody would carry the site",
    ]);
    const broken = backupDrillChecks({
      ...facts,
      state: "unknown",
      syncedAt: undefined,
      differing: ["/etc/config/dhcp"],
      missingDevices: ["eth7"],
      missingProtocols: ["pppoe"],
      refused: ["The device network.a of the primary was not imported"],
      other,
    });
    expect(broken.filter(({ verdict }) => verdict === "fail").map(({ code }) => code)).toEqual([
      "backup_ready",
      "sync_applied",
      "same_files",
      "same_devices",
      "same_protocols",
      "network_accepted",
    ]);
  });
});

test("the line about the other node", () => {
  const other = { role: "backup", address: "192.168.100.239" } as const;
  expect(otherNodeText(other, 0)).toBe(
    "backup 192.168.100.239, not seen since this node was started, its state and version are not known",
  );
  const said = { at: 997_000, version: "0.2.0", state: "backup" } as const;
  expect(otherNodeText({ ...other, seenAt: 997_000, said }, 1_000_000)).toBe(
    "backup 192.168.100.239, seen 3 s ago, state backup, version 0.2.0",
  );
  expect(otherNodeText({ ...other, seenAt: 997_000, said }, 1_597_000)).toBe(
    "backup 192.168.100.239, seen 10 min ago, state 10 min ago: backup, version 0.2.0",
  );
  expect(
    otherNodeText({ ...other, said: { ...said, state: "fault", maintenance: { since: 0, until: 60_000 } } }, 1_000_000),
  ).toEndWith("state fault, version 0.2.0, in maintenance since 1970-01-01 00:00 UTC, until 1970-01-01 00:01 UTC");
});

test("before the backup was set up a synchronisation that fails is no fault of the history, and no alert", async () => {
  using nodes = twoNodes();
  const { primary } = nodes;
  await initBoth(nodes);
  const history = new History(primary);
  const listeners = {
    host: primary,
    alerts: new Alerts(primary),
    conditions: conditions(primary, "/var/run/c.json"),
    history,
  };
  const failed = { status: "SSH Connection Failed", ok: false, changed: [], tookMs: 1, reason: "refused" } as const;
  announceSyncResult(listeners, failed);
  expect(history.list(10)).toEqual([]);
  expect(primary.files.exists("/etc/ns-ha/alerts.json")).toBe(false);
  expect(primary.uci.readState("keepalived").get("ha_peer", "last_sync_status")).toBe("SSH Connection Failed");
  announceSyncResult(listeners, { status: "Successful", ok: true, changed: ["/etc/config/dhcp"], tookMs: 1 });
  announceSyncResult(listeners, failed);
  expect(history.list(10).map(({ kind }) => kind)).toEqual(["sync", "fault"]);
});

test("a synchronisation that fails while the backup is in maintenance is no alert, one that still fails afterwards is", () => {
  using node = new SimulatedNode("primary");
  const { host, conditions: raised, history } = node;
  host.files.mkdir("/var/state");
  const listeners = { host, alerts: new Alerts(host), conditions: raised, history };
  const failed = { status: "SSH Connection Failed", ok: false, changed: [], tookMs: 1, reason: "refused" } as const;
  announceSyncResult(listeners, failed, true);
  expect([host.files.exists("/etc/ns-ha/alerts.json"), listeners.history.list(10)]).toEqual([false, []]);
  expect(listeners.conditions.list()).toMatchObject([{ code: "sync_failed" }]);
  announceSyncResult(listeners, failed, false);
  expect(host.files.readText("/etc/ns-ha/alerts.json")).toContain('"FAILURE"');
});
