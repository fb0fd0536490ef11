/** As root: files and links planted by another user in a shared folder are not written to. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "./local-files.ts";
import { localRun } from "../process/local-run.ts";

const stranger = 12345;
const files = localFiles("/");
let shared = "";
let victim = "";

beforeEach(() => {
  const dir = fs.mkdtempSync(join(tmpdir(), "nethsec-shared-"));
  shared = join(dir, "tmp");
  victim = join(dir, "victim");
  fs.mkdirSync(shared);
  fs.chmodSync(shared, 0o1777);
  fs.writeFileSync(victim, "precious");
});

afterEach(() => {
  fs.rmSync(join(shared, ".."), { recursive: true, force: true });
});

function plantLink(name: string): string {
  const path = join(shared, name);
  fs.symlinkSync(victim, path);
  fs.lchownSync(path, stranger, stranger);
  return path;
}

test("a planted link is replaced, never written through", () => {
  const path = plantLink("status.json");
  files.write(path, "ours");
  expect(fs.readFileSync(victim, "utf8")).toBe("precious");
  expect(fs.lstatSync(path).isFile()).toBe(true);
});

test("nothing is appended through a planted link, to a planted file or into a FIFO", () => {
  // If the kernel's own protection applies first, the error is "permission denied".
  expect(() => files.append(plantLink("log"), "x")).toThrow(/symbolic link|permission denied/);
  expect(fs.readFileSync(victim, "utf8")).toBe("precious");
  const planted = join(shared, "planted");
  fs.writeFileSync(planted, "");
  fs.chownSync(planted, stranger, stranger);
  expect(() => files.append(planted, "x")).toThrow(/belongs to user 12345|permission denied/);
  expect(fs.readFileSync(planted, "utf8")).toBe("");
});

test("a planted file's mode and owner are not taken over", () => {
  const path = join(shared, "secret");
  fs.writeFileSync(path, "");
  fs.chmodSync(path, 0o666);
  fs.chownSync(path, stranger, stranger);
  files.write(path, "secret");
  expect(files.stat(path)).toMatchObject({ uid: 0, mode: 0o644 });
  files.write(path, "secret", { mode: 0o600 });
  expect(files.stat(path)).toMatchObject({ uid: 0, mode: 0o600 });
});

test("elsewhere owner and mode of the file replaced are kept", () => {
  fs.chmodSync(victim, 0o640);
  fs.chownSync(victim, stranger, 54321);
  files.write(victim, "new");
  expect(files.stat(victim)).toMatchObject({ uid: stranger, gid: 54321, mode: 0o640 });
});

test("a planted folder, or a link to one, is not used", () => {
  const planted = join(shared, "nethsec");
  fs.mkdirSync(planted);
  fs.chownSync(planted, stranger, stranger);
  for (const work of [
    () => files.write(`${planted}/deep/x`, ""),
    () => files.append(`${planted}/x`, ""),
    () => files.mkdir(planted, { mode: 0o700 }),
    () => files.mkdir(`${planted}/sub`),
  ]) {
    expect(work).toThrow("everybody can write to");
  }
  fs.rmdirSync(planted);
  fs.symlinkSync(join(shared, ".."), planted);
  fs.lchownSync(planted, stranger, stranger);
  expect(() => files.write(`${planted}/x`, "")).toThrow("everybody can write to");
  expect(fs.existsSync(join(shared, "..", "x"))).toBe(false);
});

test("a FIFO, a folder or a device in a file's place is an error at once", async () => {
  const fifo = join(shared, "fifo");
  await localRun()(["mkfifo", fifo], { timeoutMs: 5000 });
  expect(() => files.readText(fifo)).toThrow("not a regular file");
  expect(() => files.append(fifo, "x")).toThrow();
  expect(() => files.readText("/dev/zero")).toThrow("not a regular file");
  expect(() => files.readText(shared)).toThrow("it is a folder");
  expect(() => files.write(shared, "")).toThrow("it is a folder");
});

test("a full disk leaves the old file and nothing else", async () => {
  const small = join(shared, "small");
  fs.mkdirSync(small);
  const run = localRun();
  await run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], { timeoutMs: 5000 });
  try {
    files.write(`${small}/config`, "old");
    let thrown: unknown;
    try {
      files.write(`${small}/config`, "x".repeat(1_000_000));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "disk_full", errno: "ENOSPC" });
    expect([files.readText(`${small}/config`), files.list(small)]).toEqual(["old", ["config"]]);
    fs.writeFileSync(`${small}/filler`, "x".repeat(60_000));
    expect(() => files.append(`${small}/config`, "x".repeat(100_000))).toThrow("no space left");
  } finally {
    await run(["umount", small], { timeoutMs: 5000 });
  }
});
