/** Bonds, VLANs of bridges and devices that both nodes describe: from the primary's /etc/config/network to the backup's. */
import { afterEach, expect, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { followingInterfaces } from "../cluster/following-interfaces.ts";
import { currentRecords } from "../cluster/network-records.ts";
import { importConflicts, type Imported, importNetwork } from "./network-import.ts";

const opened: FakeHost[] = [];
afterEach(() => {
  for (const host of opened.splice(0)) host[Symbol.dispose]();
});
function node(network: string, lan = "lan"): FakeHost {
  const host = fakeHost({
    files: {
      "/etc/config/network": network,
      "/etc/config/firewall": "config zone 'ns_wan'\n\toption name 'wan'\n\tlist network 'wan'\n",
      "/etc/config/keepalived": `config ipaddress '${lan}_ipaddress'\n\toption ns_link 'network/${lan}'\n`,
    },
  });
  opened.push(host);
  return host;
}
const exported = (primary: FakeHost) => currentRecords(primary, () => undefined);
function importInto(backup: FakeHost, records: ReturnType<typeof exported>): Imported {
  let result: Imported = { log: [], removed: [], conflicts: [], adopted: {} };
  backup.uci.change((transaction) => {
    result = importNetwork(transaction, records, ["loopback", "lan"]);
  });
  return result;
}
/** Names of all sections that describe `device`. */
const describing = ({ uci }: FakeHost, device: string): string[] =>
  uci.read("network").sections.flatMap((s) => (s.type === "device" && s.get("name") === device ? [s.name] : []));

const lan = (last: number, device = "br-lan"): string => `
config interface 'lan'
	option device '${device}'
	option proto 'static'
	option ipaddr '192.168.100.${last}/24'
`;
const lanBridge = (mac: string, ports = "\tlist ports 'eth0'\n"): string => `
config device 'br_lan'
	option name 'br-lan'
	option type 'bridge'
	option macaddr '${mac}'
${ports}`;
const wanOn = (device: string): string => `
config interface 'wan'
	option device '${device}'
	option proto 'dhcp'
`;

test("the device sections of a bond's slaves are exported before the bond's VLAN, and arrive", () => {
  const primary = node(`${lan(238, "eth0")}${wanOn("bond-up.7")}
config interface 'up'
	option proto 'bonding'
	list slaves 'eth1'
	list slaves 'eth2'

config device 'slave1'
	option name 'eth1'
	option mtu '1400'

config device 'slave2'
	option name 'eth2'
	option mtu '1400'
`);
  const backup = node(lan(239, "eth0"));
  expect(exported(primary).wan_devices.map(({ key }) => key)).toEqual(["up", "slave1", "slave2"]);
  expect(importInto(backup, exported(primary)).conflicts).toEqual([]);
  expect(["eth1", "eth2"].map((device) => describing(backup, device))).toEqual([["slave1"], ["slave2"]]);
});

test("the bridge-vlan sections of a WAN's bridge are exported and arrive", () => {
  const primary = node(`${lan(238, "eth0")}${wanOn("br-up.10")}
config device
	option name 'br-up'
	option type 'bridge'
	list ports 'eth1'
	list ports 'eth2'

config bridge-vlan
	option device 'br-up'
	option vlan '10'
	list ports 'eth1:t'
`);
  const backup = node(lan(239, "eth0"));
  expect(importInto(backup, exported(primary)).conflicts).toEqual([]);
  const [vlan] = backup.uci.read("network").ofType("bridge-vlan");
  expect([vlan?.get("device"), vlan?.get("vlan"), vlan?.get("ports"), vlan?.get("ns_tag")]).toEqual([
    "br-up",
    "10",
    "eth1:t",
    "ha",
  ]);
});

test("a WAN on a VLAN of the LAN's bridge brings no second bridge and no MAC address to the backup", () => {
  const vlans = (name: string): string =>
    [1, 10]
      .map(
        (vlan) =>
          `\nconfig bridge-vlan '${name}${vlan}'\n\toption device 'br-lan'\n\toption vlan '${vlan}'\n\tlist ports 'eth0:t'\n`,
      )
      .join("");
  const primary = node(`${lanBridge("02:00:00:00:00:01")}${vlans("a")}${lan(238, "br-lan.1")}${wanOn("br-lan.10")}`);
  const own = `${lanBridge("02:00:00:00:00:02").replace("'br_lan'", "'mine'")}${vlans("b").slice(0, vlans("b").indexOf("\nconfig bridge-vlan 'b10'"))}${lan(239, "br-lan.1")}`;
  const backup = node(own);
  const records = exported(primary);
  expect(JSON.stringify(records)).not.toContain("02:00:00:00:00:01");
  expect(Object.keys(records.bridge_vlans)).toEqual(["a10"]);
  expect(importInto(backup, records).conflicts).toEqual([]);
  expect(describing(backup, "br-lan")).toEqual(["mine"]);
  expect(backup.uci.read("network").get("mine", "macaddr")).toBe("02:00:00:00:00:02");
  expect(backup.uci.read("network").get("a10", "vlan")).toBe("10");
});

test("a VLAN that the LAN's bridge cannot take without losing the LAN, or a bridge that is missing, is refused with both names", () => {
  const vlan = "\nconfig bridge-vlan 'a10'\n\toption device 'br-lan'\n\toption vlan '10'\n\tlist ports 'eth0:t'\n";
  const primary = node(`${lanBridge("02:00:00:00:00:01")}${vlan}${lan(238)}${wanOn("br-lan.10")}`);
  const [refused] = importConflicts(
    node(`${lanBridge("02:00:00:00:00:02").replace("'br_lan'", "'mine'")}${lan(239)}`).uci.read("network"),
    exported(primary),
    ["lan"],
  );
  expect(refused).toContain("network.a10");
  expect(refused).toContain("network.mine");
  const [missing] = importConflicts(node(lan(239, "eth0")).uci.read("network"), exported(primary), ["lan"]);
  expect(missing).toBe(
    "The primary's WAN stands on the bridge br-lan of its LAN (network.br_lan there). This node has no such device: the WAN cannot come up here. Set up br-lan here as on the primary.",
  );
});

test("a bond that carries the LAN too stays up on a passive node, and is not copied", () => {
  const bond = "\nconfig interface 'up'\n\toption proto 'bonding'\n\tlist slaves 'eth0'\n\tlist slaves 'eth1'\n";
  const primary = node(`${bond}${lan(238, "bond-up")}${wanOn("bond-up.7")}`);
  expect(followingInterfaces(primary.uci, "primary").map(({ name }) => name)).toEqual(["wan"]);
  const backup = node(`${bond}${lan(239, "bond-up")}`);
  expect(importInto(backup, exported(primary))).toMatchObject({ conflicts: [], adopted: {} });
  expect(backup.uci.read("network").get("up", "auto")).toBeUndefined();
});

test("a device that this node describes in another section is refused with both names, unless it is described alike", () => {
  const device = (section: string, mtu: string): string =>
    `\nconfig device '${section}'\n\toption name 'eth1'\n\toption mtu '${mtu}'\n\toption macaddr '02:00:00:00:00:0${mtu.length}'\n`;
  const primary = node(`${device("theirs", "1400")}${lan(238, "eth0")}${wanOn("eth1")}`);
  const backup = node(`${device("mine", "9000")}${lan(239, "eth0")}`);
  const { conflicts } = importInto(backup, exported(primary));
  expect(conflicts).toEqual([
    "The device network.theirs of the primary was not imported: this node describes eth1 itself, in network.mine. Make both alike, or delete network.mine on this node.",
  ]);
  expect(describing(backup, "eth1")).toEqual(["mine"]);
  expect(importConflicts(backup.uci.read("network"), exported(primary), ["lan"])).toEqual([...conflicts]);
  const alike = node(`${device("mine", "1400")}${lan(239, "eth0")}`);
  expect(importInto(alike, exported(primary)).conflicts).toEqual([]);
  expect(describing(alike, "eth1")).toEqual(["mine"]);
});

test("a section of the same name for another device is no conflict", () => {
  const primary = node(
    `\nconfig device 'dev'\n\toption name 'eth1'\n\toption mtu '1400'\n${lan(238, "eth0")}${wanOn("eth1")}`,
  );
  const backup = node(`\nconfig device 'dev'\n\toption name 'eth7'\n\toption mtu '9000'\n${lan(239, "eth0")}`);
  expect(importInto(backup, exported(primary)).conflicts).toEqual([]);
  expect([describing(backup, "eth1"), describing(backup, "eth7")]).toEqual([["ha_dev"], ["dev"]]);
});

test("a WAN whose device, or the port of whose bridge, belongs to a bridge of this node is refused", () => {
  const backup = (): FakeHost =>
    node(`${lanBridge("02:00:00:00:00:02", "\tlist ports 'eth0'\n\tlist ports 'eth1'\n")}${lan(239)}`);
  const plain = node(`${lan(238, "eth0")}${wanOn("eth1")}`);
  expect(importInto(backup(), exported(plain)).conflicts).toEqual([
    "The interface network.wan of the primary was not imported: eth1 is part of br-lan on this node, in network.br_lan. Make both alike, or delete network.br_lan on this node.",
  ]);
  const bridged = node(
    `\nconfig device 'br_up'\n\toption name 'br-up'\n\toption type 'bridge'\n\tlist ports 'eth1'\n${lan(238, "eth0")}${wanOn("br-up")}`,
  );
  expect(importInto(backup(), exported(bridged)).conflicts.join()).toContain("network.br_up of the primary");
});
