/** A commit killed before each of its system calls leaves the old file and the deltas, or the new file; never neither, and no delta is applied twice. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { paced } from "../src/testing/pace.ts";
import { until } from "./host-contract.ts";
import { makeFolder, removeFolder } from "./temporary-folder.ts";
import { compileTimeoutMs, compileUci } from "./uci-executable.ts";

setDefaultTimeout(paced(120_000));

let built = "";
let bin = "";
let dir = "";
beforeAll(() => {
  built = compileUci();
  bin = join(built, "uci");
}, compileTimeoutMs);
afterAll(() => removeFolder(built));
beforeEach(() => {
  dir = makeFolder("/dev/shm/uci-kill-");
});
afterEach(() => removeFolder(dir));

const calls = "openat flock write pwrite64 fsync fchmod fchown rename renameat2 link linkat ftruncate unlink unlinkat";

function uci(...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(bin, ["-c", "c", "-C", "", "-t", "save", ...args], {
    cwd: dir,
    encoding: "latin1",
    timeout: paced(10_000),
  });
  return status === 0 ? stdout : `${stdout}${stderr}[${status}]`;
}

/** Runs `uci` and kills it at its n-th call of this name (strace counts each name separately); false when it ran to its end. */
function killedAt(call: string, n: number, args: readonly string[]): boolean {
  const inject = `inject=${call}:signal=SIGKILL:when=${n}`;
  const { signal, status } = spawnSync(
    "strace",
    ["-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject, bin, "-c", "c", "-C", "", "-t", "save", ...args],
    { cwd: dir, timeout: paced(20_000) },
  );
  if (signal !== "SIGKILL" && status !== 137 && status !== 0) throw new Error(`strace does not know ${call}`);
  return signal === "SIGKILL" || status === 137;
}

/** Runs `uci` once for each of its system calls, killed before that call, and once to the end; calls `prepare` before and `check` after each run. */
function killedEverywhere(args: readonly string[], prepare: () => void, check: () => void): void {
  for (const call of calls.split(" ")) {
    for (let n = 1, killed = true; killed; n += 1) {
      prepare();
      killed = killedAt(call, n, args);
      check();
    }
  }
}

function fresh(): void {
  for (const name of ["c", "save"]) {
    rmSync(join(dir, name), { recursive: true, force: true });
    mkdirSync(join(dir, name));
  }
}

const text = (path: string): string => (existsSync(join(dir, path)) ? readFileSync(join(dir, path), "latin1") : "");

test("commit", () => {
  const old = "config s a\n\tlist l 1\n";
  const deltas = "n.a.x='1'\n|n.a.l='2'\n+n.cfg02b619='t'\nn.cfg02b619.y='2'\n";
  const pending = "\nconfig s 'a'\n\tlist l '1'\n\tlist l '2'\n\toption x '1'\n\nconfig t\n\toption y '2'\n\n";
  const seen = { old: 0, new: 0, litter: 0 };
  const prepare = (): void => {
    fresh();
    writeFileSync(join(dir, "c/n"), old);
    writeFileSync(join(dir, "save/n"), deltas);
  };
  killedEverywhere(["commit", "n"], prepare, () => {
    const now = text("c/n");
    if (now === old) seen.old += 1;
    else {
      expect(now).toBe(pending);
      seen.new += 1;
    }
    if (now === old) expect(text("save/n")).toStartWith(deltas);
    expect(uci("export", "n")).toBe(`package n\n${pending}`);
    seen.litter += readdirSync(join(dir, "c")).length - 1;
    uci("set", "n.a.z=3");
    expect(uci("commit", "n")).toBe("");
    expect(text("c/n")).toBe(pending.replace("x '1'\n", "x '1'\n\toption z '3'\n"));
    expect([text("save/n"), readdirSync(join(dir, "c"))]).toEqual(["", ["n"]]);
  });
  expect(seen.old).toBeGreaterThan(10);
  expect(seen.new).toBeGreaterThan(3);
  // Ensures that there were temporary files to sweep.
  expect(seen.litter).toBeGreaterThan(3);
});

test("import of two packages: both or none", () => {
  const seen = new Set<string>();
  let litter = 0;
  const input = join(dir, "input");
  const prepare = (): void => {
    fresh();
    writeFileSync(join(dir, "c/a"), "config s old\n");
    writeFileSync(join(dir, "c/b"), "config s old\n");
    writeFileSync(input, "package a\nconfig s new\npackage b\nconfig s new\n");
  };
  killedEverywhere(["-f", input, "import"], prepare, () => {
    const now = uci("show");
    expect(["a.old=s\nb.old=s\n", "a.new=s\nb.new=s\n"]).toContain(now);
    seen.add(now);
    litter += readdirSync(join(dir, "c")).length - 2;
    uci("set", `a.${now.slice(2, 5)}.x=1`);
    expect(uci("commit", "a")).toBe("");
    expect(readdirSync(join(dir, "c")).sort()).toEqual(["a", "b"]);
  });
  expect(seen.size).toBe(2);
  expect(litter).toBeGreaterThan(3);
});

test("an import killed during a commit of another package is completed, not swept by that commit", async () => {
  fresh();
  for (const name of ["a", "b", "n"]) writeFileSync(join(dir, "c", name), "config s old\n");
  writeFileSync(join(dir, "save/n"), "n.old.x='1'\n");
  const entries = ["a", "b"].map((name) => [
    `c/.${name}.uci-AAAAAAAA`,
    `c/${name}`,
    `${statSync(join(dir, "c", name)).ino}`,
  ]);
  const slowly = ["-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=1000000:when=1"];
  const commit = spawn("strace", [...slowly, bin, "-c", "c", "-C", "", "-t", "save", "commit", "n"], { cwd: dir });
  const ended = new Promise((resolve) => commit.once("exit", resolve));
  await until(() => readdirSync(join(dir, "c")).some((name) => name.startsWith(".n.uci-")));
  for (const [temporary = ""] of entries) writeFileSync(join(dir, temporary), "config s new\n");
  writeFileSync(join(dir, "c/.nethsec-transaction"), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  expect(await ended).toBe(0);
  expect(uci("show")).toBe("a.new=s\nb.new=s\nn.old=s\nn.old.x='1'\n");
  expect(readdirSync(join(dir, "c")).sort()).toEqual(["a", "b", "n"]);
});
