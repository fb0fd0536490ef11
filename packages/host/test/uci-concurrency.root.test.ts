/** Many `uci` processes on one file: no committed change is lost, and no process waits for ever. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { paced } from "../src/testing/pace.ts";
import { makeFolder, removeFolder } from "./temporary-folder.ts";
import { compileTimeoutMs, compileUci } from "./uci-executable.ts";

setDefaultTimeout(paced(180_000));

let built = "";
let bin = "";
let dir = "";
beforeAll(() => {
  built = compileUci();
  bin = join(built, "uci");
}, compileTimeoutMs);
afterAll(() => removeFolder(built));
beforeEach(() => {
  dir = makeFolder("/dev/shm/uci-many-");
  mkdirSync(join(dir, "c"));
});
afterEach(() => removeFolder(dir));

function start(
  program: string,
  args: readonly string[],
  input = "",
): { readonly pid: number | undefined; readonly done: Promise<{ code: number | null; out: string }> } {
  const child = spawn(program, args, { cwd: dir, timeout: paced(120_000) });
  let out = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (out += chunk.toString("latin1")));
  child.stdin.end(input);
  return { pid: child.pid, done: new Promise((resolve) => child.on("close", (code) => resolve({ code, out }))) };
}

function uci(args: readonly string[], input = ""): ReturnType<typeof start> {
  return start(bin, ["-c", "c", "-C", "", "-t", "save", ...args], input);
}

/** Starts a process that holds the exclusive lock on the configuration, and runs `work` before releasing it. */
async function hold(work: string): Promise<{ release: () => Promise<void> }> {
  const holder = spawn("flock", ["c/n", "sh", "-c", `echo held; read go; ${work}`], {
    cwd: dir,
    timeout: paced(60_000),
  });
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  await new Promise((resolve) => holder.stdout.once("data", resolve));
  return {
    release: () => {
      holder.stdin.end("\n");
      return ended;
    },
  };
}

async function waitsForLock(pid: number | undefined): Promise<void> {
  const waiting = new RegExp(`-> FLOCK +ADVISORY +(READ|WRITE) +${pid} `);
  for (
    const deadline = Date.now() + paced(10_000);
    !waiting.test(readFileSync("/proc/locks", "latin1"));
    await Bun.sleep(2)
  ) {
    if (Date.now() > deadline) throw new Error(`process ${pid} never waited for the lock`);
  }
}

const config = (): string => readFileSync(join(dir, "c/n"), "latin1");
const values = (): string[] =>
  [...config().matchAll(/option (o\d+) '(\d+)'/g)].map(([, name, value]) => `${name}=${value}`).sort();

test("200 parallel pairs of set and commit all survive", async () => {
  writeFileSync(join(dir, "c/n"), "config s a\n");
  const pair = async (index: number): Promise<void> => {
    expect(await uci(["set", `n.a.o${index}=${index}`]).done).toEqual({ code: 0, out: "" });
    expect(await uci(["commit", "n"]).done).toEqual({ code: 0, out: "" });
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => pair(index)));
  expect(values()).toEqual(Array.from({ length: 200 }, (_, index) => `o${index}=${index}`).sort());
  expect(readFileSync(join(dir, "save/n"), "latin1")).toBe("");
  expect(readdirSync(join(dir, "c"))).toEqual(["n"]);
});

test("four processes with 1,000 transactions each, by commands and by the store, lose nothing", async () => {
  mkdirSync(join(dir, "etc/config"), { recursive: true });
  mkdirSync(join(dir, "tmp"), { recursive: true });
  rmSync(join(dir, "c"), { recursive: true });
  writeFileSync(join(dir, "etc/config/n"), "config s a\nconfig s b\n\toption count 0\n");
  const batch = (offset: number): string =>
    Array.from({ length: 1000 }, (_, index) => `set n.a.o${offset + index}=${index}\ncommit n\n`).join("");
  const commands = [0, 1000].map((offset) =>
    start(bin, ["-c", "etc/config", "-C", "", "-t", "tmp/.uci", "batch"], batch(offset)),
  );
  const store = ["x", "y"].map(() =>
    start(process.execPath, [new URL("uci-count.ts", import.meta.url).pathname, dir, "1000"]),
  );
  for (const { done } of [...commands, ...store]) expect(await done).toEqual({ code: 0, out: "" });
  const text = readFileSync(join(dir, "etc/config/n"), "latin1");
  expect([...text.matchAll(/option o\d+ /g)].length).toBe(2000);
  expect(text).toContain("option count '2000'");
});

