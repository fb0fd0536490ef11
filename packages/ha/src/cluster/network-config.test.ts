/** Interfaces and devices in the forms that OpenWrt's network file allows. */
import { describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { requiredDevices } from "./checks.ts";
import { configuredInterfaces, interfaceWithAddress, physicalDevices } from "./network-config.ts";

const text = `
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	option ipaddr '127.0.0.1'

config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'eth0'
	list ports 'bond-pair'

config interface 'pair'
	option proto 'bonding'
	list slaves 'eth4'
	list slaves 'eth5'

config device
	option name 'guest'
	option type '8021q'
	option ifname 'br-lan'
	option vid '7'

config device
	option name 'loop'
	option type 'macvlan'
	option ifname 'loop'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	option ipaddr '192.168.1.1'
	option netmask '255.255.255.0'

config interface 'dmz'
	option device 'eth1.10'
	option proto 'static'
	list ipaddr '10.0.0.1/8'
	list ipaddr '10.9.0.1/16'

config interface 'also'
	option device '@lan'
	option proto 'static'
	option ipaddr '192.168.1.2'

config interface 'vpn'
	option proto 'wireguard'
	option device 'wg0'
`;

function network() {
  using host = fakeHost({ files: { "/etc/config/network": text } });
  return host.uci.read("network");
}

test("addresses with a netmask, in CIDR notation and in lists", () => {
  const found = Object.fromEntries(configuredInterfaces(network()).map((item) => [item.name, item.addresses]));
  expect(found["lan"]).toEqual([{ address: "192.168.1.1", prefix: 24 }]);
  expect(found["dmz"]).toEqual([
    { address: "10.0.0.1", prefix: 8 },
    { address: "10.9.0.1", prefix: 16 },
  ]);
  expect(found["also"]).toEqual([{ address: "192.168.1.2", prefix: 32 }]);
  expect(found).not.toHaveProperty("loopback");
  expect(interfaceWithAddress(network(), "10.9.0.1")?.name).toBe("dmz");
});

describe("physical devices", () => {
  test.each([
    ["eth7", ["eth7"]],
    ["br-lan", ["eth0", "eth4", "eth5"]],
    ["guest", ["eth0", "eth4", "eth5"]],
    ["eth1.10", ["eth1"]],
    ["@lan", []],
    ["loop", ["loop"]],
  ])("below %s", (device, expected) => {
    expect(physicalDevices(network(), device)).toEqual(expected);
  });

  test("all that the interfaces need", () => {
    expect(requiredDevices(network())).toEqual(["eth0", "eth1", "eth4", "eth5"]);
  });
});
