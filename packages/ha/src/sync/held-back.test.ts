/** Files that the backup keeps although the primary sent something else. */
import { expect, test } from "bun:test";
import { sha256 } from "@nethsec/host/files/digests";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readHaConfig } from "../cluster/config.ts";
import { heldBack } from "./held-back.ts";
import { type Manifest, parseManifest } from "./manifest.ts";

const keepalived =
  "config globals 'globals'\n\toption enabled '1'\nconfig ipaddress 'lan_ipaddress'\n\toption name 'lan_ha'\n\toption address '192.168.100.240/24'\n" +
  "\toption device 'br-lan'\n\toption ns_link 'network/lan'\nconfig peer 'ha_peer'\n\toption address '192.168.100.238'\n" +
  "config vrrp_instance 'backup'\n\toption unicast_src_ip '192.168.100.239'\n";
const firewall = "config zone 'ns_lan'\n\toption name 'lan'\n\tlist network 'lan'\n";

function held(staged: Readonly<Record<string, string>>, forced: readonly string[] = []): string[] {
  const staging = Object.entries(staged).map(([path, text]) => [`/usr/share/keepalived/rsync${path}`, text] as const);
  using host = fakeHost({
    files: {
      "/etc/config/keepalived": keepalived,
      "/etc/config/firewall": firewall,
      "/etc/config/dhcp": "config dnsmasq\n",
      "/etc/ha/wan_interfaces": "{}",
      ...Object.fromEntries(staging),
    },
  });
  const config = readHaConfig(host.uci);
  if (config === undefined) throw new Error("no cluster");
  const entries = Object.entries(staged).map(([path, text]) => ({
    path,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: text.length,
    sha256: sha256(text),
  }));
  const manifest: Manifest = parseManifest(
    JSON.stringify({ version: 1, roots: Object.keys(staged), gone: [], forced, entries }),
  );
  return heldBack(host.files, config, manifest).map(({ path }) => path);
}

test("lost content stays out, and with the firewall what was exported from it", () => {
  expect(
    held({ "/etc/config/firewall": "\0\0\0\0", "/etc/ha/wan_interfaces": "[]", "/etc/config/dhcp": "config dhcp\n" }),
  ).toEqual(["/etc/config/firewall", "/etc/ha/wan_interfaces"]);
  expect(held({ "/etc/config/dhcp": "" })).toEqual(["/etc/config/dhcp"]);
  expect(held({ "/etc/config/new": "", "/etc/nginx/a": "" })).toEqual([]);
  expect(held({ "/etc/nginx/a": "\0\0" })).toEqual(["/etc/nginx/a"]);
});

test("what the administrator forced is taken", () => {
  expect(held({ "/etc/config/firewall": "", "/etc/config/dhcp": "" }, ["/etc/config/firewall"])).toEqual([
    "/etc/config/dhcp",
  ]);
});
