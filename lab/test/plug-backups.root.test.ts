/**
 * Backups stored at the lab's portal.
 *
 * PLUG_BACKUP_MB: size of the large backup, default 256; the documented limit is 2048.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Fleet, secrets } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(400_000));

const backupMb = Number(process.env["PLUG_BACKUP_MB"] ?? 256);
const enterpriseId = "0E1F2A3B-4C5D-6E7F-8091-A2B3C4D5E6F7";
const firewall = "primary";

let lab: Lab;
let fleet: Fleet;
const table: string[] = [];

beforeAll(async () => {
  lab = await Lab.up({ name: `plugb${process.pid}` });
  fleet = new Fleet(lab);
  await lab.sh(firewall, `register enterprise ${secrets.enterprise}`);
});
afterAll(async () => {
  console.log(["", "case | what happened | figure", ...table, ""].join("\n"));
  await lab?.down();
});

/** Exit code and both outputs of a command line on the firewall. */
const typed = async (line: string): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  lab.exec(firewall, ["sh", "-c", line], { ok: "any", timeoutMs: 120_000 });
const list = async (): Promise<{ file: string; name: string; size: number }[]> =>
  JSON.parse((await typed("remote-backup list")).stdout);
/** Shell: the id of the newest backup of this name. */
const idOf = (name: string): string => `$(remote-backup list | jq -r '[.[] | select(.name == "${name}")][0].id')`;
const names = async (): Promise<string[]> => (await list()).map(({ name }) => name);
const lastAlert = async (): Promise<string> => {
  const alerts = (await fleet.portal("alerts")).filter(({ alert_id }) => alert_id === "backup:config:notencrypted");
  return alerts.map(({ status }) => status).join(" ");
};
const noLeftovers = async (): Promise<void> =>
  expect(await lab.sh(firewall, "ls -d /var/run/ns-plug/backup /tmp/sysupgrade.* 2>/dev/null; true")).toBe("");

test("the nightly one is sent once; without a passphrase the alert is raised", async () => {
  expect((await typed("send-backup --spread 0")).stdout).toMatch(/^Sent backup-.*\.tar\.gz\.\n$/);
  expect((await typed("send-backup")).stdout).toMatch(/^Nothing changed .*--force/);
  // Files written in normal operation do not count as a change of the configuration.
  await lab.sh(firewall, "send-alert wan:x:down FAILURE; send-alert wan:x:down OK; touch /etc/config/network");
  expect((await typed("send-backup")).stdout).toContain("Nothing changed");
  expect(await list()).toHaveLength(1);
  expect(await lastAlert()).toBe("FAILURE");
  await noLeftovers();
});

test("restored by the documented command, unencrypted", async () => {
  await lab.sh(firewall, "uci set system.@system[0].description=changed-later; uci commit system");
  await lab.sh(firewall, "set -e; remote-backup download $(remote-backup list | jq -r .[0].file) - | sysupgrade -r -");
  expect(await lab.sh(firewall, "uci -q get system.@system[0].description || echo gone")).toBe("gone");
});

/** The transfer times out after two minutes, while the other tests run. */
let stalled: Promise<{ readonly code: number | null; readonly stderr: string; readonly ms: number }> | undefined;

test("a download whose server goes silent in the middle is waited for", async () => {
  await lab.sh(firewall, "truncate -s 16M /tmp/silent.bin; remote-backup upload /tmp/silent.bin; mkdir -p /tmp/silent");
  const silent = await lab.sh(firewall, `echo ${idOf("silent.bin")}`);
  await fleet.portalFault("stall");
  const started = performance.now();
  stalled = lab
    .exec(firewall, ["sh", "-c", `exec remote-backup download ${silent} /tmp/silent/file`], {
      ok: "any",
      timeoutMs: 200_000,
    })
    .then(({ code, stderr }) => ({ code, stderr, ms: Math.round(performance.now() - started) }));
  await until(async () => Number(await lab.sh(firewall, "cat /tmp/silent/.file.* | wc -c")) > 8_000_000, {
    what: "half of it has come",
  });
  await fleet.portalFault("none");
});

