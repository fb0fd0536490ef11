/** netifd: status of interfaces and devices, ifup and ifdown, reload. */
import type { Topic } from "./recorded.ts";

/** The recorded network, as /etc/config/network. */
export const network = `
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	list ipaddr '127.0.0.1/8'
config interface 'lan'
	option device 'eth0'
	option proto 'static'
	option ipaddr '192.168.100.238/24'
config interface 'wan'
	option device 'eth1'
	option proto 'static'
	option ipaddr '198.51.100.2/24'
	option gateway '198.51.100.1'
config device 'br'
	option name 'br-lan2'
	option type 'bridge'
	option mtu '1400'
	list ports 'eth2'
config interface 'w2'
	option device 'br-lan2'
	option proto 'static'
	option ipaddr '203.0.113.2/24'
	option ip6addr '2001:db8:1::2/64'
	option dns '192.0.2.53'
config route 'r'
	option interface 'w2'
	option target '10.9.0.0/16'
	option gateway '203.0.113.1'
config device 'v'
	option name 'eth3.10'
	option type '8021q'
	option ifname 'eth3'
	option vid '10'
config interface 'vlan10'
	option device 'eth3.10'
	option proto 'static'
	option ipaddr '192.0.2.129/26'
	option auto '0'
config interface 'wal'
	option device '@wan'
	option proto 'static'
	option ipaddr '198.51.100.9/24'
config interface 'manual'
	option device 'eth4'
	option proto 'static'
	option ipaddr '192.0.2.1/26'
	option auto '0'
config interface 'dh'
	option device 'eth4'
	option proto 'dhcp'
	option auto '0'
config interface 'ppp'
	option device 'eth3'
	option proto 'pppoe'
	option auto '0'
config interface 'bnd'
	option proto 'bonding'
	option auto '0'
config interface 'nodev'
	option device 'eth9'
	option proto 'static'
	option ipaddr '192.0.2.65/26'
config interface 'unmanaged'
	option device 'eth3'
	option proto 'none'
config interface 'badaddr'
	option device 'eth3'
	option proto 'static'
	option ipaddr 'not-an-address'
config interface 'off'
	option device 'eth2'
	option proto 'static'
	option disabled '1'
`;

const set = (...options: readonly string[]): string =>
  `${options.map((option) => `uci ${option.includes("=") ? "set" : "delete"} network.${option}`).join("; ")}; uci commit network; ubus call network reload`;

export const interfaceStatus: Topic = {
  id: "interface-status",
  plays: [
    { entry: 8 },
    { entry: 13 },
    { entry: 14 },
    { entry: 16 },
    { entry: 0, awaited: true },
    { entry: 1, awaited: true },
    { entry: 2, awaited: true },
    { entry: 3, awaited: true },
    { entry: 4, awaited: true },
    { entry: 5, before: "ifdown wan" },
    { entry: 7, before: "ifup wan", awaited: true },
    { entry: 6, before: set("wan.disabled=1"), awaited: true },
    { entry: 9, before: `${set("wan.disabled")}; ifup manual` },
    { entry: 10, before: "ifdown manual" },
    { entry: 11, before: "ifup dh" },
    { entry: 12, before: "ifdown dh" },
    { entry: 15, before: "ifup ppp" },
    { entry: 17, before: "ifdown ppp; ifup bnd" },
    { entry: 18 },
    { entry: 21, before: "ifup badaddr" },
    // A number that no VLAN can have: it cannot be made, whatever the kernel.
    { entry: 22, before: set("v.vid=5000", "vlan10.auto=1"), awaited: true },
    { entry: 23, before: set("v.vid=10", "vlan10.auto=0") },
    { entry: 24, awaited: true },
    { entry: 25, before: set("br.ports=eth9"), awaited: true },
    { entry: 26 },
    { entry: 27, before: `ifdown ppp; ifdown bnd; ${set("v.vid=5000", "vlan10.auto=1")}`, awaited: true },
  ],
  notPlayable: {
    19: "the lab has no netifd that hears of a new device: the interface comes up at the next reload or ifup",
    20: "the lab has no netifd that hears of a lost device: the interface is found down at the next reload or ifup",
  },
};

