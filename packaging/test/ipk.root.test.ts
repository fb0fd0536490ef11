/**
 * The OpenWrt packages on the lab's OpenWrt commands: they replace the originals, are used, upgraded and removed. test/opkg stands in for opkg;
 * the functions that start a package's services are reimplemented below (originals: OpenWrt's base-files).
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "../../packages/host/src/testing/pace.ts";
import { build, checkout, Chroot, prepareChroot } from "./chroot.ts";
import { isStandIn, opkg, opkgFiles, platform } from "./platform.ts";

setDefaultTimeout(paced(1_200_000));

const folder = mkdtempSync(join(tmpdir(), "nethsec-ipks-"));
const [first, second, older] = [join(folder, "first"), join(folder, "second"), join(folder, "older")];
beforeAll(() => {
  prepareChroot();
  cpSync(join(checkout, "dist/nethsec"), join(folder, "nethsec"));
  build(["packaging/pack-executable", join(folder, "nethsec")], { PRESET: "0" });
  build(["packaging/test/older-packages", older]);
  // Like an archive unpacked by a user with umask 077.
  const archive = join(folder, "archive");
  build(["rsync", "--archive", "--chmod=go-rwx", "--filter=:- .gitignore", "--exclude=.git", "./", `${archive}/`]);
  symlinkSync(join(checkout, "node_modules"), join(archive, "node_modules"));
  for (const [output, from] of [
    [first, checkout],
    [second, archive],
  ] as const)
    build([join(from, "packaging/build-ipk"), output, "x86_64", join(folder, "nethsec.xz")], {
      NETHSEC: join(folder, "nethsec"),
      SOURCE_DATE_EPOCH: "1767225600",
    });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A firewall with settings of earlier use, without our packages. */
function firewall(): Chroot {
  const root = new Chroot();
  root.put(join(checkout, "lab/firewall/rootfs/etc"), "/etc");
  root.put(join(checkout, "lab/firewall/rootfs/usr/lib"), "/usr/lib");
  root.put(join(checkout, "lab/firewall/rootfs/usr/libexec"), "/usr/libexec");
  root.put(join(checkout, "lab/firewall/rootfs/usr/sbin"), "/usr/sbin");
  root.put(join(checkout, "lab/firewall/config"), "/etc/config");
  root.put(join(checkout, "dist/nethsec"), "/sbin-uci/nethsec");
  root.put(opkg, "/usr/bin/opkg");
  for (const [path, text] of Object.entries(opkgFiles)) root.write(path, text);
  const shell = readFileSync(join(checkout, "lab/firewall/rootfs/usr/lib/functions.sh"), "utf8");
  root.write("/usr/lib/functions.sh", shell + platform);
  root.write("/usr/sbin/uci", '#!/bin/sh\nexec /sbin-uci/nethsec uci "$@"\n', 0o755);
  root.write("/usr/bin/logger", "#!/bin/sh\ncat >/dev/null\n", 0o755);
  root.put(older, "/packages/older");
  root.put(first, "/packages/first");
  root.put(second, "/packages/second");
  return root;
}

const setup = `
ln -sf /bin/busybox /bin/sh
rm -rf /etc/init.d/sshd
mkdir -p /etc/rc.d /etc/crontabs /var/run /var/lock /etc/ns-plug
echo '0 1 * * * /root/own-script' >/etc/crontabs/root
echo 'echo my line' >/etc/mwan3.user
printf "config main 'config'\\n\\toption server 'https://controller.example.org'\\n\\toption unit_id 'abc'\\n\\toption token ''\\n\\toption system_id 'S1'\\n\\toption type 'enterprise'\\n\\toption secret 's'\\n\\toption repository_url 'https://S1:s@distfeed.nethesis.it/repository/enterprise/nethsecurity'\\n" >/etc/config/ns-plug
echo key >/etc/ns-plug/key
`;

