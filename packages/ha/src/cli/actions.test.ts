/** Output of the actions: the documentation's layout to the byte, JSON, refusals. */
import { describe, expect, test } from "bun:test";
import * as cluster from "../change/cluster.ts";
import { callOn, callPlugin, initBoth, twoNodes } from "../testing/two-nodes.ts";
import { drillReport, historyLine } from "./agent-actions.ts";
import { checkBackupNode, checkPrimaryNode } from "./check.ts";
import { initPrimaryNode } from "./init.ts";
import { reset, setTiming } from "./power.ts";
import { haPaths } from "../cluster/config.ts";
import { run as render } from "./render.ts";
import { run as showConfigAction } from "./show-config.ts";
import { run as statusAction, showStatus, uplinksJson } from "./status.ts";

/** seeds: the documentation's "Show current configuration". */
const documented = `Current configuration

Interfaces:
  Interface: lan, Device: br-lan, Virtual IP: 192.168.100.240/24

Aliases:
  Interface: lan, Virtual Alias IP: 192.168.100.66/24

-----------------------------------------------------------------

Not configured

Interfaces:
  Interface: wan, Device: eth1 
`;

test("show-config prints the documented layout", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  await cluster.addVip(nodes.primary, "lan", "192.168.100.66/24");
  nodes.primary.uci.change((tx) => tx.delete("network", "lan2"));
  const { call, output } = callOn(nodes.primary, {});
  expect(showConfigAction(call)).toBe(0);
  expect(output.out).toBe(`${documented}\nNeed no configuration, they follow the node that carries the site: wan\n`);
});

test("status shows the watched WANs: mwan3's words where the site is, and the last move", () => {
  const uplinks = {
    uplinks: [{ name: "wan", word: "offline", deadMs: 125_000 }, { name: "wan2" }],
    move: { at: Date.UTC(2026, 10, 28, 13, 2), to: "backup" as const, attempt: 1, worked: true },
  };
  const common = {
    role: "primary",
    status: "enabled",
    timing: "classic",
    lastSyncStatus: undefined,
    lastSyncTime: undefined,
    virtualIps: [],
    keepalivedStats: {},
    otherNode: undefined,
    maintenance: undefined,
    syncPaused: undefined,
    uplinks,
    now: 0,
    pending: [],
    conditions: [],
  } as const;
  expect(showStatus({ ...common, state: "master" }, undefined, false)).toContain(
    "\nWatched WANs:\n  wan: offline for 2 min 5 s\n  wan2: mwan3 says nothing\n  moved to the backup node because all were dead: 2026-11-28 13:02 UTC\n",
  );
  expect(showStatus({ ...common, state: "backup" }, undefined, false)).toContain(
    "\n  wan: not tested while this node is passive\n",
  );
  expect(uplinksJson(uplinks)).toEqual({
    watched: [
      { interface: "wan", status: "offline", dead_seconds: 125 },
      { interface: "wan2", status: null, dead_seconds: null },
    ],
    last_move: { at: Date.UTC(2026, 10, 28, 13, 2) / 1000, to: "backup", by: "uplinks", helped: true },
  });
});

test("status prints the documented layout", () => {
  const text = showStatus(
    {
      role: "primary",
      status: "enabled",
      state: "master",
      timing: "classic",
      lastSyncStatus: "Successful",
      lastSyncTime: 1749453675,
      virtualIps: [{ section: "lan_ipaddress", options: { address: "192.168.100.240/24", device: "br-lan" } }],
      keepalivedStats: { advert_rcvd: 0, advert_sent: 1730, become_master: 1 },
      otherNode: undefined,
      maintenance: undefined,
      syncPaused: undefined,
      uplinks: undefined,
      now: 0,
      pending: [],
      conditions: [],
    },
    "Mon Jun  9 07:21:15 UTC 2025",
    false,
  );
  expect(text).toBe(`Status: enabled
Role: primary
Current State: master
Last Sync Status: Successful
Last Sync Time: Mon Jun  9 07:21:15 UTC 2025

Virtual IPs:
  lan_ipaddress: 192.168.100.240/24 (br-lan)

Keepalived Statistics:
  advert_rcvd: 0
  advert_sent: 1730
  become_master: 1
`);
});

