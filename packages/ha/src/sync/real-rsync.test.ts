/**
 * Both halves of a synchronisation over the real rsync, on real files: paths that change their type, odd names, lost content.
 * Only the SSH client is replaced, by a script that runs the remote command locally.
 */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "@nethsec/host/local/local-host";
import { type HaConfig, readHaConfig } from "../cluster/config.ts";
import { pin } from "../ssh/known-hosts.ts";
import { diffEntries } from "./diff.ts";
import { heldEntries } from "./held-entries.ts";
import { type SyncOutcome, SyncSender } from "./sync-sender.ts";

setDefaultTimeout(paced(60_000));

const keepalived = (role: string, list: string): string =>
  "config globals 'globals'\n\toption enabled '1'\n\nconfig ipaddress 'lan_ipaddress'\n\toption name 'lan_ha'\n\toption address '192.168.100.240/24'\n" +
  `\toption device 'br-lan'\n\toption ns_link 'network/lan'\n\nconfig peer 'ha_peer'\n\toption address '192.168.100.239'\n${list}\n` +
  `config vrrp_instance '${role}'\n\toption name 'x'\n\toption unicast_src_ip '192.168.100.238'\n`;
const firewall =
  "config zone 'ns_lan'\n\toption name 'lan'\n\tlist network 'lan'\n\nconfig zone 'ns_wan'\n\toption name 'wan'\n";

let folder = "";
let primary = "";
let backup = "";
let sender: SyncSender;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "real-rsync-"));
  [primary, backup] = [join(folder, "primary"), join(folder, "backup")];
  for (const root of [primary, backup]) {
    for (const name of ["etc/config", "etc/openvpn/site", "etc/banip", "usr/bin", "sbin", "var/run/ns-ha"])
      mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, "etc/config/firewall"), firewall);
    writeFileSync(join(root, "etc/config/network"), "config interface 'lan'\n\toption proto 'static'\n");
    script(join(root, "usr/bin/ip"), "echo '[]'");
    script(join(root, "sbin/hotplug-call"), "exit 0");
  }
  writeFileSync(
    join(primary, "etc/config/keepalived"),
    keepalived("primary", "\tlist sync_list '/etc/openvpn'\n\tlist sync_list '/etc/banip'\n"),
  );
  writeFileSync(join(backup, "etc/config/keepalived"), keepalived("backup", ""));
  const apply = `
    import { localHost } from "${import.meta.dir}/../../../host/src/local/local-host.ts";
    import { readHaConfig } from "${import.meta.dir}/../cluster/config.ts";
    import { applyStaging } from "${import.meta.dir}/apply-staging.ts";
    const host = localHost({ root: ${JSON.stringify(backup)} });
    const applied = await applyStaging(host, readHaConfig(host.uci), process.argv.at(-1));
    console.log(JSON.stringify({ ok: true, ...applied }));`;
  writeFileSync(join(folder, "apply.ts"), apply);
  const staging = "/usr/share/keepalived/rsync";
  mkdirSync(join(backup, staging), { recursive: true });
  script(
    join(primary, "usr/bin/dbclient"),
    `while case "$1" in root@*|192.168.100.239) false;; esac; do shift; done; shift
case "$*" in
rsync*) exec $(echo "$*" | sed 's#${staging}$#${backup}${staging}#');;
apply*) exec ${process.execPath} ${folder}/apply.ts \${*#apply };;
esac`,
  );
  const host = localHost({ root: primary });
  pin(host.files, "192.168.100.239", { algorithm: "ssh-ed25519", blob: "AAAA" });
  sender = new SyncSender(host);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

const configOf = (root: string): HaConfig => {
  const config = readHaConfig(localHost({ root }).uci);
  if (config === undefined) throw new Error("no cluster");
  return config;
};
const never = new AbortController().signal;
const run = (): Promise<SyncOutcome> =>
  sender.run(configOf(primary), { onlyIfChanged: false, force: [], signal: never, progress: () => undefined });

async function differences(): Promise<string[]> {
  const { manifest, withheld } = await sender.describe(configOf(primary), never);
  const held = await heldEntries(localHost({ root: backup }), configOf(backup));
  return diffEntries(manifest.entries, held, withheld).map(({ path, change }) => `${change} ${path}`);
}

test("folders become a link and a file, and folders again", async () => {
  writeFileSync(join(primary, "etc/openvpn/site/key"), "k");
  writeFileSync(join(primary, "etc/banip/.keep"), "");
  expect(await run()).toMatchObject({ status: "Successful" });
  for (const name of ["etc/banip", "etc/openvpn/site"]) rmSync(join(primary, name), { recursive: true });
  symlinkSync("/mnt/data/banip", join(primary, "etc/banip"));
  writeFileSync(join(primary, "etc/openvpn/site"), "x");
  expect(await run()).toMatchObject({ status: "Successful", changed: ["/etc/banip", "/etc/openvpn/site"] });
  expect(readlinkSync(join(backup, "etc/banip"))).toBe("/mnt/data/banip");
  expect(readFileSync(join(backup, "etc/openvpn/site"), "utf8")).toBe("x");
  expect(await differences()).toEqual([]);
  for (const name of ["etc/banip", "etc/openvpn/site"]) {
    rmSync(join(primary, name));
    mkdirSync(join(primary, name));
    writeFileSync(join(primary, name, "again"), name);
  }
  expect(await run()).toMatchObject({ status: "Successful" });
  expect(lstatSync(join(backup, "etc/banip")).isDirectory()).toBe(true);
  expect(await differences()).toEqual([]);
});

test("newline, tab and Latin-1 in names travel byte for byte", async () => {
  for (const name of ["caf\xe9.ovpn", "two\nlines.ovpn", "tab\there.ovpn"])
    writeFileSync(Buffer.from(`${primary}/etc/openvpn/${name}`, "latin1"), "x");
  expect(await run()).toMatchObject({ status: "Successful" });
  const names = (root: string): string[] =>
    readdirSync(join(root, "etc/openvpn"), { encoding: "buffer" })
      .map((name) => name.toString("latin1"))
      .sort();
  expect(names(backup)).toEqual(names(primary));
  expect(names(backup)).toContain("caf\xe9.ovpn");
  expect(await differences()).toEqual([]);
});

test("a file of NUL bytes stays here, the backup keeps its own, and the rest arrives", async () => {
  expect(await run()).toMatchObject({ status: "Successful" });
  writeFileSync(join(primary, "etc/config/firewall"), new Uint8Array(firewall.length));
  writeFileSync(join(primary, "etc/openvpn/new"), "n");
  expect(await run()).toMatchObject({ status: "Export Failed", withheld: [{ path: "/etc/config/firewall" }] });
  expect(readFileSync(join(backup, "etc/config/firewall"), "utf8")).toBe(firewall);
  expect(readFileSync(join(backup, "etc/openvpn/new"), "utf8")).toBe("n");
  expect(await differences()).toEqual(["withheld /etc/config/firewall"]);
  writeFileSync(join(primary, "etc/config/firewall"), `${firewall}\nconfig rule\n\toption src 'lan'\n`);
  expect(await run()).toMatchObject({ status: "Successful", changed: ["/etc/config/firewall"] });
});
