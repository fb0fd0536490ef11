/**
 * Checks the inventory against test-data/contracts/inventory.json: files and programs with the recorded example's values must give the example's keys
 * and types; and a source that fails leaves only its own field empty.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { subscriptionPortal } from "../../test/subscription-portal.ts";
import { readPlugConfig } from "../config.ts";
import { collectInventory, inventoryStatus, sendInventory } from "./inventory.ts";

interface Contract {
  readonly keys: readonly {
    readonly path: string;
    readonly type: string;
    readonly fields?: Readonly<Record<string, string>>;
  }[];
  readonly example: Readonly<Record<string, unknown>>;
}
const contract: Contract = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../../test-data/contracts/inventory.json"), "utf8"),
);

const config = (sections: string): string =>
  `${sections.replaceAll("; ", "\n\toption ").replaceAll(" + ", "\n\tlist ")}\n`;
const rule = (options: string): string => config(`config rule; ${options}`);
const zone = (name: string, options: string): string => config(`config zone 'ns_${name}'; name '${name}' + ${options}`);

/** Files of a machine whose inventory is the recorded example. */
const files: Readonly<Record<string, string>> = {
  "/proc/net/arp": `IP address\n${"192.0.2.9 0x1\n".repeat(4)}`,
  "/sys/devices/virtual/dmi/id/product_name": "Example Appliance 100\n",
  "/sys/class/dmi/id/product_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee\n",
  "/sys/devices/virtual/dmi/id/bios_version": "1.2.3\n",
  "/sys/devices/virtual/dmi/id/bios_vendor": "Example BIOS\n",
  "/sys/devices/virtual/dmi/id/sys_vendor": "Example Inc.\n",
  "/proc/sys/kernel/ostype": "Linux\n",
  "/proc/sys/kernel/osrelease": "6.6.119\n",
  "/etc/os-release": 'VERSION_ID="8.7.2"\n',
  "/proc/cpuinfo": "processor\t: 0\nmodel name\t: x\n".repeat(4),
  "/proc/uptime": "86400.55 1.0\n",
  "/proc/meminfo":
    "MemTotal: 4194304 kB\nMemFree: 3145728 kB\nMemAvailable: 3145728 kB\nBuffers: 262144 kB\nCached: 262144 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
  "/usr/lib/opkg/status":
    "Package: other\nVersion: 9\n\nPackage: ns-ui\nVersion: 2.15.6-r1\nStatus: install user installed\n",
  "/etc/config/system": config("config system; zonename 'Europe/Rome'"),
  "/etc/config/network": [
    config("config device; name 'br-lan'; type 'bridge' + ports 'eth0'"),
    config("config interface 'lan'; device 'br-lan'; proto 'static'"),
    config("config interface 'wan'; device 'eth1'; proto 'static'"),
    config("config interface 'wan6'; device 'eth1'; proto 'dhcpv6'"),
    config("config interface 'guest'; device 'eth2.20'; proto 'static'"),
    config("config interface 'loopback'; device 'lo'; proto 'static'"),
    config("config route; interface 'lan'; target '10.0.0.0/8'"),
  ].join(""),
  "/etc/config/firewall": [
    zone("lan", "network 'lan'"),
    zone("wan", "network 'wan' + network 'wan6'"),
    zone("guest", "network 'guest'"),
    config("config redirect; src 'wan'"),
    rule("src 'lan'; dest 'wan'").repeat(3),
    rule("src 'lan'").repeat(4),
  ].join(""),
  "/etc/config/dhcp": [
    config("config dnsmasq + server '192.0.2.53' + server '198.51.100.53'"),
    config("config dhcp 'lan'; dhcpv4 'server'"),
    config("config host; mac '02:00:00:00:00:01'; ip '192.0.2.51'"),
    config("config host; mac '02:00:00:00:00:02'; ip '192.0.2.52'"),
  ].join(""),
  "/tmp/dhcp.leases": `1 02:00:00:00:00:01 192.0.2.51 a *\n${"1 02:00:00:00:00:99 192.0.2.60 b *\n".repeat(5)}`,
  "/etc/config/adblock": config("config adblock 'global'; ts_enabled '1' + adb_sources 'a' + adb_sources 'yoroi_x'"),
  "/etc/config/banip": config(
    "config banip 'global'; ban_enabled '1' + ban_feed 'a' + ban_feed 'b' + ban_feed 'nethesislvl3'",
  ),
  "/etc/config/acme": config("config cert 'c'; enabled '1' + domains 'fw.example.org'"),
  "/etc/ssl/acme/fw.example.org.fullchain.crt": "",
  "/etc/config/ns-plug": config(
    "config main 'config'; server 'https://c.example.org'; unit_id 'u'; token 't'; type 'enterprise'; system_id 'i'; secret 's'",
  ),
  "/etc/config/users": `${config("config local 'main'; description 'Main'")}${config("config user; database 'main'").repeat(3)}`,
  "/etc/config/keepalived": `${config("config vrrp_instance 'primary'; state 'MASTER'")}${config("config ipaddress; name 'a'").repeat(2)}`,
  "/etc/config/ipsec": "",
  "/etc/config/openvpn": [
    config(
      "config openvpn 'ns_roadwarrior1'; enabled '1'; ns_auth_mode 'certificate'; ns_user_db 'main'; dev_type 'tun'",
    ),
    config("config openvpn 'ns_tunnel1'; dev_type 'tun'"),
  ].join(""),
  "/etc/config/qosify": config("config interface 'wan'; disabled '0'; bandwidth_up '50mbit'; bandwidth_down '200mbit'"),
  "/etc/config/ns-ui": config(
    "config main 'config'; luci_enable '0'; nsui_enable '1'; nsui_extra_enable '1'; nsui_extra_port '9090'",
  ),
  "/usr/libexec/rpcd/ns.dhcp": "",
  "/etc/backup.pass": "x",
};

