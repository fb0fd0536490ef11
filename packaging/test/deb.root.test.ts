/** The Debian packages in a fresh Debian 12: installed, used, upgraded, removed, purged. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "../../packages/host/src/testing/pace.ts";
import { build, checkout, Chroot, prepareChroot } from "./chroot.ts";

setDefaultTimeout(paced(1_200_000));

const debs = mkdtempSync(join(tmpdir(), "nethsec-debs-"));
beforeAll(() => {
  prepareChroot();
  // Copy it: a build that runs meanwhile must not affect the test.
  const nethsec = join(debs, "nethsec");
  cpSync(join(checkout, "dist/nethsec"), nethsec);
  // Like an unpacked source archive: no git repository, and different file modes.
  const archive = join(debs, "archive");
  build(["rsync", "--archive", "--chmod=g+w", "--filter=:- .gitignore", "--exclude=.git", "./", `${archive}/`]);
  symlinkSync(join(checkout, "node_modules"), join(archive, "node_modules"));
  for (const [folder, VERSION, from] of [
    ["0.2.0", "0.2.0", checkout],
    ["again", "0.2.0", archive],
    ["0.2.1", "0.2.1", checkout],
  ] as const)
    build([join(from, "packaging/build-deb"), join(debs, folder), "amd64", nethsec], {
      VERSION,
      COMPRESSION: "-Zgzip -z1",
      NETHSEC: nethsec,
      SOURCE_DATE_EPOCH: "1767225600",
    });
});
afterAll(() => {
  rmSync(debs, { recursive: true, force: true });
});

test("a life: installed, used by its own user, upgraded with the administrator's settings, removed, purged without a trace", () => {
  using root = new Chroot();
  root.put(debs, "/packages");
  const printed = root.run(`
snapshot before
dpkg -i /packages/0.2.0/nethsec_*.deb /packages/0.2.0/ns-report_*.deb >/dev/null
echo "version: $(ns-report --version)"
echo "settings: $(stat -c '%a %U:%G' /etc/config/ns-report)"
echo "enabled: $(cd /etc/systemd/system && ls -d */*report* | tr '\\n' ' ')"

# As the units run them: as the service's user, without rights.
mkdir -p /run/ns-report /var/lib/dpireport/2026/11/22/192.168.1.7
echo '{"total":5,"protocol":{"http":5},"application":{"netify.http":5},"host":{"example.org":5}}' >/var/lib/dpireport/2026/11/22/192.168.1.7/13.json
chown -R ns-report:ns-report /run/ns-report /var/lib/dpireport
uci set ns-report.all=quota && uci add_list ns-report.all.subnet=192.168.0.0/16 && uci set ns-report.all.gigabytes=1 && uci commit ns-report
setpriv --reuid=ns-report --regid=ns-report --clear-groups --inh-caps=-all --no-new-privs ns-report quota --check && echo "quota: 0"
setpriv --reuid=ns-report --regid=ns-report --clear-groups --inh-caps=-all --no-new-privs ns-report serve >/tmp/serve 2>&1 &
page() { bash -c 'exec 3<>/dev/tcp/127.0.0.1/8098; printf "GET $0 HTTP/1.1\\r\\nHost: localhost:8098\\r\\nConnection: close\\r\\n\\r\\n" >&3; cat <&3' "$1"; }
wait_for 20 page /metrics || cat /tmp/serve
page /2026-11-22 | grep -o example.org | sort -u | sed 's/^/page: /'
page /metrics | grep -e '^nethsec_report_connected' -e '^nethsec_report_quota_limit_bytes{' | sed 's/^/metric: /'
kill $! && wait $! && echo "served: 0"
ns-report top clients 2026-11-22 --csv | tr -d '\\r' | sed 's/^/csv: /'
setpriv --reuid=ns-report --regid=ns-report --clear-groups --inh-caps=-all dpireport-cleanup --json >/dev/null && echo "cleanup: 0"

