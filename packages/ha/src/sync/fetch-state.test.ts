/** Fetching state from a backup that carried the site: real files on both sides, answered by the real `sync-receive`. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { clearCarried, markCarried } from "../cluster/carried.ts";
import { readHaConfig, type HaConfig } from "../cluster/config.ts";
import { stateFiles, statePaths } from "../cluster/state-files.ts";
import { pin } from "../ssh/known-hosts.ts";
import { concernedServices, fetchState, placeState } from "./fetch-state.ts";
import type { ReceivedState } from "./state-stream.ts";
import { run as syncReceive } from "./sync-receive.ts";

const keepalived = (role: "primary" | "backup"): string => `
config ipaddress 'lan_ipaddress'
	option name 'lan_ha'
	option address '192.168.100.240/24'
	option device 'br-lan'
	option ns_link 'network/lan'

config peer 'ha_peer'
	option address '192.168.100.${role === "primary" ? 239 : 238}'
	list exclude_list '/etc/acme/private'

config vrrp_instance '${role}'
	option name '${role === "primary" ? "master" : "backup"}'
	option unicast_src_ip '192.168.100.${role === "primary" ? 238 : 239}'
`;
const common = {
  "/etc/config/dhcp": "config dnsmasq\n\toption leasefile '/tmp/dhcp.leases'\n",
  "/etc/config/openvpn": "config openvpn 'rw'\n\toption ifconfig_pool_persist '/etc/openvpn/rw.ipp 600'\n",
};
const lease = (mac: string, address: string): string => `0 ${mac} ${address} * *\n`;

let primary: FakeHost;
let backup: FakeHost;
let config: HaConfig;

beforeEach(() => {
  primary = fakeHost({ files: { ...common, "/etc/config/keepalived": keepalived("primary") } });
  backup = fakeHost({ files: { ...common, "/etc/config/keepalived": keepalived("backup") } });
  pin(primary.files, "192.168.100.239", { algorithm: "ssh-ed25519", blob: "AAAA" });
  primary.program("dbclient", async ({ args, stdin }) => {
    const env = { SSH_ORIGINAL_COMMAND: args.at(-1) ?? "" };
    const { call, output } = fakeCall(backup, { stdin: await stdin, env });
    const code = await syncReceive(call);
    return { code, stdout: output.out, stderr: output.err };
  });
  const read = readHaConfig(primary.uci);
  if (read === undefined) throw new Error("no cluster");
  config = read;
});
afterEach(() => {
  primary[Symbol.dispose]();
  backup[Symbol.dispose]();
});

const fetched = (): Promise<ReceivedState> =>
  fetchState(primary, config, { final: false, signal: new AbortController().signal });

describe("state of a backup that carried the site", () => {
  test("comes whole, is merged where both know something, and is not asked for twice", async () => {
    markCarried(backup);
    backup.files.write("/tmp/dhcp.leases", lease("02:bb", "192.168.100.124"));
    primary.files.write("/tmp/dhcp.leases", lease("02:aa", "192.168.100.123"));
    backup.files.write("/etc/acme/x/x.cer", "renewed", { mode: 0o640 });
    backup.files.symlink("/etc/acme/x/x.cer", "/etc/acme/link");
    backup.files.write("/etc/openvpn/rw.ipp", "client,10.8.0.2\n");
    backup.files.write("/var/openvpn/rw/connections.db", Buffer.alloc(200_000, 7));
    backup.files.write("/etc/config/system", "not state");
    const received = await fetched();
    expect(received.carried).toBe(true);
    expect(concernedServices(primary, received)).toEqual(["dnsmasq", "acme", "nginx", "openvpn"]);
    expect(placeState(primary, config, received)).toHaveLength(5);
    expect(primary.files.readText("/tmp/dhcp.leases")).toBe(
      lease("02:bb", "192.168.100.124") + lease("02:aa", "192.168.100.123"),
    );
    expect(primary.files.stat("/etc/acme/x/x.cer")).toMatchObject({ mode: 0o640 });
    expect(primary.files.readlink("/etc/acme/link")).toBe("/etc/acme/x/x.cer");
    expect(primary.files.readBytes("/var/openvpn/rw/connections.db")).toHaveLength(200_000);
    expect(primary.files.exists("/etc/config/system")).toBe(false);
    // Only the merged file differs from the backup's, and merging it again changes nothing.
    const again = await fetched();
    expect(again.entries.map(({ path }) => path)).toEqual(["/tmp/dhcp.leases"]);
    expect(placeState(primary, config, again)).toEqual([]);
  });

  test("what came from the primary stays where it is: a backup that did not carry gives nothing", async () => {
    markCarried(backup);
    clearCarried(backup.files);
    backup.files.write("/tmp/dhcp.leases", "");
    primary.files.write("/tmp/dhcp.leases", lease("02:aa", "192.168.100.123"));
    const received = await fetched();
    expect(received).toEqual({ carried: false, entries: [], skipped: [] });
    expect(placeState(primary, config, received)).toEqual([]);
    expect(primary.files.readText("/tmp/dhcp.leases")).toBe(lease("02:aa", "192.168.100.123"));
  });

  test("nothing outside this node's own list, nothing excluded, no link that leads out of it is taken", async () => {
    markCarried(backup);
    backup.files.write("/etc/config/dhcp", "config dnsmasq\n\toption leasefile '/etc/passwd'\n");
    backup.files.write("/etc/passwd", "evil");
    backup.files.write("/etc/acme/private", "excluded here");
    backup.files.mkdir("/etc/ssl/acme");
    backup.files.symlink("/etc/shadow", "/etc/ssl/acme/x.key");
    backup.files.write("/etc/acme/good", "good");
    const received = await fetched();
    expect(received.skipped.toSorted()).toEqual(["/etc/acme/private", "/etc/passwd", "/etc/ssl/acme/x.key"]);
    expect(placeState(primary, config, received)).toEqual(["/etc/acme/good"]);
    expect(primary.files.exists("/etc/passwd")).toBe(false);
  });

  test("an answer that is cut changes nothing and says so; an older version is told apart", async () => {
    primary.program("dbclient", () => '{"carried":true}\n');
    await expect(fetched()).rejects.toMatchObject({ code: "state_not_fetched" });
    primary.program("dbclient", () => ({ code: 1, stderr: "The key of the synchronisation may only synchronise.\n" }));
    await expect(fetched()).rejects.toMatchObject({ code: "state_not_offered" });
    primary.program("dbclient", () => ({
      code: 1,
      stderr: "dbclient: Connection to root@x:65022 exited: Connect failed: No route to host\n",
    }));
    await expect(fetched()).rejects.toMatchObject({ code: "ssh_connection_failed" });
  });
});

test("state files follow the configuration, and go through no link of the root folder", () => {
  using host = fakeHost({
    files: {
      "/etc/config/dhcp":
        "config dnsmasq\n\toption leasefile '/mnt/data/leases'\nconfig dnsmasq\nconfig odhcpd 'odhcpd'\n\toption leasefile '/tmp/hosts/odhcpd'\n",
      "/etc/config/openvpn": "config openvpn 'a'\n\toption ifconfig_pool_persist 'relative.ipp'\n",
      "/etc/config/banip": "config banip 'global'\n\toption ban_backupdir '/srv/../etc'\n",
    },
  });
  host.files.symlink("/tmp", "/var");
  const paths = statePaths(host);
  expect(paths).toContain("/mnt/data/leases");
  expect(paths).toContain("/tmp/dhcp.leases");
  expect(paths).toContain("/tmp/hosts/odhcpd");
  expect(paths).toContain("/tmp/openvpn/a/connections.db");
  expect(paths).toContain("/tmp/run/ddns");
  expect(paths.filter((path) => path.includes("..") || path.startsWith("/var") || !path.startsWith("/"))).toEqual([]);
  expect(stateFiles(host).every(({ services }) => services.length > 0)).toBe(true);
});
