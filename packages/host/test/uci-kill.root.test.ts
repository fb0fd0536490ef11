/** A commit killed before each of its system calls leaves the old file and the deltas, or the new file; never neither, and nothing applied twice. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolder } from "./temporary-folder.ts";
import { compileTimeoutMs, compileUci } from "./uci-executable.ts";

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

const calls =
  "openat,flock,write,pwrite64,fsync,fchmod,fchown,rename,renameat,renameat2,link,linkat,ftruncate,unlink,unlinkat,close";

function uci(...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(bin, ["-c", "c", "-C", "", "-t", "save", ...args], {
    cwd: dir,
    encoding: "latin1",
    timeout: 10_000,
  });
  return status === 0 ? stdout : `${stdout}${stderr}[${status}]`;
}

/** Runs `uci` until its n-th of those calls; false when it came to its end. */
function killedAt(n: number, args: readonly string[]): boolean {
  const inject = `inject=${calls}:signal=SIGKILL:when=${n}`;
  const { signal, status } = spawnSync(
    "strace",
    ["-qq", "-o", "/dev/null", "-e", `trace=${calls}`, "-e", inject, bin, "-c", "c", "-C", "", "-t", "save", ...args],
    { cwd: dir, timeout: 20_000 },
  );
  return signal === "SIGKILL" || status === 137;
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
  const seen = { old: 0, new: 0 };
  for (let n = 1; ; n += 1) {
    fresh();
    writeFileSync(join(dir, "c/n"), old);
    writeFileSync(join(dir, "save/n"), deltas);
    const killed = killedAt(n, ["commit", "n"]);
    const now = text("c/n");
    if (now === old) seen.old += 1;
    else {
      expect(now).toBe(pending);
      seen.new += 1;
    }
    if (now === old) expect(text("save/n")).toStartWith(deltas);
    expect(uci("export", "n")).toBe(`package n\n${pending}`);
    for (const litter of readdirSync(join(dir, "c")).filter((name) => name.startsWith(".n")))
      utimesSync(join(dir, "c", litter), 1, 1);
    uci("set", "n.a.z=3");
    expect(uci("commit", "n")).toBe("");
    expect(text("c/n")).toBe(pending.replace("x '1'\n", "x '1'\n\toption z '3'\n"));
    expect([text("save/n"), readdirSync(join(dir, "c"))]).toEqual(["", ["n"]]);
    if (!killed) break;
  }
  expect(seen.old).toBeGreaterThan(10);
  expect(seen.new).toBeGreaterThan(3);
}, 120_000);

test("import of two packages: both or none", () => {
  const seen = new Set<string>();
  const input = join(dir, "input");
  for (let n = 1; ; n += 1) {
    fresh();
    writeFileSync(join(dir, "c/a"), "config s old\n");
    writeFileSync(join(dir, "c/b"), "config s old\n");
    writeFileSync(input, "package a\nconfig s new\npackage b\nconfig s new\n");
    const killed = killedAt(n, ["-f", input, "import"]);
    const now = uci("show");
    expect(["a.old=s\nb.old=s\n", "a.new=s\nb.new=s\n"]).toContain(now);
    seen.add(now);
    if (!killed) break;
  }
  expect(seen.size).toBe(2);
}, 120_000);
