/** Which zone's interfaces follow the active node, tested with OpenWrt's default configuration, whose zones have no section names. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { currentRecords } from "./network-records.ts";
import { wanNetworks } from "./wan-zone.ts";

const file = (name: string): string =>
  readFileSync(new URL(`../../test-data/cases/anonymous-wan-zone/${name}`, import.meta.url), "utf8");

test("a zone named wan is the WAN zone when no section is called ns_wan", () => {
  using host = fakeHost({
    files: { "/etc/config/firewall": file("firewall"), "/etc/config/network": file("network") },
  });
  expect(wanNetworks(host.uci.read("firewall"))).toEqual(["wan", "wan6"]);
  expect(Object.keys(currentRecords(host, () => undefined).wan_interfaces)).toEqual(["wan", "wan6"]);
});

test("the section ns_wan goes before a zone that is only named so", () => {
  const firewall = `${file("firewall")}\nconfig zone 'ns_wan'\n\toption name 'outside'\n\toption network 'fiber dsl'\n`;
  using host = fakeHost({ files: { "/etc/config/firewall": firewall } });
  expect(wanNetworks(host.uci.read("firewall"))).toEqual(["fiber", "dsl"]);
});
