/** Changes of both nodes: all or nothing; running an interrupted one again completes it; reset leaves nothing behind. */
import { describe, expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import * as cluster from "./cluster.ts";
import { haPaths, readHaConfig } from "../cluster/config.ts";
import { initNode, RequirementsError } from "./node-changes.ts";
import { until } from "@nethsec/host/testing/until";
import { journalPath } from "../cluster/journal.ts";
import { resetNode } from "./reset-node.ts";
import { callPlugin, initBoth, tree, twoNodes, type TwoNodes } from "../testing/two-nodes.ts";

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
const codes = (error: unknown): string[] =>
  error instanceof RequirementsError ? error.problems.map(({ code }) => code) : [String(error)];
const vips = (nodes: TwoNodes): unknown[] =>
  [nodes.primary, nodes.backup].map(({ uci }) => readHaConfig(uci)?.aliases.map(({ virtualIp }) => virtualIp));
const lan2 = { primaryAddress: "192.168.200.238", backupAddress: "192.168.200.239", virtualIp: "192.168.200.240/24" };

test("initialisation makes a cluster of both nodes, secrets in no argument list", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const [primary, backup] = [readHaConfig(nodes.primary.uci), readHaConfig(nodes.backup.uci)];
  expect(primary).toMatchObject({
    role: "primary",
    enabled: true,
    nodeAddress: "192.168.100.238",
    peer: { address: "192.168.100.239", sshPort: 65022 },
  });
  expect(backup).toMatchObject({
    role: "backup",
    enabled: true,
    nodeAddress: "192.168.100.239",
    peer: { address: "192.168.100.238" },
  });
  expect(primary?.haInterface).toEqual({ name: "lan", device: "br-lan" });
  const password = nodes.primary.uci.read("keepalived").get("primary", "auth_pass") ?? "";
  expect(password).toMatch(/^[A-Za-z0-9]{8}$/);
  expect(nodes.backup.uci.read("keepalived").get("backup", "auth_pass")).toBe(password);
  expect([...nodes.primary.calls, ...nodes.backup.calls].join("\n")).not.toContain(password);
  expect([...nodes.primary.logged, ...nodes.backup.logged].join("\n")).not.toContain(password);
  expect(nodes.primary.files.stat(haPaths.keepalivedConf)?.mode).toBe(0o600);
  expect(nodes.primary.state()).toContain("keepalived");
  expect(await nodes.primary.services.running("keepalived")).toBe(true);
  expect(await nodes.backup.services.running("conntrackd")).toBe(true);
  const keys = nodes.backup.files.readText("/etc/dropbear/authorized_keys") ?? "";
  expect(keys).toContain(
    'command="/usr/sbin/ns-ha sync-receive",no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-pty ssh-rsa',
  );
  expect(keys).toStartWith("ssh-ed25519 AAAAown admin@desk\n");
});

test("initialising again completes and changes nothing", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const before = [tree(nodes.primary), tree(nodes.backup)];
  await initBoth(nodes);
  expect([tree(nodes.primary), tree(nodes.backup)]).toEqual(before);
});

test("initialising again on another interface is refused: the nodes would no longer hear each other", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const before = tree(nodes.primary);
  const other = {
    role: "primary",
    primaryAddress: "192.168.200.238",
    backupAddress: "192.168.200.239",
    virtualIp: "192.168.200.240/24",
    interfaceName: "lan2",
  } as const;
  await expect(initNode(nodes.primary, other)).rejects.toMatchObject({
    problems: [expect.objectContaining({ code: "cluster_on_another_interface" })],
  });
  expect(tree(nodes.primary)).toEqual(before);
});

