import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/host-contract.ts";
import { watchPath } from "./watch-path.ts";

let dir = "";
let seen: string[] = [];
let stop = new AbortController();

beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), "nethsec-watch-"));
  seen = [];
  stop = new AbortController();
});

afterEach(() => {
  stop.abort();
  fs.rmSync(dir, { recursive: true, force: true });
});

const watch = (path: string): void => watchPath(path, (changed) => seen.push(changed), stop.signal);
const reported = (path: string): Promise<void> => until(() => seen.includes(path));

test("a file: written, replaced by rename, removed, made again; its neighbours do not count", async () => {
  const file = join(dir, "config");
  fs.writeFileSync(file, "1");
  watch(file);
  fs.writeFileSync(join(dir, "neighbour"), "x");
  for (const change of [
    () => fs.appendFileSync(file, "2"),
    () => {
      fs.writeFileSync(`${file}.new`, "3");
      fs.renameSync(`${file}.new`, file);
    },
    () => fs.rmSync(file),
    () => fs.writeFileSync(file, "4"),
  ]) {
    seen = [];
    change();
    await reported(file);
  }
  expect(new Set(seen)).toEqual(new Set([file]));
});

test("a folder that comes later, with its folders at once", async () => {
  const deep = join(dir, "a/b/c");
  watch(deep);
  fs.mkdirSync(join(deep, "d/e"), { recursive: true });
  fs.writeFileSync(join(deep, "d/e/f"), "1");
  await reported(deep);
  fs.writeFileSync(join(deep, "d/e/g"), "1");
  await reported(join(deep, "d/e/g"));
});

test("a folder that is removed and made again, or exchanged for another", async () => {
  const folder = join(dir, "folder");
  fs.mkdirSync(folder);
  watch(folder);
  fs.rmSync(folder, { recursive: true });
  await reported(folder);
  seen = [];
  fs.mkdirSync(folder);
  await reported(folder);
  fs.writeFileSync(join(folder, "x"), "1");
  await reported(join(folder, "x"));
  fs.mkdirSync(join(dir, "other"));
  fs.writeFileSync(join(dir, "other", "y"), "1");
  seen = [];
  fs.renameSync(folder, join(dir, "gone"));
  fs.renameSync(join(dir, "other"), folder);
  await reported(folder);
  fs.writeFileSync(join(folder, "z"), "1");
  await reported(join(folder, "z"));
});

test("a change of mode counts", async () => {
  const file = join(dir, "sub/key");
  fs.mkdirSync(join(dir, "sub"));
  fs.writeFileSync(file, "1");
  watch(dir);
  fs.chmodSync(file, 0o600);
  await reported(file);
});

test("folders that leave the tree are watched no longer, those that come are, with what is in them", async () => {
  const kept = join(dir, "kept");
  for (let at = 0; at < 60; at += 1) fs.mkdirSync(join(kept, `s${at}/deep`), { recursive: true });
  fs.mkdirSync(join(dir, "out"));
  const before = watches();
  watch(kept);
  expect(watches() - before).toBe(121);
  for (let at = 0; at < 50; at += 1) fs.renameSync(join(kept, `s${at}`), join(dir, `out/s${at}`));
  await until(() => watches() - before === 21);
  seen = [];
  fs.writeFileSync(join(dir, "out/s1/deep/x"), "1");
  fs.renameSync(join(dir, "out/s1"), join(kept, "back"));
  await reported(join(kept, "back"));
  expect(seen.filter((path) => path.includes("/s1"))).toEqual([]);
  await until(() => watches() - before === 23);
  fs.writeFileSync(join(kept, "back/deep/y"), "1");
  await reported(join(kept, "back/deep/y"));
  stop.abort();
  await until(() => watches() === before);
});

test("a name that is no UTF-8 is reported as it can be used", async () => {
  watch(dir);
  fs.writeFileSync(Buffer.from(`${dir}/caf\xe9`, "latin1"), "1");
  await reported(`${dir}/caf\udce9`);
});

/** inotify watches of this process: a line each in /proc/self/fdinfo (proc_pid_fdinfo(5)). */
function watches(): number {
  const lines = (fd: string): number => {
    try {
      return fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").match(/^inotify wd/gm)?.length ?? 0;
    } catch {
      return 0; // the descriptor of the folder listing itself
    }
  };
  return fs.readdirSync("/proc/self/fdinfo").reduce((sum, fd) => sum + lines(fd), 0);
}