test("status works on both nodes, without an agent too, and shows the time in the firewall's zone", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  for (const node of [nodes.primary, nodes.backup]) {
    node.program("date", ({ args }) => `${args[1]} as date says\n`);
    node.uci.setState("keepalived", "ha_peer", "last_sync_status", "SSH Connection Failed");
    node.uci.setState("keepalived", "ha_peer", "last_sync_time", "1744981628");
    const { call, output } = callOn(node, {});
    expect(await statusAction(call)).toBe(0);
    expect(output.out).toContain(
      "Current State: unknown\nLast Sync Status: SSH Connection Failed\nLast Sync Time: @1744981628 as date says\n",
    );
    expect(output.out).toContain("error: The agent ns-ha does not run on this node");
  }
  const { call, output } = callOn(nodes.backup, { json: true });
  await statusAction(call);
  const expected = {
    role: "backup",
    status: "enabled",
    last_sync_status: "SSH Connection Failed",
    last_sync_time: 1744981628,
  };
  expect(JSON.parse(output.out)).toMatchObject(expected);
});

test("on a node of no cluster status says disabled", async () => {
  using nodes = twoNodes();
  const { call, output } = callOn(nodes.primary, {});
  await statusAction(call);
  expect(output.out).toBe("Status: disabled\n");
});

describe("check-primary-node lists every problem", () => {
  const cases: readonly (readonly [
    name: string,
    change: (nodes: ReturnType<typeof twoNodes>) => void,
    codes: readonly string[],
  ])[] = [
    ["nothing wrong", () => undefined, []],
    ["router's address answers", ({ answering }) => answering.add("192.168.100.240"), ["virtual_ip_in_use"]],
    [
      "no DHCP options",
      ({ primary }) => primary.uci.change((tx) => tx.delete("dhcp", "lan", "dhcp_option")),
      ["dhcp_router_option_not_found", "dhcp_dns_option_not_found"],
    ],
    ["no DHCP server", ({ primary }) => primary.uci.change((tx) => tx.delete("dhcp", "lan")), []],
    [
      "DHCP address and long device",
      ({ primary }) =>
        primary.uci.change((tx) => {
          tx.set("network", "lan", "proto", "dhcp");
          tx.set("network", "lan", "device", "eth1234567890");
        }),
      ["lan_network_not_static", "lan_device_network_too_long"],
    ],
    [
      "router is the node itself",
      ({ primary }) =>
        primary.uci.change((tx) => tx.set("dhcp", "lan", "dhcp_option", ["3,192.168.100.238", "6,9.9.9.9"])),
      ["virtual_ip_is_a_node_address"],
    ],
    [
      "hotspot on a bridge",
      ({ primary }) =>
        primary.uci.change((tx) => {
          tx.setSection("dedalo", "config", "dedalo");
          tx.set("dedalo", "config", "disabled", "0");
          tx.set("dedalo", "config", "interface", "br-lan");
        }),
      ["hotspot_not_on_physical_device"],
    ],
  ];
  test.each(cases)("%s", async (_name, change, codes) => {
    using nodes = twoNodes();
    change(nodes);
    const { call, output } = callOn(nodes.primary, { args: { lan_interface: "lan" }, json: true });
    expect(await checkPrimaryNode(call)).toBe(codes.length === 0 ? 0 : 1);
    const answer: { errors?: { code: string }[] } = JSON.parse(output.out);
    expect((answer.errors ?? []).map(({ code }) => code)).toEqual([...codes]);
  });

  test("before there is a virtual IP, a wrong one is the router that DHCP announces", async () => {
    using nodes = twoNodes();
    nodes.primary.uci.change((tx) => tx.set("dhcp", "lan", "dhcp_option", ["3,192.168.100.238", "6,9.9.9.9"]));
    const { call, output } = callOn(nodes.primary, { args: { lan_interface: "lan" } });
    expect(await checkPrimaryNode(call)).toBe(1);
    expect(output.err).toContain(
      "  - The DHCP server on lan announces a router that cannot be the virtual IP: set DHCP option 3",
    );
  });

  test("this node's own address is not the backup's", async () => {
    using nodes = twoNodes();
    const { call } = callOn(nodes.primary, { args: { backup_node_ip: "192.168.100.238", lan_interface: "lan" } });
    await expect(checkBackupNode(call)).rejects.toThrow("192.168.100.238 is this node's own address");
  });

  test("an unknown interface, as text", async () => {
    using nodes = twoNodes();
    const { call, output } = callOn(nodes.primary, { args: { lan_interface: "lann" } });
    expect(await checkPrimaryNode(call)).toBe(1);
    expect(output.err).toBe(
      "The primary node does not meet the requirements:\n  - There is no network interface lann; there are: lan, lan2, wan.\n",
    );
  });
});