test("VIPs and interfaces are on both nodes, and go from both", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.primary.uci.change((tx) => {
    tx.setSection("dhcp", "lan2", "dhcp");
    const options = { interface: "lan2", dhcpv4: "server", force: "1" };
    for (const [option, value] of Object.entries(options)) tx.set("dhcp", "lan2", option, value);
    tx.set("dhcp", "lan2", "dhcp_option", ["3,192.168.200.240", "option:dns-server,192.168.200.240"]);
  });
  await cluster.addVip(nodes.primary, "lan", "192.168.100.66/24");
  await cluster.addLanInterface(nodes.primary, lan2);
  expect(vips(nodes)).toEqual([["192.168.100.66/24"], ["192.168.100.66/24"]]);
  for (const { uci } of [nodes.primary, nodes.backup])
    expect(readHaConfig(uci)?.interfaces.map(({ name }) => name)).toEqual(["lan", "lan2"]);
  expect(nodes.primary.files.readText(haPaths.keepalivedConf)).toContain("eth2 weight -11");
  await cluster.addVip(nodes.primary, "lan2", "192.168.200.77/24");
  await cluster.removeInterface(nodes.primary, "lan2");
  expect(vips(nodes)).toEqual([["192.168.100.66/24"], ["192.168.100.66/24"]]);
  expect(nodes.primary.uci.read("network").section("lan2")?.raw("ipaddr")).toEqual(["192.168.200.240/24"]);
  expect(nodes.backup.uci.read("network").section("lan2")).toBeUndefined();
  await cluster.removeVip(nodes.primary, "lan", "192.168.100.66/24");
  expect(vips(nodes)).toEqual([[], []]);
  for (const { uci } of [nodes.primary, nodes.backup])
    expect(uci.read("keepalived").ofType("track_interface")).toHaveLength(1);
});

const refusals: readonly (readonly [
  name: string,
  run: (nodes: TwoNodes) => Promise<unknown>,
  codes: readonly string[],
])[] = [
  ["outside", ({ primary }) => cluster.addVip(primary, "lan", "10.0.0.1/24"), ["virtual_ip_not_in_subnet"]],
  [
    "own address",
    ({ primary }) => cluster.addVip(primary, "lan", "192.168.100.238/24"),
    ["virtual_ip_is_a_node_address"],
  ],
  [
    "the other's",
    ({ primary }) => cluster.addVip(primary, "lan", "192.168.100.239/24"),
    ["virtual_ip_is_a_node_address"],
  ],
  ["broadcast", ({ primary }) => cluster.addVip(primary, "lan", "192.168.100.255/24"), ["virtual_ip_not_usable"]],
  ["prefix", ({ primary }) => cluster.addVip(primary, "lan", "192.168.100.66/32"), ["virtual_ip_prefix_differs"]],
  ["answers", ({ primary }) => cluster.addVip(primary, "lan", "192.168.100.9/24"), ["virtual_ip_in_use"]],
  [
    "the VIP itself",
    ({ primary }) => cluster.addVip(primary, "lan", "192.168.100.240/24"),
    ["virtual_ip_already_configured"],
  ],
  [
    "not ours",
    ({ primary }) => cluster.addVip(primary, "lan2", "192.168.200.66/24"),
    ["interface_not_configured_for_ha"],
  ],
  ["unknown VIP", ({ primary }) => cluster.removeVip(primary, "lan", "192.168.100.66/24"), ["vip_not_found"]],
  ["HA interface", ({ primary }) => cluster.removeInterface(primary, "lan"), ["interface_is_the_ha_interface"]],
  ["unknown interface", ({ primary }) => cluster.removeInterface(primary, "dmz"), ["interface_not_configured_for_ha"]],
  [
    "no such address",
    ({ primary }) => cluster.addLanInterface(primary, { ...lan2, primaryAddress: "192.168.200.1" }),
    ["no_interface_with_static_ip_found"],
  ],
  [
    "every problem of an interface",
    ({ primary }) => cluster.addLanInterface(primary, { ...lan2, backupAddress: "10.1.1.1", virtualIp: "10.1.1.2/24" }),
    ["virtual_ip_not_in_subnet", "node_address_not_in_subnet"],
  ],
];

