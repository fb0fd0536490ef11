/** Invalid input gives the original's error, changes nothing and never hangs. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "../testing/pace.ts";
import { runUci } from "../../test/run-uci.ts";
import { commands } from "./commands.ts";
import { uciUsage } from "./usage.ts";

import { makeFolder, removeFolder } from "../../test/temporary-folder.ts";

setDefaultTimeout(paced(60_000));

let dir = "";
beforeEach(() => {
  dir = makeFolder(join(tmpdir(), "uci-bad-"));
  mkdirSync(join(dir, "c"));
});
afterEach(() => removeFolder(dir));

const uci = (...argv: readonly string[]): ReturnType<typeof runUci> =>
  runUci(["-c", join(dir, "c"), "-C", "", "-t", join(dir, "save"), ...argv]);
const file = (name: string): string => join(dir, "c", name);

test.each([
  [
    "an unterminated quote",
    "config s a\n\toption x 'abc\n",
    "Parse error (EOF with unterminated ') at line 2, byte 15",
  ],
  [
    "bytes of a program",
    "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0",
    "Parse error (invalid command) at line 0, byte 0",
  ],
  ["a BOM", "\xef\xbb\xbfconfig s a\n", "Parse error (invalid command) at line 1, byte 0"],
])("%s", async (_, text, message) => {
  writeFileSync(file("n"), text, "latin1");
  for (const command of [
    ["show", "n"],
    ["set", "n.a.y=1"],
    ["commit", "n"],
    ["revert", "n"],
  ]) {
    expect(await uci(...command)).toEqual({ output: `uci: ${message}\n`, status: 1 });
  }
  expect(readFileSync(file("n"), "latin1")).toBe(text);
  expect(readdirSync(dir)).toEqual(["c"]);
});

test("a folder, a FIFO or a device in place of a file", async () => {
  mkdirSync(file("folder"));
  execFileSync("mkfifo", [file("fifo")]);
  execFileSync("ln", ["-s", "/dev/zero", file("device")]);
  for (const name of ["folder", "fifo", "device"]) {
    for (const command of [
      ["show", name],
      ["set", `${name}.a.x=1`],
      ["commit", name],
    ]) {
      expect(await uci(...command)).toEqual({ output: "uci: Entry not found\n", status: 1 });
    }
  }
});

test("a file that cannot be read (a bad block; here the memory of a process, which begins with a hole)", async () => {
  symlinkSync("/proc/self/mem", file("bad"));
  for (const command of [
    ["show", "bad"],
    ["set", "bad.a.x=1"],
    ["revert", "bad"],
  ])
    expect(await uci(...command)).toEqual({ output: "uci: I/O error\n", status: 1 });
  expect(readdirSync(dir)).toEqual(["c"]);
});

test("input that cannot be read", async () => {
  writeFileSync(file("n"), "config s a\n");
  for (const command of [["import", "n"], ["batch"]])
    expect(await uci("-f", "/proc/self/mem", ...command)).toEqual({ output: "uci: I/O error\n", status: 1 });
  expect(readFileSync(file("n"), "latin1")).toBe("config s a\n");
});

test("a file larger than the memory", async () => {
  writeFileSync(file("huge"), "config s a\n");
  truncateSync(file("huge"), 2 ** 40);
  for (const command of [
    ["show", "huge"],
    ["set", "huge.a.x=1"],
    ["commit", "huge"],
  ])
    expect(await uci(...command)).toEqual({ output: "uci: Out of memory\n", status: 1 });
  expect(readdirSync(dir)).toEqual(["c"]);
});

test("a folder or a FIFO in place of a delta file", async () => {
  writeFileSync(file("n"), "config s a\n");
  mkdirSync(join(dir, "save"));
  execFileSync("mkfifo", [join(dir, "save/n")]);
  expect(await uci("show", "n")).toEqual({ output: "n.a=s\n", status: 0 });
  expect(await uci("set", "n.a.x=1")).toEqual({ output: "uci: I/O error\n", status: 1 });
  rmSync(join(dir, "save/n"));
  mkdirSync(join(dir, "save/n"));
  expect(await uci("show", "n")).toEqual({ output: "n.a=s\n", status: 0 });
  expect(await uci("set", "n.a.x=1")).toEqual({ output: "uci: I/O error\n", status: 1 });
});

test("names that leave the folder", async () => {
  mkdirSync(join(dir, "c/sub"));
  writeFileSync(join(dir, "c/sub/n"), "config s a\n");
  writeFileSync(join(dir, "n"), "config s a\n");
  for (const name of ["sub/n", "sub/../../n", "../n", ".."]) {
    expect((await uci("get", `${name}.a`)).status).toBe(1);
    expect((await uci("set", `${name}.a.x=1`)).status).toBe(1);
    expect((await uci("add", name, "s")).status).toBeGreaterThan(0);
    expect((await uci("-f", "/dev/null", "import", name)).status).toBe(1);
  }
  expect(readdirSync(dir).sort()).toEqual(["c", "n"]);
  expect(readFileSync(join(dir, "n"), "latin1")).toBe("config s a\n");
});

test("100 MB of one line, quoted or not", async () => {
  const long = "x".repeat(100_000_000);
  writeFileSync(file("n"), `config s a\n\toption x '${long}'\n`, "latin1");
  expect(await uci("get", "n.a")).toEqual({ output: "s\n", status: 0 });
  writeFileSync(file("n"), `config s a\n${long}`, "latin1");
  expect(await uci("get", "n.a")).toEqual({
    output: "uci: Parse error (invalid command) at line 1, byte 0\n",
    status: 1,
  });
  writeFileSync(file("n"), `config s a\n\toption x "${long}`, "latin1");
  expect(await uci("get", "n.a")).toEqual({
    output: 'uci: Parse error (EOF with unterminated ") at line 1, byte 100000011\n',
    status: 1,
  });
});

test("the help and the man page know the commands of the usage", () => {
  const [, listed = ""] = uciUsage.split(/^(?:Commands|Options):\n/m);
  const names = listed.split("\n").flatMap((line) => /^ {2}([a-z_]+)/.exec(line)?.[1] ?? []);
  expect(commands[0]?.actions?.map(({ name }) => name).sort()).toEqual(names.sort());
});

test("arguments that are not UTF-8 arrive as they are", () => {
  const main = new URL("../../test/uci-main.ts", import.meta.url).pathname;
  writeFileSync(file("n"), "config s a\n");
  const script = `${process.execPath} ${main} -c ${dir}/c -C '' -t ${dir}/save set "n.a.x=$(printf 'a\\377\\303\\251')"`;
  execFileSync("bash", ["-c", script], { timeout: 20_000 });
  expect(readFileSync(join(dir, "save/n"), "latin1")).toBe("n.a.x='a\xff\xc3\xa9'\n");
});