uci set ns-report.config.max_percent=7 && uci commit ns-report
dpkg -i /packages/0.2.1/nethsec_*.deb /packages/0.2.1/ns-report_*.deb >/dev/null
echo "upgraded: $(dpkg-query -W -f '\${Version}' ns-report) $(uci get ns-report.config.max_percent) $(stat -c '%a %U:%G' /etc/config/ns-report)"

dpkg -r ns-report nethsec >/dev/null
ls /usr/sbin/nethsec /usr/sbin/ns-report 2>/dev/null || echo "removed; settings: $(grep -c "max_percent '7'" /etc/config/ns-report) reports: $(ls /var/lib/dpireport)"
dpkg -P ns-report >/dev/null
snapshot after
compare before after | sed 's/^/left: /'
`);
  expect(
    printed
      .split(/\r?\n/)
      .filter((line) =>
        /^(version|settings|enabled|quota|page|metric|served|csv|cleanup|upgraded|removed|left|waited)\b/.test(line),
      ),
  ).toEqual([
    "version: ns-report 0.2.0",
    "settings: 640 root:ns-report",
    "enabled: multi-user.target.wants/dpireport.service multi-user.target.wants/ns-report.service timers.target.wants/dpireport-cleanup.timer timers.target.wants/ns-report-quota.timer ",
    "quota: 0",
    "page: example.org",
    "metric: nethsec_report_connected 0",
    'metric: nethsec_report_quota_limit_bytes{quota="all"} 1000000000',
    "served: 0",
    "csv: client,name,bytes,percent,download,upload,device,addresses",
    "csv: 192.168.1.7,,5,100,,,,1",
    "cleanup: 0",
    "upgraded: 0.2.1 7 640 root:ns-report",
    "removed; settings: 1 reports: 2026",
  ]);
});

test("the lab's package runs from where it is installed", () => {
  using root = new Chroot();
  root.put(debs, "/packages");
  const printed = root.run(`
dpkg -i --force-depends /packages/0.2.0/nethsec_*.deb /packages/0.2.0/nethsec-lab_*.deb >/dev/null 2>&1
nethsec-lab --help | head -1
nethsec-lab list
nethsec-lab status || echo "status: $?"
dpkg -P nethsec-lab nethsec >/dev/null
ls -d /usr/share/nethsec-lab 2>&1 | sed 's/^/left: /'
`);
  expect(printed).toContain("nethsec-lab: virtual firewalls");
  expect(printed).toContain('nethsec-lab status: Lab "lab" is not up.\nStart it: nethsec-lab up\n');
  expect(printed).toContain("status: 1");
  expect(printed).not.toMatch(/^left: \/usr/m);
});

test("two builds are identical, also from an archive of the checkout", () => {
  const [one, other] = [join(debs, "0.2.0"), join(debs, "again")];
  expect(readdirSync(one)).toHaveLength(3);
  for (const name of readdirSync(one))
    expect(readFileSync(join(one, name)).equals(readFileSync(join(other, name)))).toBe(true);
});

test("lintian finds nothing but what is overridden with a reason", () => {
  for (const name of readdirSync(join(debs, "0.2.0"))) {
    const child = Bun.spawnSync(["lintian", "--allow-root", "--fail-on=error,warning", join(debs, "0.2.0", name)], {
      timeout: paced(60_000),
    });
    expect(`${name}: ${child.stdout.toString()}`).toBe(`${name}: `);
    expect(child.exitCode).toBe(0);
  }
});

test("the units are hardened: exposure below 2.0 of 10, but for the capture of packets", () => {
  const units = join(checkout, "system/debian/usr/lib/systemd/system");
  const most = {
    "dpireport.service": 1.9,
    "ns-report.service": 1.6,
    "dpireport-cleanup.service": 0.8,
    "ns-report-quota.service": 0.8,
  };
  for (const [name, limit] of Object.entries(most)) {
    const child = Bun.spawnSync(["systemd-analyze", "security", "--offline=yes", "--no-pager", join(units, name)]);
    const level = /Overall exposure level for \S+: ([0-9.]+)/.exec(child.stdout.toString())?.[1];
    expect(Number(level)).toBeLessThanOrEqual(limit);
  }
});
