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
