/** The nightly backup with a real HTTPS storage and archives of the real tar: when it is sent, in which form, and what remains after a failure. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { paced } from "@nethsec/host/testing/pace";
import { fileError } from "@nethsec/host/files/file-error";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { testCa, type TestCa } from "@nethsec/host/testing/test-ca";
import { backupPortal, type BackupPortal } from "../../test/backup-portal.ts";
import { readPlugConfig } from "../config.ts";
import { readOutcome } from "../cron/outcome.ts";
import { sendBackup, type BackupOutcome } from "./send-backup.ts";

setDefaultTimeout(paced(60_000));

const deliveredPath = "/etc/ns-plug/backup.sha256";
const alert = "backup:config:notencrypted";

let ca: TestCa;
let portal: BackupPortal;
let host: FakeHost;
/** Modification time of the files in the archive; changes with each archive, as sysupgrade's own times do. */
let archiveTime = 0;

beforeAll(async () => {
  ca = await testCa();
});
afterAll(() => ca[Symbol.dispose]());

beforeEach(async () => {
  portal = await backupPortal(await ca.issue("localhost"));
  const made = fakeHost({
    hostname: "a-firewall-of-a-site-with-a-long-name.department.branch.example.org",
    programs: { gpg: "real" },
    files: {
      "/etc/ssl/certs/ca-certificates.crt": ca.certificate,
      "/etc/config/ns-plug":
        "config main 'config'\n\toption type 'enterprise'\n\toption system_id 'id'\n\toption secret 'the-secret'\n" +
        `\toption alerts_url '${portal.directUrl}/isa/'\n\toption backup_url '${portal.url}'\n` +
        `\toption copy_url '${portal.directUrl}/proxy/'\n`,
      "/kept/etc/config/network": "config interface 'lan'\n",
      "/kept/etc/noise": randomBytes(30_000).toString("base64"),
    },
  });
  makeArchives(made);
  // No real waits between attempts.
  host = { ...made, clock: { ...made.clock, sleep: async () => undefined } };
});
afterEach(async () => {
  // No unencrypted archive is left behind, whatever the test did.
  expect(
    host.files.list("/var/run/ns-plug").filter((name) => name.startsWith("backup") && !/\.(json|lock)$/.test(name)),
  ).toEqual([]);
  host[Symbol.dispose]();
  await portal[Symbol.asyncDispose]();
});

/** Fakes `sysupgrade -k -b FILE`: archives /kept, with different file times each time. */
function makeArchives(machine: FakeHost): void {
  machine.program("sysupgrade", async ({ args }) => {
    expect(args.slice(0, 2)).toEqual(["-k", "-b"]);
    expect(machine.files.list("/var/run/ns-plug/backup")).toEqual([]);
    archiveTime += 60;
    const argv = ["tar", "-C", machine.files.real("/kept"), `--mtime=@${archiveTime}`, "-czf", args[2] ?? "", "etc"];
    return { code: await Bun.spawn(argv).exited };
  });
}

async function send(options: { force?: boolean; signal?: AbortSignal } = {}): Promise<BackupOutcome> {
  const { subscription } = readPlugConfig(host.uci);
  if (subscription === undefined) throw new Error("no subscription");
  host.clock.setWallClock(host.clock.now() + 60_000);
  return sendBackup(host, subscription, options.force ?? false, options.signal ?? new AbortController().signal);
}

/** Stdout of a program that reads `input`. */
const filtered = async (argv: string[], input: Uint8Array): Promise<Uint8Array> =>
  new Response(Bun.spawn(argv, { stdin: input, stderr: "ignore" }).stdout).bytes();

/** Text of the file `path` in an archive that the portal received. */
const inArchive = async (archive: Uint8Array | undefined, path: string): Promise<string> =>
  Buffer.from(await filtered(["tar", "-xzO", path], archive ?? new Uint8Array())).toString();

test("sent once; again when contents, names or modes change, not when times do; --force sends in any case", async () => {
  expect(await send()).toMatchObject({ sent: true, encrypted: false });
  expect(await send()).toEqual({ sent: false });
  host.files.write("/kept/etc/config/network", "config interface 'wan'\n");
  expect(await send()).toMatchObject({ sent: true });
  host.files.rename("/kept/etc/noise", "/kept/etc/other");
  expect(await send()).toMatchObject({ sent: true });
  host.files.write("/kept/etc/config/network", "config interface 'wan'\n", { mode: 0o600 });
  expect(await send()).toMatchObject({ sent: true });
  expect(await send()).toEqual({ sent: false });
  expect(await send({ force: true })).toMatchObject({ sent: true });
  expect(portal.files.size).toBe(5);
  const newest = [...portal.files.keys()].toSorted().at(-1) ?? "";
  expect(newest).toMatch(/^backup-a-firewall-[a-z.-]+-2026\d{4}T\d{6}Z\.tar\.gz$/);
  expect(await inArchive(portal.files.get(newest), "etc/config/network")).toBe("config interface 'wan'\n");
});

