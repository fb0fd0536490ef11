/**
 * Two firewalls in memory, connected by an SSH client that runs the backup's real rpcd plugin: for tests of changes of both nodes.
 * Tests can cut the link, and make the backup fail at its n-th step.
 */
import type { Call } from "@nethsec/host/command/command";
import type { Host } from "@nethsec/host/host";
import { type CallFacts, fakeCall, type Output } from "@nethsec/host/testing/fake-call";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { pin } from "../ssh/known-hosts.ts";
import { plugin } from "../cli/rpcd.ts";
import { runRpcd } from "@nethsec/host/rpcd";

const network = (last: number): string => `
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	option ipaddr '127.0.0.1'
	option netmask '255.0.0.0'

config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'eth0'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	option ipaddr '192.168.100.${last}'
	option netmask '255.255.255.0'

config interface 'lan2'
	option device 'eth2'
	option proto 'static'
	list ipaddr '192.168.200.${last}/24'
${last === 238 ? "\nconfig interface 'wan'\n\toption device 'eth1'\n\toption proto 'dhcp'\n" : ""}`;

const firewall = `
config zone 'ns_lan'
	option name 'lan'
	option input 'ACCEPT'
	list network 'lan'
	list network 'lan2'

config zone 'ns_wan'
	option name 'wan'
	list network 'wan'

config rule 'own'
	option name 'Own'
	option src 'lan'
	option target 'ACCEPT'
`;

const dhcp = `
config dnsmasq 'ns_dnsmasq'
	option leasefile '/tmp/dhcp.leases'

config dhcp 'lan'
	option interface 'lan'
	option dhcpv4 'server'
	list dhcp_option 'option:router,192.168.100.240'
	list dhcp_option '6,192.168.100.240'
`;

export interface TwoNodes extends Disposable {
  readonly primary: FakeHost;
  readonly backup: FakeHost;
  /** Addresses that answer to ARP. */
  readonly answering: Set<string>;
  /** Calls over the link: method, input, and the backup's answer. */
  readonly said: { readonly method: string; readonly stdin: string; readonly stdout: string }[];
  /** False: the backup cannot be reached. */
  link: boolean;
}

/** Two nodes as in the documentation before initialisation: 192.168.100.238 and .239. */
export function twoNodes(): TwoNodes {
  const primary = firewallNode(238);
  const backup = firewallNode(239);
  const nodes: TwoNodes = {
    primary,
    backup,
    answering: new Set(),
    said: [],
    link: true,
    [Symbol.dispose]: () => {
      primary[Symbol.dispose]();
      backup[Symbol.dispose]();
    },
  };
  for (const node of [primary, backup]) {
    node.program("ping", () => ({ code: 1 }));
    node.program("ip", ({ args }) => neighbours(args, nodes.answering));
    node.program("dropbearkey", ({ args }) => dropbearkey(node, args));
  }
  primary.program("dbclient", async ({ args, stdin }) => {
    if (!nodes.link)
      return { code: 1, stderr: "\ndbclient: Connection to root@x:65022 exited: Connect failed: No route to host\n" };
    const method = / call (\S+)$/.exec(args.at(-1) ?? "")?.[1] ?? "";
    const answer = await callPlugin(backup, method, await stdin);
    nodes.said.push({ method, stdin: await stdin, stdout: answer });
    return answer;
  });
  pin(primary.files, "192.168.100.239", { algorithm: "ssh-ed25519", blob: "AAAA" });
  return nodes;
}

/** `ip neigh show to ADDRESS dev DEVICE`. */
function neighbours([, verb, , address = ""]: readonly string[], answering: ReadonlySet<string>): string {
  if (verb !== "show") return "";
  return answering.has(address) ? `${address} lladdr 02:00:00:00:00:09 REACHABLE\n` : `${address}  FAILED\n`;
}

function firewallNode(last: number): FakeHost {
  const host = fakeHost({
    files: {
      "/etc/config/network": network(last),
      "/etc/config/firewall": firewall,
      "/etc/config/dhcp": dhcp,
      "/etc/config/dropbear": "\nconfig dropbear\n\toption Port '22'\n",
      "/etc/config/keepalived": "\nconfig globals 'globals'\n\toption enabled '0'\n",
      "/etc/dropbear/authorized_keys": "ssh-ed25519 AAAAown admin@desk\n",
    },
    seed: String(last),
  });
  for (const name of ["keepalived", "conntrackd"]) host.services.set(name, { enabled: false, running: false });
  host.services.set("ns-ha", { enabled: false, running: false });
  for (const device of ["eth0", "eth1", "eth2", "br-lan"]) host.net.setDevice({ device });
  return host;
}

/** Generates keys that look like dropbear's and differ by file. */
function dropbearkey(host: FakeHost, args: readonly string[]): string {
  const path = (args.at(-1) ?? "").slice(host.files.root.length);
  if (!args.includes("-y")) {
    host.files.write(path, "private", { mode: 0o600 });
    return "";
  }
  const blob = Buffer.from(`key of ${path}`).toString("base64");
  return `Public key portion is:\n${path.endsWith("rsa") ? "ssh-rsa" : "ssh-ed25519"} ${blob} root@host\nFingerprint: SHA256:x\n`;
}

/** `/usr/libexec/rpcd/ns.ha call METHOD` on a node. */
export async function callPlugin(host: Host, method: string, stdin: string): Promise<string> {
  const { call, output } = callOn(host, { rest: ["call", method], stdin });
  await runRpcd(plugin, call);
  return output.out;
}

/** A call of a command with its output collected. */
export function callOn(host: Host, facts: CallFacts): { call: Call; output: Output } {
  return fakeCall(host, { calledAs: "ns-ha-config", ...facts });
}

/** Sets up the cluster of the documentation's session on both nodes, the backup through its plugin. */
export async function initBoth(nodes: TwoNodes): Promise<void> {
  const common = {
    primary_node_ip: "192.168.100.238",
    backup_node_ip: "192.168.100.239",
    virtual_ip: "192.168.100.240/24",
    lan_interface: "lan",
  };
  const here = await callPlugin(nodes.primary, "init-local", JSON.stringify({ role: "primary", ...common }));
  const { publicKey } = await import("../ssh/keys.ts");
  const { haPaths } = await import("../cluster/config.ts");
  const there = await callPlugin(
    nodes.backup,
    "init-local",
    JSON.stringify({
      role: "backup",
      ...common,
      pubkey: await publicKey(nodes.primary, haPaths.syncKey),
      admin_pubkey: await publicKey(nodes.primary, haPaths.adminKey),
      password: nodes.primary.uci.read("keepalived").get("primary", "auth_pass"),
    }),
  );
  for (const answer of [here, there]) if (!answer.includes('"success":true')) throw new Error(answer);
}

/** Every file of a node with its mode and content, as text: for comparing whole states. */
export function tree(host: Host, dir = "/"): string[] {
  return host.files.list(dir).flatMap((name) => {
    const path = dir === "/" ? `/${name}` : `${dir}/${name}`;
    const stat = host.files.stat(path);
    if (stat?.type === "directory") return tree(host, path);
    // Lock files remain, empty, after any action.
    if (path.startsWith("/var/run/") && path.endsWith(".lock")) return [];
    return [`${path} ${(stat?.mode ?? 0).toString(8)} ${host.files.readText(path) ?? ""}`];
  });
}