describe("refused before anything changes", () => {
  test.each(refusals)("%s", async (_name, run, expected) => {
    using nodes = twoNodes();
    await initBoth(nodes);
    nodes.answering.add("192.168.100.9");
    const before = [tree(nodes.primary), tree(nodes.backup)];
    expect(codes(await errorOf(run(nodes)))).toEqual([...expected]);
    expect([tree(nodes.primary), tree(nodes.backup)]).toEqual(before);
  });
});

test("with a DHCP server a further interface needs its option force too", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.primary.uci.change((tx) => {
    tx.setSection("dhcp", "lan2", "dhcp");
    tx.set("dhcp", "lan2", "interface", "lan2");
    tx.set("dhcp", "lan2", "dhcpv4", "server");
  });
  const add = (): Promise<unknown> => errorOf(cluster.addLanInterface(nodes.primary, lan2));
  const missing = ["dhcp_router_option_not_found", "dhcp_dns_option_not_found", "dhcp_force_option_not_set"];
  expect(codes(await add())).toEqual(missing);
  nodes.primary.uci.change((tx) => tx.set("dhcp", "lan2", "dhcp_option", ["option:router,192.168.200.1", "6,9.9.9.9"]));
  expect(codes(await add())).toEqual(["dhcp_router_option_does_not_match_vip", "dhcp_force_option_not_set"]);
  nodes.primary.uci.change((tx) => tx.set("dhcp", "lan2", "ignore", "1"));
  expect(await add()).toBeUndefined();
});

const changes: readonly (readonly [name: string, run: (nodes: TwoNodes) => Promise<unknown>])[] = [
  ["add-vip", ({ primary }) => cluster.addVip(primary, "lan", "192.168.100.66/24")],
  ["add-lan-interface", ({ primary }) => cluster.addLanInterface(primary, lan2)],
  ["remove-interface", ({ primary }) => cluster.removeInterface(primary, "lan3")],
  ["remove-vip", ({ primary }) => cluster.removeVip(primary, "lan", "192.168.100.99/24")],
  ["disable", ({ primary }) => cluster.disable(primary)],
];

/** A cluster with a VIP and a third interface, for tests of removals. */
async function prepared(): Promise<TwoNodes> {
  const nodes = twoNodes();
  for (const [host, last] of [[nodes.primary, 238] as const, [nodes.backup, 239] as const]) {
    host.uci.change((tx) => {
      tx.setSection("network", "lan3", "interface");
      for (const [option, value] of Object.entries({
        device: "eth3",
        proto: "static",
        ipaddr: `192.168.30.${last}`,
        netmask: "255.255.255.0",
      }))
        tx.set("network", "lan3", option, value);
    });
    host.net.setDevice({ device: "eth3" });
  }
  await initBoth(nodes);
  await cluster.addVip(nodes.primary, "lan", "192.168.100.99/24");
  const lan3 = { primaryAddress: "192.168.30.238", backupAddress: "192.168.30.239", virtualIp: "192.168.30.240/24" };
  await cluster.addLanInterface(nodes.primary, lan3);
  return nodes;
}

describe("when the backup cannot be reached the primary is as it was", () => {
  test.each(changes)("%s", async (_name, run) => {
    using nodes = await prepared();
    const before = [tree(nodes.primary), tree(nodes.backup)];
    nodes.link = false;
    const error = await errorOf(run(nodes));
    expect(error).toBeInstanceOf(NethsecError);
    expect(String(error)).toContain("The backup node 192.168.100.239 cannot be reached");
    expect([tree(nodes.primary), tree(nodes.backup)]).toEqual(before);
  });
});

describe("when the backup fails half-way both nodes are as they were, and say which refused", () => {
  test.each(changes)("%s", async (_name, run) => {
    using nodes = await prepared();
    const before = [tree(nodes.primary), tree(nodes.backup)];
    const { services } = nodes.backup;
    const reload = services.reloadConfig.bind(services);
    let calls = 0;
    Object.assign(services, {
      reloadConfig: () => {
        calls += 1;
        if (calls === 1) throw new NethsecError({ code: "full", message: "No space left on device" });
        return reload();
      },
    });
    expect(String(await errorOf(run(nodes)))).toContain("The backup node 192.168.100.239 refused");
    expect(calls).toBeGreaterThan(1);
    expect([tree(nodes.primary), tree(nodes.backup)]).toEqual(before);
  });
});