export const ifupIfdown: Topic = {
  id: "ifup-ifdown-ifstatus",
  plays: [
    { entry: 0, before: set("v.vid=10", "vlan10.auto=0", "br.ports=eth2") },
    { entry: 1, before: "ifdown manual" },
    { entry: 2, before: "ifdown dh" },
    { entry: 3 },
    { entry: 4, before: "ifdown ppp" },
    ...[5, 6, 7, 8, 9, 10].map((entry) => ({ entry })),
    {
      entry: 11,
      before: "rm -f /tmp/events; echo 'echo $ACTION $INTERFACE >>/tmp/events' >/etc/hotplug.d/iface/99-contract",
      run: "ifup lan wan >/dev/null; n=0; until grep -qs 'ifup lan' /tmp/events || [ $n -gt 100 ]; do n=$((n + 1)); sleep 0.05; done; sort -u /tmp/events | tr '\\n' ,",
      prints: "ifdown lan,ifup lan,",
    },
    {
      entry: 12,
      before: "rm -f /tmp/events",
      run: `ifup -a >/dev/null; n=0; until [ "$(grep -v wal /tmp/events | sort -u | grep -c ifup)" = 7 ] || [ $n -gt 200 ]; do n=$((n + 1)); sleep 0.05; done; sort -u /tmp/events | grep -v wal | tr '\\n' ,`,
      prints:
        "ifdown lan,ifdown loopback,ifdown unmanaged,ifdown w2,ifdown wan,ifup lan,ifup loopback,ifup manual,ifup ppp,ifup unmanaged,ifup w2,ifup wan,",
    },
    {
      entry: 13,
      before: "rm -f /etc/hotplug.d/iface/99-contract; ifdown manual; ifdown dh; ifdown ppp",
      run: "ifstatus lan | jq -c '[.up, .proto, .device]'",
      prints: '[true,"static","eth0"]',
    },
    { entry: 14 },
    { entry: 15 },
    { entry: 16 },
    { entry: 17 },
    { entry: 18 },
    { entry: 20, awaited: true },
    { entry: 19, before: set("br.ports=eth9"), awaited: true },
    { entry: 21, before: set("br.ports=eth2") },
    { entry: 22 },
  ],
  notPlayable: {},
};

export const networkReload: Topic = {
  id: "network-reload",
  plays: [
    { entry: 0 },
    { entry: 1, before: set("manual.mtu=1400") },
    { entry: 2, before: `${set("manual.mtu")}; ifup manual; ${set("manual.metric=8")}`, awaited: true },
    { entry: 3, before: set("unmanaged.mtu=1400") },
    { entry: 4, before: "ubus call network reload" },
    { entry: 5, before: "ifdown wan; ubus call network reload" },
    { entry: 6, before: set("wan.metric=5") },
    { entry: 7, before: `ifup wan; ${set("wan.auto=0")}`, awaited: true },
    { entry: 8, before: set("wan.auto"), awaited: true },
    { entry: 9, before: set("wan.disabled=1"), awaited: true },
    { entry: 10, before: set("wan.disabled"), awaited: true },
    { entry: 11 },
    {
      entry: 12,
      before: `n=0; until [ -e /sys/class/net/br-lan2/brif/eth4 ] || [ $n -gt 100 ]; do n=$((n + 1)); sleep 0.05; done; uci del_list network.br.ports=eth4; ${set("br.mtu=1400")}`,
      awaited: true,
    },
    { entry: 13, before: "ifdown w2" },
    { entry: 14, before: `ifup w2; ${set("br.ports=eth9")}`, awaited: true },
    { entry: 15, before: set("br.ports=eth2"), awaited: true },
    { entry: 16, before: set("w2.auto=0"), awaited: true },
  ],
  notPlayable: {},
};

export const netifdDevices: Topic = {
  id: "netifd-devices",
  plays: [],
  notPlayable: {
    0: "about how netifd claims a device whose iflink is another device; the lab claims nothing",
    1: "about a kernel without CONFIG_BRIDGE_VLAN_FILTERING; the lab sets no such option",
    2: "told by interface-status 22, which is played",
  },
};
