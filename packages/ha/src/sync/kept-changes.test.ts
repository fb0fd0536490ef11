/** Changes on the backup while it carries the site: detected, saved completely, and adopted by the primary without overwriting its own changes. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import type { KeptSet } from "../cluster/backup-changes.ts";
import { markCarried } from "../cluster/carried.ts";
import { type HaConfig, readHaConfig } from "../cluster/config.ts";
import { adoptChanges } from "./adopt-changes.ts";
import { changesSinceTakeover, takeBase } from "./carried-base.ts";
import { backupChanges, dropKept, keepChanges, keptContent, listKept } from "./kept-changes.ts";

const keepalived = (role: "primary" | "backup"): string => `
config ipaddress 'lan_ipaddress'
	option name 'lan_ha'
	option address '192.168.100.240/24'
	option device 'br-lan'
	option ns_link 'network/lan'

config peer 'ha_peer'
	option address '192.168.100.${role === "primary" ? 239 : 238}'

config vrrp_instance '${role}'
	option name 'master'
	option unicast_src_ip '192.168.100.238'
`;
const wan = (tagged: string): string =>
  `config interface 'lan'\n\toption proto 'static'\n\nconfig interface 'wan'\n\toption proto 'dhcp'\n\toption device 'eth1'\n${tagged}`;
const common = {
  "/etc/config/firewall": "config rule 'a'\n\toption name 'A'\n",
  "/etc/config/system": "config system\n\toption hostname 'fw'\n",
  "/etc/config/dhcp": "config dnsmasq 'd'\n\toption force '0'\n\toption leasefile '/tmp/dhcp.leases'\n",
  "/etc/config/users": "config user 'u'\n",
  "/etc/crontabs/root": "#nethsec# 5 * * * * /usr/sbin/send-heartbeat # nethsec:send-heartbeat\n",
};

let primary: FakeHost;
let backup: FakeHost;
const configOf = (host: FakeHost): HaConfig => {
  const config = readHaConfig(host.uci);
  if (config === undefined) throw new Error("no cluster");
  return config;
};

beforeEach(() => {
  primary = fakeHost({
    files: { ...common, "/etc/config/keepalived": keepalived("primary"), "/etc/config/network": wan("") },
  });
  backup = fakeHost({
    files: {
      ...common,
      "/etc/config/keepalived": keepalived("backup"),
      "/etc/config/network": wan("\toption ns_tag 'ha'\n\toption auto '0'\n"),
    },
  });
  primary.services.set("network", { enabled: true, running: true });
  markCarried(backup);
  takeBase(backup, configOf(backup));
});
afterEach(() => {
  primary[Symbol.dispose]();
  backup[Symbol.dispose]();
});

const names = (): string[] => (changesSinceTakeover(backup, configOf(backup)) ?? []).map(({ name }) => name);
const adopt = (set: KeptSet, force = false): ReturnType<typeof adoptChanges> =>
  adoptChanges(primary, configOf(primary), set, {
    force,
    taken: new Set(),
    content: (index) => Promise.resolve(keptContent(backup.files, set.id, index) ?? new Uint8Array()),
  });
function kept(): KeptSet {
  const set = keepChanges(backup, configOf(backup));
  if (set === undefined) throw new Error("nothing was kept");
  return set;
}

describe("what counts as a change", () => {
  test("what a takeover itself does, and what services learn, is none", () => {
    backup.uci.change((transaction) => {
      transaction.set("dhcp", "d", "force", "1");
      transaction.set("network", "wan", "auto", "1");
    });
    backup.cron.resume(["send-heartbeat"]);
    backup.files.write("/tmp/dhcp.leases", "0 02:aa 192.168.100.123 * *\n");
    backup.files.write("/etc/acme/x", "renewed");
    backup.uci.change((transaction) => transaction.set("network", "lan", "ipaddr", "192.168.100.9"));
    expect(names()).toEqual([]);
    expect(keepChanges(backup, configOf(backup))).toBeUndefined();
    expect(listKept(backup.files)).toEqual([]);
  });

  test("files that were changed, added and removed, and sections of the network are", () => {
    backup.uci.change((transaction) => {
      transaction.set("firewall", "a", "name", "B");
      transaction.set("network", "wan", "metric", "7");
      transaction.setSection("network", "vpnr", "route");
      transaction.set("network", "vpnr", "target", "10.0.0.0/8");
    });
    backup.files.write("/etc/config/mine", "config mine\n");
    backup.files.remove("/etc/config/users");
    expect(names()).toEqual([
      "/etc/config/firewall",
      "/etc/config/mine",
      "/etc/config/users",
      "network.vpnr",
      "network.wan",
    ]);
  });
});

describe("kept aside", () => {
  test("whole, also when the primary's files have come back since, until it is dropped", () => {
    backup.files.write("/etc/config/firewall", "config rule 'b'\n");
    const set = kept();
    backup.files.write("/etc/config/firewall", common["/etc/config/firewall"]);
    expect(changesSinceTakeover(backup, configOf(backup))).toBeUndefined();
    expect(backupChanges(backup, configOf(backup))).toMatchObject({ current: [], kept: [{ id: set.id }] });
    expect(String(Buffer.from(keptContent(backup.files, set.id, 0) ?? []))).toBe("config rule 'b'\n");
    expect(keptContent(backup.files, "../..", 0)).toBeUndefined();
    expect(dropKept(backup.files, "..")).toBe(false);
    expect(dropKept(backup.files, set.id)).toBe(true);
    expect(listKept(backup.files)).toEqual([]);
  });

  test("a second failback adds a second set", () => {
    backup.files.write("/etc/config/firewall", "one");
    kept();
    takeBase(backup, configOf(backup));
    backup.files.write("/etc/config/firewall", "two");
    kept();
    expect(listKept(backup.files)).toHaveLength(2);
  });
});

describe("adopted by the primary", () => {
  test("files and sections, as the primary has them", async () => {
    backup.uci.change((transaction) => {
      transaction.set("firewall", "a", "name", "B");
      transaction.set("network", "wan", "metric", "7");
    });
    backup.files.write("/etc/config/mine", "config mine\n", { mode: 0o600 });
    backup.files.remove("/etc/config/users");
    const set = kept();
    expect(await adopt(set)).toEqual({
      adopted: ["/etc/config/firewall", "/etc/config/mine", "/etc/config/users", "network.wan"],
      conflicts: [],
      refused: [],
    });
    expect(primary.uci.read("firewall").get("a", "name")).toBe("B");
    expect(primary.files.stat("/etc/config/mine")?.mode).toBe(0o600);
    expect(primary.files.exists("/etc/config/users")).toBe(false);
    expect(primary.uci.read("network").section("wan")?.options).toEqual(["proto", "device", "metric"]);
    // Adopting the same set again is no conflict: the content is already here.
    expect((await adopt(set)).conflicts).toEqual([]);
  });

  test("what was changed here as well is a conflict, and nothing is adopted without force", async () => {
    backup.files.write("/etc/config/firewall", "config rule 'backup'\n");
    backup.files.write("/etc/config/mine", "config mine\n");
    const set = kept();
    primary.files.write("/etc/config/firewall", "config rule 'primary'\n");
    expect(await adopt(set)).toEqual({ adopted: [], conflicts: ["/etc/config/firewall"], refused: [] });
    expect(primary.files.exists("/etc/config/mine")).toBe(false);
    expect((await adopt(set, true)).adopted).toEqual(["/etc/config/firewall", "/etc/config/mine"]);
    expect(primary.files.readText("/etc/config/firewall")).toBe("config rule 'backup'\n");
  });

  test("the node's own files, paths outside the list and ways through links are refused, whatever the backup says", async () => {
    primary.files.mkdir("/srv/real");
    primary.files.symlink("/srv/real", "/etc/config/link");
    const set: KeptSet = {
      id: "1",
      since: 0,
      entries: [
        "/etc/config/network",
        "/etc/dropbear/authorized_keys",
        "/etc/passwd2",
        "/etc/config/link/x",
        "/etc/config/../x",
      ].map((name) => ({ name, change: "added", file: { mode: 0o644, uid: 0, gid: 0, size: 0 } })),
    };
    expect((await adopt(set)).refused).toEqual(set.entries.map(({ name }) => name));
    expect(primary.files.exists("/srv/real/x")).toBe(false);
  });
});
