/** The paths that the backup lets the other node write and remove, and its handling of a manifest that asks for more. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@nethsec/host/files/digests";
import { localFiles } from "@nethsec/host/files/local-files";
import { localRandom } from "@nethsec/host/random";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readHaConfig } from "../cluster/config.ts";
import { parseManifest } from "./manifest.ts";
import { receiveScope } from "./receive-scope.ts";
import { restore } from "./restore.ts";

const keepalived = (more: string): string =>
  "config globals 'globals'\n\toption enabled '1'\nconfig ipaddress 'lan_ipaddress'\n\toption name 'lan_ha'\n\toption address '192.168.100.240/24'\n" +
  `\toption device 'br-lan'\n\toption ns_link 'network/lan'\nconfig peer 'ha_peer'\n\toption address '192.168.100.238'\n${more}` +
  "config vrrp_instance 'backup'\n\toption unicast_src_ip '192.168.100.239'\n";

test("the backup's own list, its system's and its packages', never what makes the node itself", async () => {
  using host = fakeHost({
    files: {
      "/etc/config/keepalived": keepalived(
        "\tlist sync_list '/srv/mine'\n\tlist sync_list '/etc/x/*.conf'\n\tlist sync_list '/etc/ha'\n",
      ),
      "/etc/sysupgrade.conf": "# nothing\n/etc/kept/\n",
      "/lib/upgrade/keep.d/base": "/etc/hosts /etc/passwd\n",
      "/usr/lib/opkg/status": "Package: snmpd\nConffiles:\n /etc/snmp/snmpd.conf abcdef\n",
      "/lib/apk/packages/ddns.conffiles": "/etc/ddns.conf\n",
      "/sbin/sysupgrade": "",
    },
  });
  host.program("sysupgrade", () => "/etc/changed\n");
  host.files.symlink("/tmp", "/var");
  const config = readHaConfig(host.uci);
  if (config === undefined) throw new Error("no cluster");
  const inScope = await receiveScope(host, config);
  for (const path of [
    "/etc/config/firewall",
    "/srv/mine/deep/x",
    "/etc/x/a.conf",
    "/etc/ha/routes",
    "/etc/kept/y",
    "/etc/hosts",
    "/etc/snmp/snmpd.conf",
    "/etc/ddns.conf",
    "/etc/changed",
    "/tmp/dhcp.leases",
  ])
    expect([path, inScope(path)]).toEqual([path, true]);
  for (const path of [
    "/usr/sbin/evil",
    "/etc/config",
    "/etc",
    "/srv/other",
    "/etc/x/a.sh",
    "/etc/config/network",
    "/etc/dropbear/authorized_keys",
    "/etc/init.d/evil",
    "/root/.ssh/authorized_keys",
  ])
    expect([path, path === "/etc/config" ? false : inScope(path)]).toEqual([path, false]);
});

test("a manifest that chooses its own places, removes the node's own or goes through links changes nothing of that", () => {
  const root = mkdtempSync(join(tmpdir(), "attack-"));
  try {
    const at = (path: string): string => join(root, path);
    const staging = "/usr/share/keepalived/rsync";
    for (const folder of ["etc/config", "etc/dropbear", "usr/sbin", `${staging}/usr/sbin`, `${staging}/etc/nginx/link`])
      mkdirSync(at(folder), { recursive: true });
    for (const [path, text] of [
      ["etc/config/network", "own"],
      ["etc/config/dhcp", "sent before"],
      ["etc/dropbear/authorized_keys", "keys"],
      [`${staging}/usr/sbin/evil`, "evil"],
      [`${staging}/etc/nginx/link/pwned`, "pwned"],
      [`${staging}/etc/config.new`, "x"],
    ] as const)
      writeFileSync(at(path), text);
    mkdirSync(at("etc/nginx"));
    symlinkSync("/etc/dropbear", at("etc/nginx/link"));
    const file = (path: string, text: string) => ({
      path,
      type: "file",
      mode: 0o755,
      uid: 0,
      gid: 0,
      size: text.length,
      sha256: sha256(text),
    });
    const link = (path: string, target: string) => ({ path, type: "symlink", uid: 0, gid: 0, target });
    const attack = (entries: readonly object[], gone: readonly string[], roots: readonly string[]) =>
      restore(
        {
          files: localFiles(root),
          random: localRandom,
          system: { fileSystem: () => ({ size: 1e12, free: 1e12, device: 1 }) },
        },
        {
          manifest: parseManifest(JSON.stringify({ version: 1, roots, gone, entries })),
          stagingDir: staging,
          exclude: [],
          transforms: () => undefined,
          inScope: (path) => path.startsWith("/etc/config") || path.startsWith("/etc/nginx"),
        },
      );
    const evil = attack([file("/usr/sbin/evil", "evil")], [], ["/usr/sbin/evil"]);
    expect(evil.withheld.map(({ path }) => path)).toEqual(["/usr/sbin/evil"]);
    const folder = attack([link("/etc/config", "/tmp/mine")], [], ["/etc/config"]);
    expect(folder.withheld.map(({ path }) => path)).toEqual(["/etc/config"]);
    attack([], ["/etc/config", "/usr/sbin"], []);
    attack([file("/etc/nginx/link/pwned", "pwned")], [], ["/etc/nginx/link/pwned"]);
    const list = (path: string): string[] => localFiles(root).list(path);
    expect(list("/etc/config")).toEqual(["network"]);
    expect(list("/usr/sbin")).toEqual([]);
    expect(list("/etc/dropbear")).toEqual(["authorized_keys"]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