test("a passphrase changes the form, not the content; only what is encrypted leaves, and the alert is told once each way", async () => {
  await send();
  await send({ force: true });
  expect(portal.alerts).toEqual([`${alert} FAILURE`]);
  host.files.write("/etc/backup.pass", "correct horse\n", { mode: 0o600 });
  portal.files.clear();
  const outcome = await send();
  expect(outcome).toMatchObject({ sent: true, encrypted: true });
  expect(await send()).toEqual({ sent: false });
  expect(portal.alerts).toEqual([`${alert} FAILURE`, `${alert} OK`]);
  const [[name = "", encrypted = new Uint8Array()] = []] = portal.files;
  expect(name).toEndWith(".tar.gz.gpg");
  expect(Buffer.from(encrypted).subarray(0, 2).toString("hex")).not.toBe("1f8b");
  const home = host.files.real("/root/gnupg");
  host.files.mkdir("/root/gnupg", { mode: 0o700 });
  const gpg = [
    "gpg",
    "--homedir",
    home,
    "--batch",
    "--pinentry-mode",
    "loopback",
    "--passphrase",
    "correct horse",
    "-d",
  ];
  const decrypted = await filtered(gpg, encrypted);
  expect(await inArchive(decrypted, "etc/config/network")).toBe("config interface 'lan'\n");
  expect(host.calls.join("\n")).not.toContain("correct horse");
  // After the passphrase is removed, the alert is raised again and the backup is sent unencrypted.
  host.files.remove("/etc/backup.pass");
  expect(await send()).toMatchObject({ sent: true, encrypted: false });
  expect(portal.alerts).toEqual([`${alert} FAILURE`, `${alert} OK`, `${alert} FAILURE`]);
});

test("an upload that fails is an error, is remembered as one, and the next run sends; what was delivered before still counts", async () => {
  await send();
  const delivered = host.files.readText(deliveredPath);
  host.files.write("/kept/etc/config/network", "changed\n");
  portal.files.clear();
  portal.breakAt({ direction: "up", after: 20_000, reset: true });
  await expect(send()).rejects.toThrow(/PUT https:\/\/localhost/);
  expect(portal.files.size).toBe(0);
  expect(host.files.readText(deliveredPath)).toBe(delivered ?? "");
  expect(readOutcome(host.files, "backup")?.status).toBe("error");
  portal.breakAt(undefined);
  expect(await send()).toMatchObject({ sent: true });
  expect(await inArchive([...portal.files.values()][0], "etc/config/network")).toBe("changed\n");
  expect(readOutcome(host.files, "backup")?.status).toBe("success");
});

test("an archive that cannot be made, or not be encrypted: nothing is sent, and the next night is another try", async () => {
  host.program("sysupgrade", () => ({ code: 1, stderr: "no space left" }));
  await expect(send()).rejects.toThrow("no space left");
  expect(portal.alerts).toEqual([]);
  makeArchives(host);
  host.files.write("/etc/backup.pass", "correct horse\n", { mode: 0o600 });
  host.program("gpg", () => ({ code: 2, stderr: "gpg: no entropy" }));
  await expect(send()).rejects.toThrow("no entropy");
  expect(portal.files.size).toBe(0);
  expect(host.files.readText(deliveredPath)).toBeUndefined();
});

test.each(["", "\n", "\nsecond line\n"])(
  "a passphrase file %j that holds none sends nothing, not even in the clear",
  async (text) => {
    host.files.write("/etc/backup.pass", text, { mode: 0o600 });
    await expect(send()).rejects.toMatchObject({
      code: "no_passphrase",
      message: expect.stringContaining("backup.pass"),
    });
    expect(portal.files.size).toBe(0);
    expect(portal.alerts).toEqual([]);
  },
);

test("with require_encryption nothing leaves without a passphrase: exit code 4, and the alert", async () => {
  host.uci.change((transaction) => transaction.set("ns-plug", "config", "require_encryption", "1"));
  await expect(send()).rejects.toMatchObject({ code: "passphrase_missing", exitCode: 4 });
  expect([portal.files.size, portal.alerts]).toEqual([0, [`${alert} FAILURE`]]);
  host.files.write("/etc/backup.pass", "correct horse", { mode: 0o600 });
  expect(await send()).toMatchObject({ sent: true, encrypted: true });
});

test("with backup_alert_disabled the portal is not told that backups are not encrypted", async () => {
  host.uci.change((transaction) => transaction.set("ns-plug", "config", "backup_alert_disabled", "1"));
  expect(await send()).toMatchObject({ sent: true, encrypted: false });
  expect(portal.alerts).toEqual([]);
});

test("what was sent, but cannot be noted down (a full disk), was sent all the same; the next run sends it again", async () => {
  const { files } = host;
  host = {
    ...host,
    files: {
      ...files,
      write: (path, ...rest) => {
        if (path === deliveredPath) throw fileError("write", path, Object.assign(new Error(), { code: "ENOSPC" }));
        files.write(path, ...rest);
      },
    },
  };
  expect(await send()).toMatchObject({ sent: true });
  expect(readOutcome(host.files, "backup")?.status).toBe("success");
  expect(host.logged.join("\n")).toMatch(/warning: .*sent again.*backup\.sha256/);
  expect(await send()).toMatchObject({ sent: true });
});

test("what one that was killed has left is cleared away, not sent", async () => {
  host.files.write("/var/run/ns-plug/backup/plain.tar.gz", "half an archive");
  host.files.write("/var/run/ns-plug/backup/backup-x.tar.gz", "half an archive");
  expect(await send()).toMatchObject({ sent: true });
  expect(portal.files.size).toBe(1);
});

test("interrupted during the upload it ends at once, leaves no state, and the next run delivers", async () => {
  const interrupt = new AbortController();
  const stalled = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: () => interrupt.abort(new Error("SIGTERM")) },
  });
  host.uci.change((transaction) => {
    transaction.set("ns-plug", "config", "backup_url", `http://localhost:${stalled.port}`);
  });
  await expect(send({ signal: interrupt.signal })).rejects.toMatchObject({ kind: "aborted" });
  expect(host.files.readText(deliveredPath)).toBeUndefined();
  stalled.stop(true);
  host.uci.change((transaction) => transaction.set("ns-plug", "config", "backup_url", portal.url));
  expect(await send()).toMatchObject({ sent: true });
});
