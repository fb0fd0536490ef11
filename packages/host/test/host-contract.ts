/**
 * The contract of every `Host`, as tests: run against the machine's own parts over a temporary root (local-host.test.ts) and against the fake
 * (testing/fake-host.test.ts), so that tests with the fake are valid for the real one.
 */
import { describe, expect, test } from "bun:test";
import type { Host } from "../src/host.ts";
import { RunError } from "../src/process/run-error.ts";
import { until as untilDeadline } from "../src/testing/until.ts";

export interface HostUnderTest extends Disposable {
  readonly host: Host;
  /** Installs a working service, stopped and enabled. */
  service(name: string): void;
  /** Installs the network interface "wan", down, proto "dhcp". */
  wanInterface(): void;
  /** Installs a program "contract" that prints its arguments, its input and the variable GREETING, and exits with the code in EXIT. */
  contractProgram(): void;
  /** Installs a program "hang" that never ends. */
  hangingProgram(): void;
  /** Waits for `ms` milliseconds: really, or on the fake clock. */
  pass(ms: number): Promise<void>;
}

export function hostContract(name: string, make: () => HostUnderTest): void {
  describe(`${name} keeps the contract of Host`, () => {
    filesContract(make);
    runContract(make);
    servicesContract(make);
    cronContract(make);
    timeContract(make);
  });
}

function filesContract(make: () => HostUnderTest): void {
  describe("files", () => {
    test("are written whole, with folders and mode, and read back", () => {
      using under = make();
      const { files } = under.host;
      files.write("/etc/a/b", "text ✓", { mode: 0o600 });
      expect(files.readText("/etc/a/b")).toBe("text ✓");
      expect(files.stat("/etc/a/b")).toMatchObject({ type: "file", mode: 0o600, size: 8 });
      files.write("/etc/a/b", new Uint8Array([1, 2]));
      expect(files.stat("/etc/a/b")).toMatchObject({ mode: 0o600, size: 2 });
      expect(files.readBytes("/etc/a/b")).toEqual(Buffer.from([1, 2]));
      expect(files.list("/etc/a")).toEqual(["b"]);
      files.append("/etc/a/log", "1\n");
      files.append("/etc/a/log", "2\n");
      expect(files.readText("/etc/a/log")).toBe("1\n2\n");
      files.rename("/etc/a/log", "/etc/a/0");
      expect(files.list("/etc/a")).toEqual(["0", "b"]);
      files.remove("/etc/a", { recursive: true });
      files.remove("/etc/a/b");
      expect(files.exists("/etc/a")).toBe(false);
    });

    test("that do not exist are no error to read, look at, list or remove", () => {
      using under = make();
      const { files } = under.host;
      expect([files.readText("/x"), files.readBytes("/x/y"), files.stat("/x"), files.readlink("/x")]).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
      expect(files.list("/x")).toEqual([]);
      files.remove("/x");
      files.remove("/x/y");
    });

    test("cannot be reached outside of the root", () => {
      using under = make();
      const { files } = under.host;
      files.write("/../../../etc/../x", "here");
      expect(files.readText("/x")).toBe("here");
      expect(() => files.readText("etc/x")).toThrow("not an absolute path");
      expect(() => files.readText("/etc/x\0y")).toThrow("not an absolute path");
      expect(files.real("/../x")).toBe(`${files.root}/x`);
      files.mkdir("/deep");
      files.symlink("/etc/os-release", "/deep/link");
      expect(files.readText("/deep/link")).toBe(undefined);
      files.symlink("../../../../..", "/up");
      files.write("/etc/os-release", "ours");
      expect(files.readText("/up/etc/os-release")).toBe("ours");
      expect(files.readText("/deep/link")).toBe("ours");
      files.symlink("/loop", "/loop");
      expect(() => files.readText("/loop")).toThrow("symbolic link");
    });

    test("links are replaced unless told to follow them", () => {
      using under = make();
      const { files } = under.host;
      files.write("/target", "old");
      files.symlink("/target", "/link");
      expect(files.readlink("/link")).toBe("/target");
      files.write("/link", "through", { follow: true });
      expect([files.readText("/target"), files.stat("/link")?.type]).toEqual(["through", "symlink"]);
      files.write("/link", "instead");
      expect([files.readText("/target"), files.stat("/link")?.type]).toEqual(["through", "file"]);
      files.symlink("/target", "/other");
      expect(() => files.append("/other", "x")).toThrow("symbolic link");
    });

    test("changes are reported until the signal aborts", async () => {
      using under = make();
      const { files } = under.host;
      const seen: string[] = [];
      const controller = new AbortController();
      files.watch("/etc/watched", (path) => seen.push(path), controller.signal);
      files.write("/etc/watched/deep/file", "1");
      await until(() => seen.includes("/etc/watched"));
      await until(() => {
        files.write("/etc/watched/deep/file", "2");
        return seen.includes("/etc/watched/deep/file");
      });
      controller.abort();
      seen.length = 0;
      files.write("/etc/watched/deep/file", "3");
      await Bun.sleep(50);
      expect(seen).toEqual([]);
    });
  });
}