describe("a change cut off by a kill is completed by running it again", () => {
  test.each(changes)("%s", async (_name, run) => {
    using straight = await prepared();
    await run(straight);
    using nodes = await prepared();
    // The process is killed while it waits for the backup: the call never returns.
    nodes.primary.program("dbclient", ({ args }) => (args.at(-1) === "true" ? "" : new Promise(() => undefined)));
    const from = nodes.primary.calls.length;
    void run(nodes);
    await until(() => nodes.primary.calls.slice(from).some((line) => line.includes("ns.ha call")), {
      what: "the backup is asked",
    });
    await Bun.sleep(0);
    expect(nodes.primary.files.exists(journalPath)).toBe(true);
    const link = twoNodesLink(nodes);
    nodes.primary.program("dbclient", link);
    expect(String(await errorOf(cluster.enable(nodes.primary)))).toContain("An earlier change was interrupted");
    await run(nodes);
    expect(nodes.primary.files.exists(journalPath)).toBe(false);
    expect([tree(nodes.primary), tree(nodes.backup)]).toEqual([tree(straight.primary), tree(straight.backup)]);
  });
});

function twoNodesLink(nodes: TwoNodes) {
  return async ({ args, stdin }: { args: readonly string[]; stdin: Promise<string> }): Promise<string> =>
    callPlugin(nodes.backup, / call (\S+)$/.exec(args.at(-1) ?? "")?.[1] ?? "", await stdin);
}

test("disable stops keepalived on both nodes, enable starts it", async () => {
  using nodes = await prepared();
  await cluster.disable(nodes.primary);
  for (const { services, uci } of [nodes.primary, nodes.backup]) {
    expect(await services.running("keepalived")).toBe(false);
    expect(readHaConfig(uci)?.enabled).toBe(false);
  }
  await cluster.enable(nodes.primary);
  for (const { services } of [nodes.primary, nodes.backup]) expect(await services.running("keepalived")).toBe(true);
});

test("reset leaves no trace on either node", async () => {
  using nodes = twoNodes();
  nodes.backup.files.write("/etc/crontabs/root", "1 2 * * * /usr/sbin/send-heartbeat\n#3 4 * * * /usr/sbin/own\n");
  const before = [tree(nodes.primary), tree(nodes.backup)].map((all) =>
    all.filter((line) => !line.startsWith("/etc/keepalived/keys")),
  );
  await initBoth(nodes);
  await cluster.addVip(nodes.primary, "lan", "192.168.100.66/24");
  nodes.backup.cron.suspend(["send-heartbeat"]);
  nodes.backup.files.write(`${haPaths.stagingDir}/etc/config/system`, "x");
  nodes.backup.uci.change((tx) => {
    tx.setSection("network", "wan", "interface");
    tx.set("network", "wan", "ns_tag", "ha");
  });
  await cluster.reset(nodes.primary, false);
  /** Ignores the empty line that uci puts at the end of a file, and the crontab's lock file, which belongs to the host layer. */
  const plain = (lines: string[]): string[] =>
    lines
      .filter((line) => !line.startsWith("/var/run/nethsec/"))
      .map((line) => line.replace("\toption enabled '0'\n", "").trimEnd());
  expect([tree(nodes.primary), tree(nodes.backup)].map(plain)).toEqual(before.map(plain));
  for (const { services } of [nodes.primary, nodes.backup]) {
    expect(await services.running("keepalived")).toBe(false);
    expect(await services.enabled("conntrackd")).toBe(false);
  }
});

