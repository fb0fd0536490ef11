import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostContract, type HostUnderTest, rejection, until } from "../../test/host-contract.ts";
import { hotplugCall } from "./hotplug.ts";
import { localHost } from "./local-host.ts";

/** A root folder whose commands are shell scripts, as on OpenWrt. */
function scriptedRoot(): HostUnderTest & { readonly root: string; script(path: string, text: string): void } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "nethsec-root-")));
  for (const dir of ["sbin", "usr/bin", "etc/init.d", "state"]) mkdirSync(join(root, dir), { recursive: true });
  const script = (path: string, text: string): void => {
    writeFileSync(join(root, path), `#!/bin/sh\n${text}`);
    chmodSync(join(root, path), 0o755);
  };
  return {
    root,
    script,
    host: localHost({ root }),
    service: (name) => {
      script(
        `etc/init.d/${name}`,
        `state=${root}/state/${name}
case $1 in
  start|restart) touch $state.running ;;
  stop) rm -f $state.running ;;
  enable) rm -f $state.disabled ;;
  disable) touch $state.disabled ;;
  running) [ -e $state.running ] ;;
  enabled) [ ! -e $state.disabled ] ;;
esac
`,
      );
    },
    wanInterface: () => {
      script(
        "sbin/ubus",
        `case "$2 $3" in
  "network.interface.wan up") touch ${root}/state/wan; exit ;;
  "network.interface.wan down") rm ${root}/state/wan; exit ;;
  "network.interface dump") ;;
  *) echo "Command failed: Not found" >&2; exit 4 ;;
esac
[ -e ${root}/state/wan ] && up=true || up=false\necho "{\\"interface\\":[{\\"interface\\":\\"wan\\",\\"up\\":$up,\\"proto\\":\\"dhcp\\"}]}"\n`,
      );
    },
    contractProgram: () =>
      script(
        "usr/bin/contract",
        `for arg; do printf '%s|' "$arg"; done\ncat\nprintf '|%s\\n' "$GREETING"\nexit \${EXIT:-0}\n`,
      ),
    hangingProgram: () => script("usr/bin/hang", "sleep 1000\n"),
    pass: (ms) => Bun.sleep(ms),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

hostContract("localHost", scriptedRoot);

describe("programs of the machine", () => {
  const { run } = localHost();
  /** A zombie that is not reaped yet counts as dead. */
  const alive = (pid: number): boolean =>
    !(localHost().files.readText(`/proc/${pid}/stat`) ?? "0 (x) Z").replace(/^.*\) /, "").startsWith("Z");

  test("a timeout ends the whole group, also what ignores SIGTERM", async () => {
    const script = `trap '' TERM; sh -c 'trap "" TERM; echo $$; while :; do sleep 0.05; done' & echo $$; wait`;
    const started = performance.now();
    const error = await rejection(run(["sh", "-c", script], { timeoutMs: 200 }));
    expect(performance.now() - started).toBeLessThan(3000);
    expect(error).toMatchObject({ code: "program_timed_out" });
    const pids = String((error as { result?: { stdout?: string } }).result?.stdout)
      .trim()
      .split("\n")
      .map(Number);
    expect(pids).toHaveLength(2);
    // At once, not only after the grace period for programs that handle SIGTERM.
    await until(() => !pids.some(alive), 200);
  });

  test("a daemon left behind does not hold up the run that started it", async () => {
    const started = performance.now();
    const { stdout } = await run(["sh", "-c", "sleep 30 & echo $!"], { timeoutMs: 10_000 });
    expect(performance.now() - started).toBeLessThan(2000);
    const pid = Number(stdout);
    expect(alive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("the environment is what is said, and a group of its own", async () => {
    process.env["NETHSEC_TEST_SECRET"] = "x";
    const { stdout } = await run(["sh", "-c", "env; ps -o pgid= -p $$ | tr -d ' '; echo $$"], {
      timeoutMs: 5000,
      env: { A: "1" },
    });
    delete process.env["NETHSEC_TEST_SECRET"];
    const lines = stdout.trim().split("\n");
    expect(lines.filter((line) => /^[A-Z_]+=/.test(line) && !/^(PWD|_|SHLVL|OLDPWD)=/.test(line)).toSorted()).toEqual([
      "A=1",
      `HOME=${process.env["HOME"] ?? "/root"}`,
      "LC_ALL=C",
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    ]);
    expect(lines.at(-1)).toBe(lines.at(-2) ?? "");
  });

  test("no shell: what looks like one is passed as it is; large input and output pass", async () => {
    const odd = "'; touch /tmp/x; $(id) `id` \n*";
    expect((await run(["printf", "%s", odd], { timeoutMs: 5000 })).stdout).toBe(odd);
    const large = "x".repeat(3_000_000);
    expect((await run(["cat"], { timeoutMs: 20_000, stdin: large })).stdout).toBe(large);
    expect((await run(["true"], { timeoutMs: 5000, stdin: large })).code).toBe(0);
  });

  test("an endless writer is bounded in memory and time", async () => {
    const error = await rejection(run(["yes"], { timeoutMs: 300, maxOutput: 1000 }));
    expect(error).toMatchObject({ result: { truncated: true, timedOut: true } });
  });

  test("kill waits for the group and insists", async () => {
    const child = run.spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]);
    const reader = child.stdout.getReader();
    await reader.read();
    await child.kill("SIGTERM", 100);
    expect(await child.exited).toEqual({ code: null });
    expect(alive(child.pid)).toBe(false);
  });
});

test("hotplug scripts get their folder and environment", async () => {
  using under = scriptedRoot();
  under.script("sbin/hotplug-call", `echo "$1 $ACTION" > ${under.root}/state/seen; exit 1\n`);
  await hotplugCall(under.host.run, "keepalived", { ACTION: "NOTIFY_SYNC" });
  expect(under.host.files.readText("/state/seen")).toBe("keepalived NOTIFY_SYNC\n");
  expect(await rejection(hotplugCall(under.host.run, "../x", {}))).toMatchObject({
    message: expect.stringContaining("not a hotplug folder"),
  });
});

test("a command that has run a program ends when it is done, without waiting for a timer", async () => {
  const script = `
    const { localRun } = await import(${JSON.stringify(`${import.meta.dir}/../process/local-run.ts`)});
    await localRun()(["true"], { timeoutMs: 5000 });
    const done = performance.now();
    process.on("exit", () => console.log(performance.now() - done));`;
  const { run } = localHost();
  let shortestMs = Infinity;
  // Take the shortest of several runs: the machine may be busy.
  for (let attempt = 0; attempt < 10 && shortestMs > 20; attempt += 1) {
    const { stdout } = await run([process.execPath, "-e", script], { timeoutMs: 20_000 });
    shortestMs = Math.min(shortestMs, Number(stdout));
  }
  expect(shortestMs).toBeLessThan(20);
});

test("facts of the machine", () => {
  using under = scriptedRoot();
  under.host.files.write(
    "/etc/os-release",
    `NAME="Neth\\"Sec"\nVERSION_ID='8.1'\nID=nethsecurity\n# comment\nbad line\n`,
  );
  expect(under.host.system.osRelease()).toEqual({ NAME: 'Neth"Sec', VERSION_ID: "8.1", ID: "nethsecurity" });
  const { total, available } = under.host.system.memory();
  expect(available).toBeGreaterThan(0);
  expect(total).toBeGreaterThanOrEqual(available);
  expect(under.host.system.fileSystem("/etc").size).toBeGreaterThan(0);
  expect(() => under.host.system.fileSystem("/nope")).toThrow("does not exist");
});