test("after initialisation the DHCP router must be the virtual IP", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.primary.uci.change((tx) => tx.set("dhcp", "lan", "dhcp_option", ["3,192.168.100.1", "6,9.9.9.9"]));
  const answer = await callPlugin(nodes.primary, "validate-requirements", '{"role":"primary","lan_interface":"lan"}');
  expect(JSON.parse(answer)).toMatchObject({ success: false, errors: ["dhcp_router_option_does_not_match_vip"] });
});

test("init-primary-node refuses a virtual IP without its prefix, with an example", async () => {
  using nodes = twoNodes();
  const args = {
    primary_node_ip: "192.168.100.238",
    backup_node_ip: "192.168.100.239",
    virtual_ip: "192.168.100.240",
    lan_interface: "lan",
  };
  const { call } = callOn(nodes.primary, { args });
  await expect(initPrimaryNode(call)).rejects.toMatchObject({
    exitCode: 2,
    advice: "Write it with its prefix, for example 192.168.100.240/24",
  });
});

test("reset asks for yes", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const { call, output } = callOn(nodes.primary, { stdin: "no\n" });
  expect(await reset(call)).toBe(1);
  expect(output.err).toContain("Type yes to go on");
  const confirmed = callOn(nodes.primary, { stdin: "yes\n" });
  expect(await reset(confirmed.call)).toBe(0);
});

test("set-timing knows two timings", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  await expect(setTiming(callOn(nodes.primary, { args: { timing: "slow" } }).call)).rejects.toMatchObject({
    exitCode: 2,
  });
  const { call, output } = callOn(nodes.primary, { args: { timing: "classic" } });
  expect(await setTiming(call)).toBe(0);
  expect(output.out).toBe("The timing is classic already.\n");
});

test("history and drill are a line an entry", () => {
  const line = historyLine({
    at: Date.UTC(2025, 5, 9, 7, 21, 15, 123),
    node: "backup",
    kind: "transition",
    text: "backup → master",
    tookMs: 310,
  });
  expect(line).toBe("2025-06-09 07:21:15.123Z  backup   transition  backup → master  (0.31 s)");
  const report = drillReport(
    [
      { code: "peer_reachable", verdict: "ok", text: "The backup node answers." },
      { code: "sync_fresh", verdict: "fail", text: "The last synchronisation failed." },
    ],
    false,
  );
  expect(report.join("\n")).toBe(
    "ok       The backup node answers.\nfail     The last synchronisation failed.\n\nA failover now would lose something: 1 of 2 checks failed.",
  );
});

