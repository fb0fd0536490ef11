/** Which interface depends on which, from /etc/config/network. */
import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { followingInterfaces } from "./following-interfaces.ts";

const network = `
config interface 'wg_road'
	option proto 'wireguard'
config wireguard_wg_road
	option public_key 'listens'

config interface 'wg_site'
	option proto 'wireguard'
config wireguard_wg_site
	option endpoint_host 'site.example.org'

config interface 'wg_tied'
	option proto 'wireguard'
	option tunlink 'wan'
config wireguard_wg_tied
	option endpoint_host '203.0.113.77'

config interface 'ipsec1'
	option proto 'xfrm'
	option tunlink 'wan2'

config interface 'wan_alias'
	option device '@wan'
	option proto 'static'

config interface 'wan'
	option device 'eth1'
	option proto 'pppoe'

config interface 'wan2'
	option device 'bond-uplink.35'
	option proto 'dhcp'

config interface 'wan3'
	option device 'br-wan'
	option proto 'static'
config device
	option name 'br-wan'
	option type 'bridge'
	list ports 'bond-uplink'

config interface 'uplink'
	option proto 'bonding'
	list slaves 'eth4'

config interface 'six'
	option proto '6in4'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
`;
const firewall = `
config zone 'ns_wan'
	option name 'wan'
	list network 'wan'
	list network 'wan2'
	list network 'wan3'
	list network 'wan_alias'
	list network 'six'
`;

test("each interface waits for what carries it, and for nothing else", () => {
  using host = fakeHost({ files: { "/etc/config/network": network, "/etc/config/firewall": firewall } });
  const found = followingInterfaces(host.uci, "primary");
  expect(Object.fromEntries(found.map(({ name, parents, anyUplink }) => [name, [parents, anyUplink]]))).toEqual({
    wan: [[], false],
    wan_alias: [["wan"], false],
    uplink: [[], false],
    wan2: [["uplink"], false],
    wan3: [["uplink"], false],
    six: [[], true],
    wg_road: [[], false],
    wg_site: [[], true],
    wg_tied: [["wan"], false],
    ipsec1: [["wan2"], false],
  });
  const order = found.map(({ name }) => name);
  for (const { name, parents } of found)
    for (const parent of parents) expect(order.indexOf(parent)).toBeLessThan(order.indexOf(name));
  expect(found.filter(({ uplink }) => uplink).map(({ name }) => name)).toEqual(
    expect.arrayContaining(["wan", "wan2", "wan3", "wan_alias"]),
  );
});