test("a commit that waited works on what the one before it wrote, and keeps a set made meanwhile", async () => {
  writeFileSync(join(dir, "c/n"), "config s a\n");
  await uci(["set", "n.a.o1=1"]).done;
  // Another committer: holds the lock until our commit waits for it, then renames a new file into place.
  const holder = await hold("printf 'config s a\\n\\toption o7 7\\n' > c/.t; mv c/.t c/n");
  const waiting = [uci(["commit", "n"]), uci(["set", "n.a.o2=2"])];
  for (const { pid } of waiting) await waitsForLock(pid);
  await holder.release();
  for (const { done } of waiting) expect(await done).toEqual({ code: 0, out: "" });
  expect(await uci(["commit", "n"]).done).toEqual({ code: 0, out: "" });
  expect(values()).toEqual(["o1=1", "o2=2", "o7=7"]);
});

test("a command that waits for a lock ends by a signal", async () => {
  writeFileSync(join(dir, "c/n"), "config s a\n");
  const holder = await hold("true");
  const waiting = uci(["show", "n"]);
  await waitsForLock(waiting.pid);
  process.kill(waiting.pid ?? 0, "SIGINT");
  expect((await waiting.done).code).toBeNull();
  await holder.release();
});

test("what cannot be written leaves the file and the deltas as they were", async () => {
  writeFileSync(join(dir, "c/n"), "config s a\n");
  await uci(["set", "n.a.o1=1"]).done;
  const script = (setup: string): string =>
    `set -e; cp -a c full; ${setup}; cd full; set +e; ${bin} -c . -C '' -t ${dir}/save commit n; echo status $?; cat n; ls -A; cd ..; cat save/n`;
  const left = "n\nn.a.o1='1'\n";
  const full =
    "mount -t tmpfs -o size=16k tmpfs full; cp c/n full/n; dd if=/dev/zero of=full/.fill bs=1k count=20 2>/dev/null || true";
  expect((await start("unshare", ["-m", "bash", "-c", script(full)]).done).out).toBe(
    `uci: I/O error\nstatus 1\nconfig s a\n.fill\n${left}`,
  );
  const readOnly = "mount --bind full full; mount -o remount,ro,bind full";
  expect((await start("unshare", ["-m", "bash", "-c", `rm -r full; ${script(readOnly)}`]).done).out).toBe(
    `uci: I/O error\nstatus 1\nconfig s a\n${left}`,
  );
  chmodSync(join(dir, "c"), 0o700);
  expect(await uci(["commit"]).done).toEqual({ code: 0, out: "" });
  expect(values()).toEqual(["o1=1"]);
});

test("a full delta folder takes all lines of a command or none", async () => {
  writeFileSync(join(dir, "c/n"), "config s a\n");
  const value = "x".repeat(9000);
  const script = `mkdir save; mount -t tmpfs -o size=16k tmpfs save; u() { ${bin} -c c -C '' -t save "$@"; }; u set n.a.x=${value}; echo $?; u set n.a.y=${value}; echo $?; wc -c < save/n; u commit n; u get n.a.x | wc -c; u get n.a.y`;
  expect((await start("unshare", ["-m", "bash", "-c", script]).done).out).toBe(
    "0\nuci: I/O error\n1\n9009\n9001\nuci: Entry not found\n",
  );
});

test("a commit does not wait for programs that hold locks on other files", async () => {
  writeFileSync(join(dir, "c/n"), "config s a\n");
  let value = 0;
  const commit = async (): Promise<number> => {
    const since = performance.now();
    expect(await uci(["batch"], `set n.a.x=${(value += 1)}\ncommit n\n`).done).toEqual({ code: 0, out: "" });
    return performance.now() - since;
  };
  const shortest = { free: Infinity, held: Infinity };
  // Compare the shortest of several runs of each: the machine may be busy. Waiting for another committer would take 200 ms more.
  for (let attempt = 0; attempt < 20 && !(shortest.held - shortest.free < 100); attempt += 1) {
    shortest.free = Math.min(shortest.free, await commit());
    const holder = spawn("flock", ["other", "sh", "-c", "echo held; read go"], { cwd: dir, timeout: paced(60_000) });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    shortest.held = Math.min(shortest.held, await commit());
    holder.stdin.end("\n");
  }
  expect(shortest.held - shortest.free).toBeLessThan(100);
});

test("a commit survives a committer that goes on with the file it opened before, as libuci does", async () => {
  writeFileSync(join(dir, "c/n"), "config s a\n\tlist l 1\n");
  await uci(["set", "n.a.o1=1"]).done;
  await uci(["add_list", "n.a.l=2"]).done;
  // Holds the lock until both wait: first our commit, then the other one.
  const holder = await hold("true");
  const ours = uci(["commit", "n"]);
  await waitsForLock(ours.pid);
  const stale = start(process.execPath, [
    new URL("stale-committer.ts", import.meta.url).pathname,
    "c/n",
    "\toption o2 2",
  ]);
  await waitsForLock(stale.pid);
  await holder.release();
  expect(await ours.done).toEqual({ code: 0, out: "" });
  expect(await stale.done).toEqual({ code: 0, out: "" });
  expect(values()).toEqual(["o1=1", "o2=2"]);
  expect(config()).toContain("list l '1'\n\tlist l '2'\n");
});