test("with a passphrase only the encrypted form leaves, the alert is cleared, and the documented command restores it", async () => {
  await lab.sh(
    firewall,
    "echo correct horse >/etc/backup.pass; chmod 600 /etc/backup.pass; uci set system.@system[0].description=keep; uci commit system",
  );
  expect((await typed("send-backup")).stdout).toContain("(encrypted)");
  const [newest] = await list();
  expect(newest?.name).toEndWith(".tar.gz.gpg");
  expect(await lastAlert()).toBe("FAILURE OK");
  expect(
    await lab.sh("portal", `head -c 2 "/etc/lab/portal/backups/${enterpriseId}/${newest?.file}" | od -An -tx1`),
  ).not.toContain("1f 8b");
  await lab.sh(firewall, "uci set system.@system[0].description=other; uci commit system; rm /etc/backup.pass");
  await lab.sh(
    firewall,
    "set -e; echo correct horse > /etc/backup.pass; remote-backup download $(remote-backup list | jq -r .[0].file) - | gpg --batch --passphrase-file /etc/backup.pass -d | sysupgrade -r -",
  );
  expect(await lab.sh(firewall, "uci get system.@system[0].description")).toBe("keep");
  await lab.sh(firewall, "rm /etc/backup.pass");
  expect((await typed("send-backup")).stdout).not.toContain("encrypted");
  expect(await lastAlert()).toBe("FAILURE OK FAILURE");
  await noLeftovers();
  expect(await lab.sh(firewall, "cat /var/log/messages")).not.toContain("correct horse");
});

