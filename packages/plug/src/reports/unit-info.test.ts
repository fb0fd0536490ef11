import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { wanConfig } from "./config-dumps.ts";
import { unitInfo } from "./unit-info.ts";

const files = {
  "/etc/os-release": 'PRETTY_NAME="NethSecurity-8.7.2"\n',
  "/etc/config/ns-plug":
    "config main 'config'\n\toption unit_name 'fw.example.org'\n\toption description 'branch office'\n",
  "/etc/config/dropbear": "config dropbear\n\toption Port '2222'\n",
  "/usr/lib/opkg/status":
    "Package: ns-api-extra\nVersion: 9\n\nPackage: ns-api\nVersion: 3.5.2-r1\nDepends: python3\n\n",
};

test("facts without NethSecurity's plugin of updates: no scheduled update is -1", async () => {
  using host = fakeHost({ hostname: "fw", files });
  expect(await unitInfo(host)).toEqual({
    unit_name: "fw.example.org",
    version: "NethSecurity 8.7.2",
    subscription_type: "",
    system_id: "",
    ssh_port: 2222,
    fqdn: "fw",
    api_version: "3.5.2-r1",
    description: "branch office",
    scheduled_update: -1,
    version_update: "",
  });
});

test.each([
  [
    '{"currentVersion":"8.7.2","lastVersion":"NethSecurity 8.7.3","scheduledAt":1790000000}',
    1790000000,
    "NethSecurity 8.7.3",
  ],
  ['{"error":"connection_error"}', -1, ""],
  ["a stack trace", -1, ""],
])("what the plugin of updates answers: %s", async (answer, scheduled, version) => {
  using host = fakeHost({
    files: { ...files, "/usr/libexec/rpcd/ns.update": "", "/lib/apk/db/installed": "C:Q1\nP:ns-api\nV:3.7.0-r1\n\n" },
    programs: { "ns.update": () => answer },
  });
  expect(await unitInfo(host)).toMatchObject({
    scheduled_update: scheduled,
    version_update: version,
    api_version: "3.7.0-r1",
  });
});

test("no SSH server is port -1", async () => {
  using host = fakeHost({ files: { ...files, "/etc/config/dropbear": "" } });
  expect((await unitInfo(host)).ssh_port).toBe(-1);
});

const network =
  "config interface 'wan'\n\toption device 'eth1'\nconfig interface 'wan2'\n\toption device 'eth2'\nconfig interface 'wan3'\n\toption proto 'pppoe'\nconfig interface 'alias'\n\toption device '@wan'\n";
const firewall =
  "config zone 'ns_wan'\n\toption name 'wan'\n\tlist network 'wan'\n\tlist network 'wan2'\n\tlist network 'wan3'\n\tlist network 'alias'\n";

test("the state of a WAN is mwan3's word; unknown when it does not follow it, or does not run", async () => {
  const config = { "/etc/config/network": network, "/etc/config/firewall": firewall };
  const said = '{"interfaces":{"wan":{"status":"online","up":true},"wan2":{"status":"notracking"}},"policies":{}}';
  using host = fakeHost({ files: config, programs: { ubus: () => said } });
  expect(await wanConfig(host)).toEqual([
    { interface: "wan", device: "eth1", status: "online" },
    { interface: "wan2", device: "eth2", status: "notracking" },
    { interface: "wan3", device: "", status: "unknown" },
  ]);
  using without = fakeHost({ files: config, programs: { ubus: () => ({ code: 4 }) } });
  expect((await wanConfig(without)).map(({ status }) => status)).toEqual(["unknown", "unknown", "unknown"]);
});