describe("rpcd plugin", () => {
  test("validation errors name parameter, value and word", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const answer = await callPlugin(
      nodes.primary,
      "add-vip",
      '{"role":"primary","interface":"dmz","virtual_ip":"10.0.0.1/24"}',
    );
    const errors = [
      expect.objectContaining({ parameter: "interface", value: "dmz", message: "interface_not_configured_for_ha" }),
    ];
    expect(JSON.parse(answer)).toEqual({ validation: { errors } });
  });

  test("a missing address is missing_backup_node_ip", async () => {
    using nodes = twoNodes();
    const answer = await callPlugin(nodes.primary, "check-remote", '{"ssh_password":"x","lan_interface":"lan"}');
    expect(JSON.parse(answer)).toMatchObject({
      validation: { errors: [{ parameter: "backup_node_ip", value: "", message: "missing_backup_node_ip" }] },
    });
  });

  test("lists as the web interface wants them", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    await cluster.addVip(nodes.primary, "lan", "192.168.100.66/24");
    expect(JSON.parse(await callPlugin(nodes.primary, "list-vips", ""))).toEqual({
      vips: [{ interface: "lan", ipaddr: "192.168.100.66/24" }],
    });
    expect(JSON.parse(await callPlugin(nodes.primary, "list-interfaces", ""))).toEqual({
      interfaces: [
        { name: "lan", device: "br-lan", ha_configured: true, virtual_ip: "192.168.100.240/24" },
        { name: "lan2", device: "eth2", ha_configured: false, virtual_ip: "" },
        { name: "wan", device: "eth1", ha_configured: false, virtual_ip: "" },
      ],
    });
    expect(JSON.parse(await callPlugin(nodes.primary, "status", ""))).toMatchObject({
      role: "primary",
      status: "enabled",
      last_sync_time: 0,
      virtual_ips: { lan_ipaddress: { address: "192.168.100.240/24" } },
      keepalived_stats: {},
    });
    expect(JSON.parse(await callPlugin(nodes.primary, "upgrade-remote", '{"image":"/tmp/none.img"}'))).toMatchObject({
      error: "image_file_not_found",
    });
  });
});

describe("ns-ha render", () => {
  test("adopts a cluster that another implementation made", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    nodes.primary.uci.change((tx) => tx.delete("keepalived", "globals", "alt_config_file"));
    nodes.primary.files.remove(haPaths.keepalivedConf);
    await render(callOn(nodes.primary, {}).call);
    expect(nodes.primary.uci.read("keepalived").get("globals", "alt_config_file")).toBe(haPaths.keepalivedConf);
    expect(nodes.primary.files.readText(haPaths.keepalivedConf)).toContain("vrrp_instance master {");
  });

  test("reloads keepalived only when something changed, and never starts one that was stopped", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const seen = (): string[] => nodes.primary.calls.filter((line) => line.startsWith("keepalived "));
    nodes.primary.files.mkdir("/tmp");
    nodes.primary.files.symlink(haPaths.keepalivedConf, haPaths.keepalivedLink);
    const before = seen().length;
    await render(callOn(nodes.primary, {}).call);
    expect(seen()).toHaveLength(before);
    nodes.primary.uci.change((tx) => tx.set("keepalived", "primary", "debug", "1"));
    await render(callOn(nodes.primary, {}).call);
    expect(seen().slice(before)).toEqual(["keepalived reload"]);
    nodes.primary.files.write(haPaths.keepalivedLink, "rendered by keepalived's own init script");
    await render(callOn(nodes.primary, {}).call);
    expect(seen().slice(before)).toEqual(["keepalived reload", "keepalived reload"]);
    await nodes.primary.services.call("keepalived", "stop");
    nodes.primary.uci.change((tx) => tx.set("keepalived", "primary", "debug", "0"));
    await render(callOn(nodes.primary, {}).call);
    expect(await nodes.primary.services.running("keepalived")).toBe(false);
  });

  test("on a node of no cluster there is nothing, and no error", async () => {
    using nodes = twoNodes();
    expect(await render(callOn(nodes.primary, {}).call)).toBe(0);
    expect(nodes.primary.files.exists(haPaths.keepalivedConf)).toBe(false);
  });
});