test("restored by `remote-backup restore`: encrypted, and nothing that was swapped for it", async () => {
  await lab.sh(
    firewall,
    "echo correct horse >/etc/backup.pass; chmod 600 /etc/backup.pass; uci set system.@system[0].description=sent; uci commit system",
  );
  expect((await typed("send-backup")).stdout).toContain("(encrypted)");
  await lab.sh(firewall, "uci set system.@system[0].description=later; uci commit system");
  const done = await typed("remote-backup restore");
  expect(done.stdout).toMatch(/^Restored \S+ \(it was encrypted.*reboot\n$/);
  expect(await lab.sh(firewall, "uci get system.@system[0].description")).toBe("sent");
  // A hostile portal substitutes an unencrypted OpenPGP message, which `gpg --decrypt` would copy without decrypting anything.
  const [newest] = await list();
  await lab.sh(
    firewall,
    "mkdir -p /tmp/evil/etc; echo evil >/tmp/evil/etc/evil; tar -C /tmp/evil -czf /tmp/evil.tar.gz etc; gpg --batch --yes -o /tmp/evil.gpg --store /tmp/evil.tar.gz; remote-backup upload /tmp/evil.gpg",
  );
  expect((await list())[0]?.file).not.toBe(newest?.file);
  for (const line of ["remote-backup restore", `remote-backup restore ${idOf("evil.gpg")}`]) {
    const refused = await typed(line);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("is not an encrypted backup");
  }
  expect(await lab.sh(firewall, "cat /etc/evil 2>/dev/null || echo nothing")).toBe("nothing");
  await typed(`remote-backup delete ${idOf("evil.gpg")}; rm /etc/backup.pass /tmp/evil.gpg`);
  const encrypted = await typed("remote-backup restore");
  expect(encrypted.stderr).toContain("is encrypted: it needs its passphrase");
  await lab.sh(firewall, "uci delete system.@system[0].description; uci commit system");
});

test("on a terminal: a table, and no archive", async () => {
  const shown = async (line: string): Promise<string> =>
    (await typed(`script -qec '${line}' /dev/null </dev/null`)).stdout.replaceAll(/\u001b\[\d*m|\r/g, "");
  const [title, ...rows] = (await shown("remote-backup list")).trimEnd().split("\n");
  expect(title).toMatch(/^File +Name +Made \(UTC\) +Size$/);
  expect(rows).toHaveLength((await list()).length);
  const [newest] = await list();
  expect(await shown(`remote-backup download ${newest?.file} -`)).toContain("is no text for a terminal");
});

test("a portal that is away loses no backup: the next run sends it", async () => {
  await lab.sh(firewall, "uci set system.@system[0].description=while-away; uci commit system");
  await fleet.portalFault("500");
  expect((await typed("send-backup")).code).not.toBe(0);
  await fleet.portalFault("none");
  expect((await typed("send-backup")).stdout).toContain("Sent ");
  await noLeftovers();
});

test("killed in the middle of the upload: nothing half at the portal; the next run clears up, and sends", async () => {
  await lab.sh(firewall, "uci set system.@system[0].description=killed; uci commit system");
  const before = await list();
  lab.pause("portal", "bun");
  const killed = lab.exec(firewall, ["send-backup"], { ok: "any" });
  await until(
    async () => (await lab.sh(firewall, "ls /var/run/ns-plug/backup 2>/dev/null || true")).includes("backup-"),
    {
      what: "the archive is made",
    },
  );
  await lab.sh(firewall, "pkill -9 -f '^[^ ]*send-backup$' || pkill -9 -x send-backup");
  expect((await killed).code).not.toBe(0);
  lab.resume("portal", "bun");
  expect(await list()).toEqual(before);
  expect((await typed("send-backup")).stdout).toContain("Sent ");
  const newest = "remote-backup download $(remote-backup list | jq -r .[0].file) - | tar -xzO etc/config/system";
  expect((await typed(newest)).stdout).toContain("option description 'killed'");
  await noLeftovers();
});

test(`${backupMb} MB go up and down as a stream`, async () => {
  const peak = async (command: string): Promise<{ kb: number; s: number }> => {
    const { stderr } = await lab.exec(firewall, ["/usr/bin/time", "-f", "peak %M %e", "sh", "-c", command], {
      timeoutMs: 300_000,
    });
    const [, kb, s] = /peak (\d+) ([\d.]+)/.exec(stderr) ?? [];
    return { kb: Number(kb), s: Number(s) };
  };
  const bare = await peak("exec nethsec --version >/dev/null");
  await lab.sh(firewall, `truncate -s ${backupMb}M /tmp/large.bin`);
  const up = await peak("exec remote-backup upload /tmp/large.bin");
  expect((await list())[0]).toMatchObject({ name: "large.bin", size: backupMb * 1024 ** 2 });
  const down = await peak(
    `remote-backup download ${await lab.sh(firewall, `echo ${idOf("large.bin")}`)} - | sha256sum >/tmp/sum`,
  );
  expect(await lab.sh(firewall, "cut -d' ' -f1 /tmp/sum")).toBe(
    await lab.sh(firewall, "sha256sum </tmp/large.bin | cut -d' ' -f1", { timeoutMs: 60_000 }),
  );
  for (const [what, run] of [
    ["up", up],
    ["down", down],
  ] as const) {
    const over = Math.round((run.kb - bare.kb) / 1024);
    table.push(
      `${backupMb} MB ${what} | streamed in ${run.s} s | ${over} MB over the bare runtime (${Math.round(bare.kb / 1024)} MB)`,
    );
    expect(over).toBeLessThan(64);
  }
  expect(await typed(`remote-backup delete ${idOf("large.bin")}`)).toMatchObject({ code: 0 });
  expect(await names()).not.toContain("large.bin");
});

test("a download that is cut leaves no half file, and the file that was there", async () => {
  await lab.sh(
    firewall,
    "truncate -s 16M /tmp/cut.tar.gz; remote-backup upload /tmp/cut.tar.gz; mkdir -p /tmp/down; echo before >/tmp/down/kept",
  );
  const cut = await lab.sh(firewall, `echo ${idOf("cut.tar.gz")}`);
  await fleet.portalFault("cut");
  const toFile = await typed(`remote-backup download ${cut} /tmp/down/kept`);
  const toPipe = await typed(`remote-backup download ${cut} - | sysupgrade -r -`);
  await fleet.portalFault("none");
  expect(toFile.code).not.toBe(0);
  expect(toFile.stderr).toContain("cut off");
  expect(await lab.sh(firewall, "ls -A /tmp/down; cat /tmp/down/kept")).toBe("kept\nbefore");
  expect(toPipe.stderr).toContain("nothing was restored");
  table.push("download cut in the middle | no half file, the old one stays; sysupgrade refuses what came | exit 1");
});

test("a redirect to another host gets neither credentials nor data", async () => {
  await fleet.portalFault("redirect");
  await typed("remote-backup list");
  await lab.sh(firewall, "echo x >/tmp/small.bin");
  const upload = await typed("remote-backup upload /tmp/small.bin");
  await fleet.portalFault("none");
  expect(upload.code).not.toBe(0);
  const stolen = (await fleet.portalRequests()).filter(({ path }) => path === "/stolen");
  expect(stolen.length).toBeGreaterThan(0);
  for (const { method, headers } of stolen) {
    expect(method).toBe("GET");
    expect(headers["authorization"]).toBeUndefined();
  }
});

test("… for two minutes, not for ever: then it says why, and nothing half is left", async () => {
  const ended = await stalled;
  expect(ended?.code).toBe(1);
  expect(ended?.stderr).toContain("nothing moved for 120 s");
  expect(ended?.ms).toBeGreaterThan(115_000);
  expect(await lab.sh(firewall, "ls -A /tmp/silent")).toBe("");
  table.push(`download whose server goes silent | says so and ends, nothing half is left | ${ended?.ms} ms`);
});

test("an upload whose server dies leaves nothing there, and the next run delivers", async () => {
  await lab.sh(firewall, "truncate -s 3G /tmp/large.bin");
  const upload = typed("remote-backup upload /tmp/large.bin");
  await until(async () => (await lab.sh("portal", `ls /etc/lab/portal/backups/${enterpriseId}`)).includes(".part"), {
    what: "the upload has begun",
  });
  lab.signal("portal", "bun", "SIGKILL");
  const ended = await upload;
  expect(ended.code).not.toBe(0);
  await lab.kill("portal");
  await lab.boot("portal");
  expect(await names()).not.toContain("large.bin");
  await lab.sh(firewall, "rm /tmp/large.bin; uci set system.@system[0].description=after-cut; uci commit system");
  expect((await typed("send-backup")).stdout).toContain("Sent ");
  table.push(`upload cut in the middle | said: ${ended.stderr.trim().split("\n")[0]} | the next run delivered`);
});
