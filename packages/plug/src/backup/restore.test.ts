/** Restores with the real gpg and tar: a swapped, damaged, too large or unencrypted file is refused, and no temporary file is left. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { decryptionVerdict } from "./decrypt.ts";
import { restoreArchive } from "./restore.ts";

const { signal } = new AbortController();
let host: FakeHost;
let home: string;
let restored: string[];

beforeEach(() => {
  host = fakeHost({
    programs: { gpg: "real" },
    files: { "/pass": "correct horse\n", "/kept/etc/config/network": "lan" },
  });
  home = mkdtempSync(join(tmpdir(), "nethsec-gpg-"));
  restored = [];
  host.program("sysupgrade", ({ args }) => {
    restored.push(args.join(" "));
    return "";
  });
});
afterEach(() => {
  expect(host.files.list("/var/run/ns-plug")).toEqual([]);
  host[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
});

function run(...argv: readonly string[]): void {
  const child = Bun.spawnSync([...argv], { stderr: "pipe" });
  if (child.exitCode !== 0) throw new Error(child.stderr.toString());
}
const gpg = (...args: readonly string[]): void =>
  run(
    "gpg",
    "--homedir",
    home,
    "--batch",
    "--yes",
    "--pinentry-mode",
    "loopback",
    "--passphrase",
    "correct horse",
    ...args,
  );
const real = (name: string): string => host.files.real(`/${name}`);
const archive = (name: string): void => run("tar", "-C", real("kept"), "-czf", real(name), "etc");
const restore = (name: string, passphraseFile?: string): Promise<void> =>
  restoreArchive(host, `/${name}`, { passphraseFile, timeoutMs: 60_000, signal });

describe("with a passphrase", () => {
  beforeEach(() => {
    archive("plain.tar.gz");
    gpg("-o", real("good.gpg"), "--symmetric", real("plain.tar.gz"));
    gpg("-o", real("stored.gpg"), "--store", real("plain.tar.gz"));
  });

  test("what was encrypted with it is restored", async () => {
    await restore("good.gpg", "/pass");
    expect(restored).toEqual([expect.stringMatching(/^-r .*\/plain\.tar\.gz$/)]);
  });

  test.each([
    ["a packet that was never encrypted, which gpg copies with exit code 0", "stored.gpg", "not_encrypted"],
    ["the same, followed by one that was", "stored-first.gpg", "not_encrypted"],
    ["an encrypted one followed by one that was not", "stored-last.gpg", "invalid_passphrase"],
    ["the plain archive", "plain.tar.gz", "not_encrypted"],
    ["one encrypted with another passphrase", "other.gpg", "invalid_passphrase"],
    ["one that was cut", "cut.gpg", "invalid_passphrase"],
    ["one whose middle was changed", "changed.gpg", "invalid_passphrase"],
  ])("%s is refused", async (_, name, code) => {
    const good = Buffer.from(host.files.readBytes("/good.gpg") ?? []);
    const stored = Buffer.from(host.files.readBytes("/stored.gpg") ?? []);
    host.files.write("/stored-first.gpg", Buffer.concat([stored, good]));
    host.files.write("/stored-last.gpg", Buffer.concat([good, stored]));
    host.files.write("/cut.gpg", good.subarray(0, good.length - 10));
    const changed = Buffer.from(good);
    changed[good.length - 30] = (changed[good.length - 30] ?? 0) ^ 1;
    host.files.write("/changed.gpg", changed);
    gpg("--passphrase", "another", "-o", real("other.gpg"), "--symmetric", real("plain.tar.gz"));
    await expect(restore(name, "/pass")).rejects.toMatchObject({ code });
    expect(restored).toEqual([]);
  });
});

test("a small file that unpacks to more than there is room for is refused, encrypted or not", async () => {
  host.setFileSystem({ size: 100 * 1024 ** 2, free: 60 * 1024 ** 2, device: 1 });
  host.files.write("/kept/etc/zeros", new Uint8Array(30 * 1024 ** 2));
  archive("bomb.tar.gz");
  gpg("-o", real("bomb.gpg"), "--symmetric", "--compress-algo", "none", real("bomb.tar.gz"));
  run("gzip", "-dkf", real("bomb.tar.gz"));
  gpg("-o", real("packed.gpg"), "--symmetric", "--compress-algo", "zip", real("bomb.tar"));
  const message = expect.stringContaining("larger than");
  await expect(restore("bomb.tar.gz")).rejects.toMatchObject({ code: "restore_failed", message });
  await expect(restore("bomb.gpg", "/pass")).rejects.toMatchObject({ code: "restore_failed", message });
  await expect(restore("packed.gpg", "/pass")).rejects.toMatchObject({ code: "invalid_passphrase" });
  expect(restored).toEqual([]);
});

describe("without a passphrase", () => {
  test("a whole archive is restored", async () => {
    archive("plain.tar.gz");
    await restore("plain.tar.gz");
    expect(restored).toHaveLength(1);
  });

  test("an encrypted one says that it needs its passphrase", async () => {
    archive("plain.tar.gz");
    gpg("-o", real("good.gpg"), "--symmetric", real("plain.tar.gz"));
    const message = expect.stringContaining("is encrypted: it needs its passphrase");
    await expect(restore("good.gpg")).rejects.toMatchObject({ code: "restore_failed", message });
    expect(restored).toEqual([]);
  });

  test("one that was cut, text, and one that leaves its folder are refused", async () => {
    archive("plain.tar.gz");
    const whole = Buffer.from(host.files.readBytes("/plain.tar.gz") ?? []);
    host.files.write("/cut", whole.subarray(0, whole.length - 4));
    host.files.write("/text", "hello");
    run("tar", "-C", real("kept/etc"), "-P", "--transform", "s,^,../../,", "-czf", real("outside"), "config");
    for (const name of ["cut", "text", "outside"])
      await expect(restore(name)).rejects.toMatchObject({ code: "restore_failed" });
    expect(restored).toEqual([]);
  });

  test("the first complaint of sysupgrade is the reason", async () => {
    archive("plain.tar.gz");
    host.program("sysupgrade", () => ({
      code: 1,
      stderr: "tar: write error: No space left on device\nUsage: tar x\n",
    }));
    await expect(restore("plain.tar.gz")).rejects.toMatchObject({
      message: "tar: write error: No space left on device",
    });
  });
});

test("gpg's word counts, not its exit code alone", () => {
  const good = [
    "BEGIN_DECRYPTION",
    "DECRYPTION_INFO 2 9 0",
    "PLAINTEXT 62 1 f",
    "DECRYPTION_OKAY",
    "GOODMDC",
    "END_DECRYPTION",
  ];
  const status = (words: readonly string[]): string => words.map((word) => `[GNUPG:] ${word}\n`).join("");
  expect(decryptionVerdict(status(good), 0)).toBe("good");
  // AEAD: the integrity is part of the encryption (GnuPG's doc/DETAILS, DECRYPTION_INFO).
  const aead = good.filter((word) => word !== "GOODMDC").map((word) => word.replace("2 9 0", "0 9 2"));
  expect(decryptionVerdict(status(aead), 0)).toBe("good");
  expect(decryptionVerdict(status(good), 2)).toBe("failed");
  for (const left of ["DECRYPTION_OKAY", "GOODMDC", "PLAINTEXT 62 1 f"])
    expect(decryptionVerdict(status(good.filter((word) => word !== left)), 0)).toBe("failed");
  expect(decryptionVerdict(status([...good, "PLAINTEXT 62 1 g"]), 0)).toBe("failed");
  // A plaintext behind the encrypted packet did not come out of it.
  const behind = [...good.filter((word) => !word.startsWith("PLAINTEXT")), "PLAINTEXT 62 1 f"];
  expect(decryptionVerdict(status(behind), 0)).toBe("failed");
  expect(decryptionVerdict("DECRYPTION_OKAY\n", 0)).toBe("not_encrypted");
});