test("reset --force forgets a node that is gone", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.link = false;
  expect(String(await errorOf(cluster.reset(nodes.primary, false)))).toContain("cannot be reached");
  expect(readHaConfig(nodes.primary.uci)).toBeDefined();
  await cluster.reset(nodes.primary, true);
  expect(readHaConfig(nodes.primary.uci)).toBeUndefined();
  await cluster.reset(nodes.backup, true);
  expect(readHaConfig(nodes.backup.uci)).toBeUndefined();
});

test("a backup that was master goes on after reset --force: what was imported is its own, and up", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const imported = {
    wan: { type: "interface", options: { device: "eth1", proto: "static", auto: "0", ns_tag: "ha" } },
    spare: { type: "interface", options: { device: "eth2", proto: "dhcp", auto: "0", ns_auto: "0", ns_tag: "ha" } },
    office: { type: "route", options: { target: "10.0.0.0/8", disabled: "1", ns_tag: "ha" } },
    unused: { type: "route", options: { target: "10.1.0.0/16", disabled: "1", ns_disabled: "1", ns_tag: "ha" } },
  };
  nodes.backup.uci.change((tx) => {
    for (const [name, { type, options }] of Object.entries(imported)) {
      tx.setSection("network", name, type);
      for (const [option, value] of Object.entries(options)) tx.set("network", name, option, value);
    }
  });
  await resetNode(nodes.backup, { successor: true });
  const network = nodes.backup.uci.read("network");
  const held = (name: string): unknown =>
    ["auto", "disabled", "ns_tag", "ns_auto", "ns_disabled"].map((option) => network.get(name, option));
  expect(held("wan")).toEqual([undefined, undefined, undefined, undefined, undefined]);
  expect(held("spare")).toEqual(["0", undefined, undefined, undefined, undefined]);
  expect(held("office")).toEqual([undefined, undefined, undefined, undefined, undefined]);
  expect(held("unused")).toEqual([undefined, "1", undefined, undefined, undefined]);
});

test("a backup that is not master has nothing to go on with: reset --force drops what was imported", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.backup.uci.change((tx) => {
    tx.setSection("network", "wan", "interface");
    tx.set("network", "wan", "ns_tag", "ha");
  });
  expect(await cluster.reset(nodes.backup, true)).toEqual({ successor: false });
  expect(nodes.backup.uci.read("network").section("wan")).toBeUndefined();
});

test("a reset that was cut off after the configuration is completed by --force", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.primary.files.write("/etc/config/keepalived", "config globals 'globals'\n");
  await cluster.reset(nodes.primary, true);
  expect(nodes.primary.files.exists(haPaths.keysDir)).toBe(false);
  expect(String(await errorOf(cluster.reset(nodes.primary, true)))).toContain("belongs to no cluster");
});

test("on the backup the primary's actions answer where they belong", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const error = await errorOf(cluster.addVip(nodes.backup, "lan", "192.168.100.66/24"));
  expect(error).toMatchObject({
    code: "belongs_on_primary",
    advice: "Run there: ssh root@192.168.100.238 ns-ha-config add-vip lan 192.168.100.66/24",
  });
});

test("what a user added by hand survives every command", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  nodes.primary.uci.change((tx) => {
    tx.set("keepalived", "primary", "garp_master_refresh", "60");
    tx.addList("keepalived", "ha_peer", "sync_list", "/tmp/debug");
    tx.setSection("keepalived", "mine", "vrrp_script");
    for (const [option, value] of Object.entries({ name: "mine", script: "/bin/true", interval: "5" }))
      tx.set("keepalived", "mine", option, value);
  });
  await cluster.addVip(nodes.primary, "lan", "192.168.100.66/24");
  await initBoth(nodes);
  await cluster.removeVip(nodes.primary, "lan", "192.168.100.66/24");
  const pkg = nodes.primary.uci.read("keepalived");
  expect(pkg.get("primary", "garp_master_refresh")).toBe("60");
  expect(pkg.section("ha_peer")?.list("sync_list")).toContain("/tmp/debug");
  expect(pkg.get("mine", "script")).toBe("/bin/true");
  expect(nodes.primary.files.readText(haPaths.keepalivedConf)).toContain("garp_master_refresh 60");
});