function runContract(make: () => HostUnderTest): void {
  describe("programs", () => {
    test("get arguments, input and environment, and their exit code decides", async () => {
      using under = make();
      under.contractProgram();
      const { run } = under.host;
      const argv = ["contract", "a b", "$HOME"] as const;
      const result = await run(argv, { timeoutMs: 5000, stdin: "input", env: { GREETING: "hello" } });
      expect(result).toMatchObject({ code: 0, stdout: "a b|$HOME|input|hello\n", timedOut: false, truncated: false });
      expect((await run(argv, { timeoutMs: 5000, env: { EXIT: "3" }, ok: [0, 3] })).code).toBe(3);
      expect((await run(argv, { timeoutMs: 5000, env: { EXIT: "4" }, ok: "any" })).code).toBe(4);
      const error = await rejection(
        run(argv, { timeoutMs: 5000, stdin: "hunter2", env: { EXIT: "5" }, secrets: ["hunter2"] }),
      );
      expect(error).toMatchObject({ code: "program_failed", result: { code: 5 } });
      expect(Bun.inspect(error)).not.toContain("hunter2");
    });

    test("output over the limit is dropped and said", async () => {
      using under = make();
      under.contractProgram();
      const result = await under.host.run(["contract", "x".repeat(1000)], { timeoutMs: 5000, maxOutput: 10 });
      expect(result).toMatchObject({ stdout: "x".repeat(10), truncated: true });
    });

    test("that are not there, hang, or are stopped end by an error whatever codes are accepted", async () => {
      using under = make();
      under.hangingProgram();
      const { run } = under.host;
      expect(await rejection(run(["no-such-program"], { timeoutMs: 5000, ok: "any" }))).toMatchObject({
        code: "program_not_found",
      });
      const hanging = rejection(run(["hang"], { timeoutMs: 200, ok: "any" }));
      await under.pass(200);
      expect(await hanging).toMatchObject({ code: "program_timed_out", result: { timedOut: true, code: null } });
      const controller = new AbortController();
      const stopped = rejection(run(["hang"], { timeoutMs: 60_000, signal: controller.signal }));
      controller.abort();
      expect(await stopped).toMatchObject({ code: "program_aborted" });
    });

    test("spawned ones stream and are killed", async () => {
      using under = make();
      under.contractProgram();
      under.hangingProgram();
      const { run } = under.host;
      const child = run.spawn(["contract", "x"], { stdin: "pipe", env: { GREETING: "hi" } });
      await child.stdin.write("in");
      await child.stdin.write("put");
      await child.stdin.end();
      expect(await new Response(child.stdout).text()).toBe("x|input|hi\n");
      expect(await child.exited).toEqual({ code: 0 });
      const hanging = run.spawn(["hang"]);
      await hanging.kill("SIGKILL");
      expect(await hanging.exited).toEqual({ code: null });
    });
  });
}