const lscpu = (extra: object[] = []): string =>
  JSON.stringify({
    lscpu: [
      { field: "Architecture:", data: "x86_64" },
      { field: "Vendor ID:", data: "X", children: [{ field: "Model name:", data: "Example CPU 1.50GHz" }] },
      ...extra,
    ],
  });
const df = `Filesystem 1024-blocks Used Available Capacity Mounted on
/dev/root 307200 102400 204800 34% /
/dev/loop0 100 100 0 100% /rom
tmpfs 2097152 1024 2096128 1% /tmp
overlay 1 1 1 1% /overlay
/dev/sda1 16384 8192 8192 50% /boot
tmpfs 9 9 9 1% /tmp
`;

let host: FakeHost;
beforeEach(() => {
  host = fakeHost({ hostname: "fw.example.org", files });
  host.program("lscpu", () => lscpu());
  host.program("df", () => df);
  host.program("dig", () => '"198.51.100.10"\n');
  host.program("ubus", () => ({ code: 6 }));
  host.program("ns.dhcp", () => JSON.stringify({ lan: { device: "br-lan" } }));
  for (const name of ["ddns", "snmpd"]) host.services.set(name, { enabled: false, running: false });
  const up = (name: string, device: string, address: string, prefix: number, nexthop?: string): void =>
    host.net.setInterface({
      name,
      up: true,
      proto: "static",
      device,
      ipv4: [{ address, prefix }],
      ipv6: [],
      routes: nexthop === undefined ? [] : [{ target: "0.0.0.0", prefix: 0, nexthop }],
    });
  up("lan", "br-lan", "192.0.2.1", 24);
  up("wan", "eth1", "198.51.100.10", 24, "198.51.100.1");
  up("guest", "eth2.20", "203.0.113.1", 25);
});
afterEach(() => host[Symbol.dispose]());

/** `document` with the recorded example's passphrase_date; here it is the time at which the test wrote the file. */
function comparable(document: Readonly<Record<string, unknown>>): unknown {
  const copy: { features: { backups: { passphrase_date?: number } } } = JSON.parse(JSON.stringify(document));
  if (copy.features.backups.passphrase_date !== undefined) copy.features.backups.passphrase_date = 1767225600;
  return copy;
}

test("the recorded example, made again", async () => {
  expect(comparable(await collectInventory(host))).toEqual(contract.example);
  expect(host.logged).toEqual([]);
});

/** The values at a path such as `esmithdb.networks[].props.role` or `mountpoints.<path>`. */
function valuesAt(document: unknown, path: string): unknown[] {
  return path.split(".").reduce<unknown[]>(
    (values, step) =>
      values.flatMap((value) => {
        const [, name = "", list] = /^(.*?)(\[\d*\])?$/.exec(step) ?? [];
        const member = name.startsWith("<") ? Object.values(Object(value)) : [Object(value)[name]];
        if (list === undefined) return member;
        return list === "[]" ? member.flat() : member.map((each) => Object(each)[list.slice(1, -1)]);
      }),
    [document],
  );
}

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;

