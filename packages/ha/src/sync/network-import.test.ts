/** Export on the primary → import on the backup: disabled, tagged, repeatable, and nothing of the backup's own is touched. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { currentRecords } from "../cluster/network-records.ts";
import { type Imported, importNetwork } from "./network-import.ts";
import { parseRecords, recordKinds } from "../cluster/network-records.ts";

const primaryNetwork = `
config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	option ipaddr '192.168.100.238'

config device 'br_wan'
	option name 'br-wan'
	option type 'bridge'
	list ports 'bond-bond1'

config device
	option name 'bond-bond1.10'
	option type '8021q'
	option ifname 'bond-bond1'
	option vid '10'

config interface 'bond1'
	option proto 'bonding'
	list slaves 'eth1'
	list slaves 'eth2'

config interface 'wan6'
	option device '@wan'
	option proto 'dhcpv6'

config interface 'wan'
	option device 'br-wan'
	option proto 'dhcp'

config interface 'pppoe'
	option device 'bond-bond1.10'
	option proto 'pppoe'
	option username 'u'
	option password 'hidden'
	option auto '0'

config interface 'ipsec1'
	option proto 'xfrm'

config interface 'wg1'
	option proto 'wireguard'
	option private_key 'hidden'

config wireguard_wg1 'peer1'
	option public_key 'p'
	option preshared_key 'hidden'

config interface 'openvpn'
	option device 'tunrw1'
	option proto 'none'

config route
	option interface 'wan'
	option target '10.0.0.0/8'
	option gateway '192.0.2.1'

config route 'off'
	option interface 'wan'
	option target '10.1.0.0/16'
	option disabled '1'

config interface 'foreign'
	option ns_tag 'ha'
	option proto 'dhcp'
`;
const firewall =
  "config zone 'ns_wan'\n\toption name 'wan'\n\tlist network 'wan6'\n\tlist network 'wan'\n\tlist network 'pppoe'\n";
const dedalo = "config dedalo 'config'\n\toption interface 'hotspot'\n";
const backupNetwork = `
config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	option ipaddr '192.168.100.239'

config interface 'wan'
	option device 'eth1'
	option proto 'dhcp'

config route 'mine'
	option target '172.16.0.0/12'
`;

let primary: FakeHost;
let backup: FakeHost;
beforeEach(() => {
  const files = {
    "/etc/config/network": primaryNetwork,
    "/etc/config/firewall": firewall,
    "/etc/config/dedalo": dedalo,
  };
  primary = fakeHost({ files });
  backup = fakeHost({ files: { "/etc/config/network": backupNetwork } });
});
afterEach(() => {
  primary[Symbol.dispose]();
  backup[Symbol.dispose]();
});

const exported = () => currentRecords(primary, (device) => (device === "hotspot" ? "02:00:00:00:00:01" : undefined));
function importInto(records: ReturnType<typeof exported>): { result: Imported; changed: string[] } {
  let result: Imported = { log: [], removed: [], conflicts: [], adopted: {} };
  const changed = backup.uci.change((transaction) => {
    result = importNetwork(transaction, records, ["loopback", "lan"]);
  });
  return { result, changed };
}

describe("export", () => {
  test("takes each kind once, what carries before what is carried, and nothing that was imported", () => {
    const records = exported();
    expect(Object.keys(records.wan_interfaces)).toEqual(["wan", "pppoe", "wan6"]);
    expect(records.wan_devices.map(({ type, key }) => (type === "8021q" ? type : key))).toEqual([
      "bond1",
      "br_wan",
      "8021q",
    ]);
    expect(records.wan_devices[0]).toEqual({
      proto: "bonding",
      slaves: ["eth1", "eth2"],
      type: "bonding",
      key: "bond1",
    });
    expect(Object.keys(records.ipsec_interfaces)).toEqual(["ipsec1"]);
    expect(Object.keys(records.wg_interfaces)).toEqual(["wg1"]);
    expect(records.wg_peers["peer1"]?.["type"]).toBe("wireguard_wg1");
    expect(Object.keys(records.tun_interfaces)).toEqual(["openvpn"]);
    expect(Object.keys(records.routes).length).toBe(2);
    expect(records.hotspot).toEqual({ device: "hotspot", mac_address: "02:00:00:00:00:01" });
  });

  test("comes back from its files as it was; a file that is damaged imports nothing", () => {
    const records = exported();
    const files = new Map(recordKinds.map((kind) => [kind, JSON.stringify(records[kind])]));
    expect(parseRecords(files)).toEqual(records);
    expect(() => parseRecords(files.set("routes", '{"x": {"bad option!": "1"}}'))).toThrow("cannot be read");
    expect(() => parseRecords(files.set("routes", "{"))).toThrow("cannot be read");
  });
});

describe("import", () => {
  test("makes sections disabled and tagged, keeps the user's choice aside, and is done the second time", () => {
    const { result } = importInto(exported());
    const network = backup.uci.read("network");
    expect([network.get("wan", "auto"), network.get("wan", "ns_tag"), network.get("wan", "device")]).toEqual([
      "0",
      "ha",
      "br-wan",
    ]);
    expect([network.get("pppoe", "auto"), network.get("pppoe", "ns_auto")]).toEqual(["0", "0"]);
    expect(network.section("bond1")?.list("slaves")).toEqual(["eth1", "eth2"]);
    expect(network.get("bond1", "auto")).toBe("0");
    const routes = network.ofType("route").filter((section) => section.get("ns_tag") === "ha");
    expect(routes.map((section) => [section.get("disabled"), section.get("ns_disabled")])).toEqual([
      ["1", undefined],
      ["1", "1"],
    ]);
    expect(network.section("peer1")?.type).toBe("wireguard_wg1");
    expect(result.adopted["wan"]).toEqual({ device: "eth1", proto: "dhcp" });
    expect(result.log).toContain(
      'Importing network configuration: {"device": "br-wan", "proto": "dhcp", "record_type": "interface", "record_id": "wan"}',
    );
    expect(result.log.join("\n")).not.toContain("hidden");
    expect(importInto(exported()).changed).toEqual([]);
  });

  test("never touches the node's LAN or its own routes, and removes what is no longer exported", () => {
    importInto(exported());
    primary.uci.change((transaction) => {
      transaction.delete("network", "ipsec1");
      transaction.set("network", "wan", "metric", "5");
    });
    const records = exported();
    const { result } = importInto({
      ...records,
      wan_interfaces: { ...records.wan_interfaces, lan: { proto: "dhcp" } },
    });
    const network = backup.uci.read("network");
    // An unnamed section is renumbered when one before it is removed: it is removed under the old name and added under the new one.
    expect(result.removed.filter((name) => !name.startsWith("ha_cfg"))).toEqual(["ipsec1"]);
    expect(result.conflicts).toEqual([
      "The interface network.lan of the primary was not imported: network.lan is this node's own interface. Rename one of them.",
    ]);
    expect(network.get("lan", "ipaddr")).toBe("192.168.100.239");
    expect(network.get("mine", "target")).toBe("172.16.0.0/12");
    expect(network.get("wan", "metric")).toBe("5");
  });

  test("a route that this node enabled as master is no difference", () => {
    importInto(exported());
    backup.uci.change((transaction) => {
      for (const { name, type } of transaction.load("network").sections)
        if (type === "route" && name !== "mine") transaction.set("network", name, "disabled", "0");
    });
    expect(importInto(exported()).changed).toEqual([]);
  });
});