test("a life on a firewall in use: installed, upgraded, removed; nothing of the user's lost, nothing of ours left", () => {
  using root = firewall();
  const printed = root.run(`${setup}
opkg install /packages/older/ns-api_*.ipk >/tmp/api 2>&1 || cat /tmp/api
snapshot before
opkg install /packages/older/ns-plug_*.ipk /packages/older/ns-ha_*.ipk /packages/older/ns-report_*.ipk >/tmp/older 2>&1 || cat /tmp/older
echo "older: $(grep -c /usr/sbin/send- /etc/crontabs/root) $(ns-ha-config)"
sh /packages/first/install.sh >/tmp/install 2>&1 || cat /tmp/install
tail -1 /tmp/install
echo "version: $(nethsec --version)"
echo "unpacked: $(ls /usr/lib/nethsec/*.xz 2>/dev/null)$(stat -c %a /usr/sbin/nethsec)"
echo "kept: $(uci get ns-plug.config.unit_id) $(grep -c own-script /etc/crontabs/root) $(grep -c 'my line' /etc/mwan3.user)"
echo "ours: $(grep -c nethsec:dpireport-cleanup /etc/crontabs/root) $(grep -c mwan-hooks /etc/mwan3.user) $(uci get firewall.ns_controller.device)"
echo "adopted: $(grep -c '/usr/sbin/send-.* # nethsec:send-' /etc/crontabs/root) of $(grep -c /usr/sbin/send- /etc/crontabs/root)"
echo "enabled: $(ls /etc/rc.d | grep -e report -e ns- -e send- | tr '\\n' ' ')"
running() { [ -s /var/run/procd/services/dpireport/instance1/pid ]; }
wait_for 60 running && echo "running: dpireport"
echo "replaced: $(ls -d /usr/bin/dpireport /usr/libexec/ns-rsync.sh /etc/hotplug.d/keepalived/* 2>/dev/null | tr '\\n' ' ')$(grep -c /usr/bin/dpireport /etc/crontabs/root)"
echo "plugins: $(/usr/libexec/rpcd/ns.ha list | grep -c init-local) $(/usr/libexec/rpcd/ns.update) $(readlink /usr/share/rpcd/acl.d/ns.ha.json)"
echo "held: $(sh -c '. /lib/functions.sh; opkg_held')"
echo "status: $(ns-report status >/tmp/status 2>&1 || echo $?)"

sh /packages/second/install.sh >/tmp/upgrade 2>&1 || cat /tmp/upgrade
echo "upgraded: $(uci get ns-plug.config.unit_id) $(grep -c nethsec:dpireport-cleanup /etc/crontabs/root) $(grep -c mwan-hooks /etc/mwan3.user) $(nethsec --version)"
wait_for 60 running && echo "running: dpireport"

opkg remove ns-plug ns-ha ns-report nethsec >/tmp/removal 2>&1 || cat /tmp/removal
gone() { ! ls /proc/[0-9]*/exe -l 2>/dev/null | grep -q usr/sbin/nethsec; }
wait_for 60 gone && echo "processes: none"
for exe in /proc/[0-9]*/exe; do case $(readlink $exe) in */usr/sbin/nethsec*) echo "left: $(tr '\\0' ' ' <"\${exe%/exe}/cmdline") parent $(sed -n 's/^PPid:.//p' "\${exe%/exe}/status")" ;; esac; done
snapshot after
compare before after | sed 's/^/differs: /'
`);
  const lines = printed.split("\n");
  const [differs, others] = [
    // The real opkg leaves empty folders behind: ignore them.
    lines.filter((line) => line.startsWith("differs:") && (isStandIn || !line.startsWith("differs: > d "))),
    lines.filter((line) => /^[a-zA-Z]+: /.test(line) && !line.startsWith("differs:")),
  ];
  expect(others).toEqual([
    "older: 3 older ns-ha-config",
    "Installed: nethsec ns-plug ns-ha ns-report. Next: nethsec help",
    "version: nethsec 0.2.0",
    "unpacked: 755",
    "kept: abc 1 1",
    "ours: 1 1 tun-nsplug",
    "adopted: 3 of 3",
    "enabled: K02ns-ha K04ns-plug-alert-proxy K10ns-plug K10ns-report K15dpireport S21ns-ha S90dpireport S95ns-plug-alert-proxy S98ns-report S99ns-plug S99send-inventory ",
    "running: dpireport",
    "replaced: /etc/hotplug.d/keepalived/500-ns-ha /usr/libexec/ns-rsync.sh 0",
    "plugins: 1 older ns.update /usr/lib/nethsec/rpcd/ns.ha.json",
    "held: nethsec ns-ha ns-plug ns-report ",
    "status: 1",
    "upgraded: abc 1 1 nethsec 0.2.0",
    "running: dpireport",
    "processes: none",
  ]);
  expect(differs).toEqual([]);
});