function servicesContract(make: () => HostUnderTest): void {
  test("services start, stop, and are asked for their state; unknown ones are not there", async () => {
    using under = make();
    under.service("dnsmasq");
    const { services } = under.host;
    const state = async (): Promise<boolean[]> => [
      services.exists("dnsmasq"),
      await services.enabled("dnsmasq"),
      await services.running("dnsmasq"),
    ];
    expect(await state()).toEqual([true, true, false]);
    await services.call("dnsmasq", "start");
    await services.call("dnsmasq", "disable");
    expect(await state()).toEqual([true, false, true]);
    await services.call("dnsmasq", "restart");
    await services.call("dnsmasq", "enable");
    expect(await state()).toEqual([true, true, true]);
    await services.call("dnsmasq", "stop");
    expect(await state()).toEqual([true, true, false]);
    expect([services.exists("nope"), await services.enabled("nope"), await services.running("nope")]).toEqual([
      false,
      false,
      false,
    ]);
    expect(await rejection(services.call("nope", "start"))).toBeInstanceOf(RunError);
    for (const name of ["../../bin/sh", "", "-x", "a b"])
      expect(() => services.exists(name)).toThrow("not the name of a service");
  });

  test("interfaces go up and down; unknown ones fail", async () => {
    using under = make();
    under.wanInterface();
    const { net } = under.host;
    const wan = async () => (await net.interfaces()).find((item) => item.name === "wan");
    expect(await wan()).toMatchObject({ up: false, proto: "dhcp" });
    await net.ifup("wan");
    expect((await wan())?.up).toBe(true);
    await net.ifdown("wan");
    expect((await wan())?.up).toBe(false);
    expect(await rejection(net.ifup("nope"))).toBeInstanceOf(RunError);
  });
}

function cronContract(make: () => HostUnderTest): void {
  test("the crontab is edited line by line, with the answer whether it changed", () => {
    using under = make();
    const { cron, files } = under.host;
    expect([cron.text(), cron.remove("x"), cron.suspend(["x"]), cron.resume(["x"])]).toEqual(["", false, false, false]);
    expect(cron.set("heartbeat", "*/10 * * * * send-heartbeat")).toBe(true);
    expect(cron.set("heartbeat", "*/10 * * * * send-heartbeat")).toBe(false);
    expect(files.stat("/etc/crontabs/root")?.mode).toBe(0o600);
    expect(cron.suspend(["send-heartbeat"])).toBe(true);
    expect(cron.text()).toBe("#nethsec# */10 * * * * send-heartbeat # nethsec:heartbeat\n");
    expect(cron.resume(["send-heartbeat"])).toBe(true);
    expect(cron.text()).toBe("*/10 * * * * send-heartbeat # nethsec:heartbeat\n");
    const odd = Buffer.from([0xff, 0xfe, 0x0a]);
    files.write("/etc/crontabs/root", odd);
    cron.set("x", "0 0 * * * è");
    cron.remove("x");
    expect(files.readBytes("/etc/crontabs/root")).toEqual(odd);
  });
}

function timeContract(make: () => HostUnderTest): void {
  test("sleep lasts, ends at once when aborted, and the monotonic clock follows", async () => {
    using under = make();
    const { clock } = under.host;
    const before = clock.monotonic();
    const slept = clock.sleep(50);
    await under.pass(50);
    await slept;
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(49);
    const controller = new AbortController();
    const sleeping = rejection(clock.sleep(60_000, controller.signal));
    controller.abort(new Error("enough"));
    expect(await sleeping).toMatchObject({ message: "enough" });
    expect(await rejection(clock.sleep(60_000, AbortSignal.abort(new Error("before"))))).toMatchObject({
      message: "before",
    });
  });

  test("random texts have their length and alphabet", () => {
    using under = make();
    const { random } = under.host;
    expect(random.text(200)).toMatch(/^[A-Za-z0-9]{200}$/);
    expect(new Set(random.text(300, "abc"))).toEqual(new Set("abc"));
    expect(random.bytes(33)).toHaveLength(33);
    expect(random.bytes(16)).not.toEqual(random.bytes(16));
    const fractions = Array.from({ length: 100 }, () => random.fraction());
    expect(fractions.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(new Set(fractions).size).toBe(100);
  });
}

/** Returns the rejection reason of a promise; fails the test when the promise resolves. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`not rejected: ${Bun.inspect(value)}`);
    },
    (reason: unknown) => reason,
  );
}

export async function until(condition: () => boolean, timeoutMs = 15_000): Promise<void> {
  await untilDeadline(condition, { what: String(condition), timeoutMs, everyMs: 5 });
}
