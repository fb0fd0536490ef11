/** Inventory features about the machine's own services (test-data/contracts/inventory.json). */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { passphrasePath } from "../backup/passphrase.ts";
import { readPlugConfig } from "../config.ts";
import { on, sectionOf, type Source } from "./inventory-source.ts";

const commandTimeoutMs = 10_000;

/** Empty without a passphrase. */
function backups({ files }: Host): unknown {
  const stat = files.stat(passphrasePath, { follow: true });
  return stat === undefined ? {} : { backup_passphrase: true, passphrase_date: Math.floor(stat.mtimeMs / 1000) };
}

const customCertificates = "/etc/nginx/custom_certs";

function certificates({ files, uci }: Host): unknown {
  const custom = files
    .list(customCertificates)
    .filter((name) => name.endsWith(".crt") && files.exists(`${customCertificates}/${name.slice(0, -4)}.key`));
  const wanted = uci
    .read("acme")
    .ofType("cert")
    .filter((section) => on(section, "enabled"));
  const issued = wanted.filter((section) => files.exists(`/etc/ssl/acme/${section.list("domains")[0]}.fullchain.crt`));
  return {
    custom_certificates: { count: custom.length },
    acme_certificates: { count: wanted.length, issued: issued.length, pending: wanted.length - issued.length },
  };
}

function controller({ uci }: Host): unknown {
  const { server, unitId, token } = readPlugConfig(uci).controller;
  return { enabled: server !== undefined && unitId !== undefined && token !== undefined };
}

/** Counts users of the local databases. Users of a remote directory are not counted: querying it would need its password. */
function databases({ uci }: Host): unknown {
  const users = uci.read("users");
  return Object.fromEntries(
    users.ofType("local").map(({ name }) => {
      const members = users.ofType("user").filter((user) => user.get("database") === name);
      return [name, { users: members.length }];
    }),
  );
}

/** Tries the factory password from NethSecurity's administrator manual: rpcd returns a session if it is still valid. */
async function defaultPassword({ run }: Host): Promise<unknown> {
  const login = JSON.stringify({ username: "root", password: "Nethesis,1234", timeout: 1 });
  const { code } = await run(["ubus", "call", "session", "login", login], { timeoutMs: commandTimeoutMs, ok: "any" });
  return { default_password: code === 0 };
}

function dhcpServer({ files, uci }: Host): unknown {
  const dhcp = uci.read("dhcp");
  const hosts = dhcp.ofType("host");
  const fixed = new Set(
    hosts.filter((host) => host.get("ip") !== undefined).map((host) => (host.get("mac") ?? "").toLowerCase()),
  );
  const leases = (files.readText("/tmp/dhcp.leases") ?? "").split("\n").filter((line) => line !== "");
  return {
    count: dhcp.ofType("dhcp").filter((section) => [section.get("dhcpv4"), section.get("dhcpv6")].includes("server"))
      .length,
    static_leases: hosts.length,
    dynamic_leases: leases.filter((line) => !fixed.has((line.split(" ")[1] ?? "").toLowerCase())).length,
    dns_records_count: dhcp.ofType("domain").length,
    dns_forwarder_enabled: dhcp.ofType("dnsmasq").some((section) => section.list("server").length > 0),
  };
}

function highAvailability({ uci }: Host): unknown {
  const keepalived = uci.read("keepalived");
  return {
    enabled: keepalived.ofType("vrrp_instance").length > 0,
    vips: keepalived.ofType("ipaddress").length,
  };
}

function hotspot(host: Host): unknown {
  const section = sectionOf(host, "dedalo", "config");
  return {
    enabled: section?.get("disabled") === "0",
    server: section?.get("api_url") ?? "",
    interface: section?.get("interface") ?? "",
  };
}

const bindings = ["disabled", "soft-binding", "hard-binding"] as const;

/** Interfaces with a DHCP server, as listed by the web interface's ubus object, whose answer has the interface names as keys. */
async function macBinding(host: Host): Promise<unknown> {
  const counts: Record<string, number> = Object.fromEntries(bindings.map((name) => [name, 0]));
  const plugin = "/usr/libexec/rpcd/ns.dhcp";
  if (!host.files.exists(plugin)) return counts;
  const { stdout } = await host.run([plugin, "call", "list-interfaces"], {
    timeoutMs: commandTimeoutMs,
    stdin: "{}",
  });
  const interfaces = Object.keys(v.parse(v.record(v.string(), v.unknown()), JSON.parse(stdout)));
  const dhcp = host.uci.read("dhcp");
  for (const name of interfaces) {
    const kind = bindings[Number(dhcp.get(name, "ns_binding") || 0)];
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function userInterface(host: Host): unknown {
  const section = sectionOf(host, "ns-ui", "config");
  return {
    luci: on(section, "luci_enable"),
    port443: on(section, "nsui_enable"),
    port9090: on(section, "nsui_extra_enable") && section?.get("nsui_extra_port") === "9090",
  };
}

export const serviceFeatures: Readonly<Record<string, Source>> = {
  backups,
  certificates_info: certificates,
  controller,
  database_stats: databases,
  ddns: async ({ services }) => ({ enabled: services.exists("ddns") && (await services.enabled("ddns")) }),
  default_password: defaultPassword,
  dhcp_server: dhcpServer,
  ha: highAvailability,
  hotspot,
  mac_ip_binding: macBinding,
  proxy_pass: ({ uci }) => ({
    count: uci
      .read("nginx")
      .ofType("location")
      .filter((section) => (section.get("proxy_pass") ?? "") !== "").length,
  }),
  snmp: async ({ services }) => ({ enabled: services.exists("snmpd") && (await services.running("snmpd")) }),
  storage: (host) => ({ enabled: on(sectionOf(host, "fstab", "ns_data"), "enabled") }),
  subscription_status: ({ uci }) => ({ status: uci.read("ns-plug").get("config", "type") ?? "no" }),
  ui: userInterface,
};