/** OpenWrt 25 and later. The real apk was not available: test/apk runs the packages' scripts as that release's build system composes them. */
test("with apk: installed, upgraded, removed; a changed setting survives, nothing of ours is left", () => {
  using root = firewall();
  root.put(join(import.meta.dirname, "apk"), "/usr/bin/apk");
  const printed = root.run(`${setup}
rm /usr/bin/opkg
for folder in first second; do
  cd /packages/$folder
  for name in nethsec ns-plug ns-ha ns-report; do mv "$name"_*.ipk "$name-0.2.0-r1.apk"; done
  sha256sum *.apk >SHA256SUMS
done
snapshot before
sh /packages/first/install.sh >/tmp/install 2>&1 || cat /tmp/install
tail -1 /tmp/install
echo "version: $(nethsec --version)"
running() { [ -s /var/run/procd/services/dpireport/instance1/pid ]; }
wait_for 60 running && echo "running: dpireport"
enabled() { ls /etc/rc.d | grep -e report -e ns- -e send- | tr '\\n' ' '; }
echo "enabled: $(enabled)"
/etc/init.d/ns-ha disable
cp /etc/config/ns-ha /tmp/ns-ha
uci set ns-ha.mine=setting && uci commit ns-ha
sh /packages/second/install.sh >/tmp/upgrade 2>&1 || cat /tmp/upgrade
echo "upgraded: $(uci get ns-ha.mine) $(ls /etc/config/*.apk-new | tr '\\n' ' ')$(enabled)"
cp /tmp/ns-ha /etc/config/ns-ha
apk del ns-plug ns-ha ns-report nethsec >/tmp/removal 2>&1 || cat /tmp/removal
gone() { ! ls /proc/[0-9]*/exe -l 2>/dev/null | grep -q usr/sbin/nethsec; }
wait_for 60 gone && echo "processes: none"
snapshot after
compare before after | grep -v -e /etc/config/ns-plug -e /etc/crontabs -e mwan3.user -e ' d ' | sed 's/^/differs: /' || :
`);
  const all =
    "K02ns-ha K04ns-plug-alert-proxy K10ns-plug K10ns-report K15dpireport S21ns-ha S90dpireport S95ns-plug-alert-proxy S98ns-report S99ns-plug S99send-inventory ";
  expect(printed.split("\n").filter((line) => /^[a-zA-Z]+: /.test(line))).toEqual([
    "Installed: nethsec ns-plug ns-ha ns-report. Next: nethsec help",
    "version: nethsec 0.2.0",
    "running: dpireport",
    `enabled: ${all}`,
    `upgraded: setting /etc/config/ns-ha.apk-new /etc/config/ns-plug.apk-new ${all.replace("K02ns-ha ", "").replace("S21ns-ha ", "")}`,
    "processes: none",
  ]);
});

test("install.sh refuses what is damaged or foreign, before anything is installed", () => {
  using root = firewall();
  root.put(first, "/packages/damaged");
  const damaged = join(root.upper, "packages/damaged/ns-ha_0.2.0-1_all.ipk");
  const bytes = readFileSync(damaged);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(damaged, bytes);
  const printed = root.run(`${setup}
sh /packages/damaged/install.sh || echo "code: $?"
sh /packages/first/install.sh ns-foo || echo "code: $?"
rm /packages/first/SHA256SUMS
sh /packages/first/install.sh || echo "code: $?"
rm /packages/second/nethsec_*
sh /packages/second/install.sh ns-report || echo "code: $?"
ls /usr/sbin/nethsec 2>/dev/null || echo "nothing installed"
rm /usr/bin/opkg
sh /packages/first/install.sh --back || echo "code: $?"
`);
  expect(printed.match(/^code: 1$/gm)).toHaveLength(5);
  expect(printed).toContain("install: neither opkg nor apk is here");
  expect(printed).toContain("ns-ha_0.2.0-1_all.ipk is damaged");
  expect(printed).toContain("there is no package ns-foo");
  expect(printed).toContain("SHA256SUMS is not here");
  expect(printed).toContain("there is no .ipk file of nethsec for this machine (x86_64 noarch all)");
  expect(printed).toContain("nothing installed");
});

test("install.sh --back removes nothing for a name that was typed wrongly, and goes on where it failed", () => {
  using root = firewall();
  const printed = root.run(`${setup}
sh /packages/first/install.sh >/tmp/install 2>&1 || cat /tmp/install
cd /packages/older
sh ../first/install.sh --back ns-plug_*.ipk ns-hah_*.ipk || echo "code: $?"
echo "still: $(nethsec --version)"
: >/tmp/torn.ipk
sh ../first/install.sh --back /tmp/torn.ipk >/tmp/back 2>&1 || echo "code: $?"
tail -n 2 /tmp/back
for turn in again twice; do
  sh ../first/install.sh --back ns-plug_*.ipk ns-ha_*.ipk ns-report_*.ipk >/tmp/back 2>&1 || cat /tmp/back
  echo "$turn: $(tail -n 1 /tmp/back) $(ns-ha-config) $(ls /usr/sbin/nethsec 2>/dev/null)"
done
`);
  expect(printed.split("\n").filter((line) => /^(code|still|again|twice|install):/.test(line))).toEqual([
    "install: there is no file ns-hah_*.ipk",
    "code: 1",
    "still: nethsec 0.2.0",
    "code: 1",
    "install: opkg did not install everything",
    "again: Installed: the older packages. older ns-ha-config ",
    "twice: Installed: the older packages. older ns-ha-config ",
  ]);
});

test("two builds are identical, and the executable is small enough to travel", () => {
  const names = readdirSync(first);
  expect(names).toEqual(readdirSync(second));
  for (const name of names) expect(readFileSync(join(second, name)).equals(readFileSync(join(first, name)))).toBe(true);
  expect(readFileSync(join(first, "SHA256SUMS"), "utf8")).toContain("ns-report_0.2.0-1_all.ipk");
  // The test uses a fast compression level; `make ipk` produces a quarter less.
  expect(statSync(join(first, "nethsec_0.2.0-1_x86_64.ipk")).size).toBeLessThan(55e6);
});