/** `type` is e.g. "string or null", "array of strings", "integer, seconds since 1970" or "string of digits". */
function expectType(path: string, type: string, value: unknown): void {
  expect(`${path}: ${type}`).toContain(typeOf(value));
  if (type.startsWith("string of digits")) expect(`${path} ${String(value)}`).toMatch(/ \d+$/);
}

test("every key of the contract is there in its type, also on a machine that has nothing", async () => {
  using bare = fakeHost();
  for (const document of [await collectInventory(host), await collectInventory(bare)]) {
    for (const { path, type, fields = {} } of contract.keys) {
      const values = valuesAt(document, path).filter((value) => value !== undefined || !/\[\]|</.test(path));
      for (const value of values) {
        if (path.endsWith("props.bridge") && value === undefined) continue;
        if (document !== undefined && type === "string of digits" && value === "") continue;
        expectType(path, type, value);
        for (const [field, fieldType] of Object.entries(fields))
          for (const inner of valuesAt(value, field))
            if (inner !== undefined) expectType(`${path}.${field}`, fieldType, inner);
      }
    }
  }
});

describe("a source that fails", () => {
  test.each([
    ["lscpu", "processors.isa", ""],
    ["df", "mountpoints", {}],
    ["ubus", "features.default_password", {}],
    ["ns.dhcp", "features.mac_ip_binding", {}],
  ])("%s leaves %s empty, and nothing else", async (program, path, empty) => {
    host.program(program, () => "not what was expected");
    if (program === "ubus")
      host.program("ubus", () => {
        throw new Error("gone");
      });
    if (program === "df") host.program("df", () => ({ code: 3 }));
    const document = await collectInventory(host);
    expect(valuesAt(document, path)).toEqual([empty]);
    expect(valuesAt(document, "features.firewall_stats.firewall.rules.input")).toEqual([4]);
    expect(host.logged.join("\n")).toContain(`inventory: ${path} is left empty`);
  });

  test("a configuration file that does not parse empties its own feature", async () => {
    host.files.write("/etc/config/qosify", "config interface 'x\n");
    const document = await collectInventory(host);
    expect(valuesAt(document, "features.qos")).toEqual([{}]);
    expect(valuesAt(document, "features.dpi")).toEqual([{ enabled: false, rules: 0 }]);
  });
});

test("a virtual machine names its hypervisor", async () => {
  host.program("lscpu", () => lscpu([{ field: "Hypervisor vendor:", data: "KVM" }]));
  expect(valuesAt(await collectInventory(host), "virtual")).toEqual(["KVM"]);
});

test("without a subscription addresses leave as digests, and a machine whose address nobody outside tells has that of its first WAN", async () => {
  host.files.write("/etc/config/ns-plug", "config main 'config'\n");
  host.program("dig", () => ";; connection timed out");
  const document = await collectInventory(host);
  const digest = (address: string): string => `anon-${createHash("sha256").update(address).digest("hex").slice(0, 16)}`;
  expect(valuesAt(document, "public_ip")).toEqual([digest("198.51.100.10")]);
  expect(valuesAt(document, "esmithdb.networks[].props.ipaddr")[0]).toBe(digest("192.0.2.1"));
  expect(valuesAt(document, "esmithdb.networks[].props.gateway")).toEqual([null, digest("198.51.100.1"), null]);
});

describe("sent", () => {
  test("to the first portal, then the sign of life and the second portal, for enterprise", async () => {
    await using portal = subscriptionPortal();
    host.files.write("/usr/sbin/phonehome", "");
    host.program("phonehome", () => '{"installation": "nethsecurity"}');
    host.files.write("/etc/config/ns-plug", `config main 'config'\n${portal.uciOptions("enterprise")}`);
    const { subscription } = readPlugConfig(host.uci);
    if (subscription === undefined) throw new Error("no subscription");
    await sendInventory(host, subscription);
    expect(portal.received.map(({ line }) => line)).toEqual([
      "POST /isa/inventory/store/",
      "POST /api/systems/info",
      "POST /proxy/inventory",
    ]);
    const sent: unknown = JSON.parse(portal.received[0]?.body.toString() ?? "");
    expect(sent).toMatchObject({ data: { lk: subscription.systemId, data: { os: { type: "nethsecurity" } } } });
    expect(portal.received[2]?.body.toString()).toBe('{"installation":"nethsecurity"}');
    expect(inventoryStatus(host)).toEqual({ status: "success", last_attempt: "2026-01-01T00:00:00+00:00" });
    portal.received.length = 0;
    await sendInventory(host, { ...subscription, plan: "community" });
    expect(portal.received.map(({ line }) => line)).toEqual(["POST /isa/inventory/store/"]);
  });
});
