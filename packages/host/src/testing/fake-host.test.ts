import { expect, test } from "bun:test";
import { hostContract, type HostUnderTest, rejection } from "../../test/host-contract.ts";
import { fakeHost } from "./fake-host.ts";

hostContract("fakeHost", (): HostUnderTest => {
  const host = fakeHost();
  return {
    host,
    service: (name) => void host.services.set(name),
    wanInterface: () => host.net.setInterface({ name: "wan", proto: "dhcp" }),
    contractProgram: () =>
      host.program("contract", async ({ args, stdin, env }) => ({
        stdout: `${[...args, await stdin, env["GREETING"] ?? ""].join("|")}\n`,
        code: Number(env["EXIT"] ?? 0),
      })),
    hangingProgram: () => host.program("hang", () => new Promise<never>(() => undefined)),
    pass: (ms) => host.clock.advance(ms),
    [Symbol.dispose]: () => host[Symbol.dispose](),
  };
});

test("the clock wakes sleepers in order, and what follows from one runs before the next", async () => {
  using host = fakeHost();
  const woken: string[] = [];
  const nap = async (name: string, ms: number, then = 0): Promise<void> => {
    await host.clock.sleep(ms);
    woken.push(`${name} ${host.clock.monotonic()}`);
    if (then > 0) await nap(`${name}'`, then);
  };
  const all = Promise.all([nap("late", 300), nap("early", 100, 100)]);
  await host.clock.advance(1000);
  await all;
  expect(woken).toEqual(["early 100", "early' 200", "late 300"]);
  expect(host.clock.now()).toBe(Date.UTC(2026, 0, 1) + 1000);
  host.clock.setWallClock(0);
  expect([host.clock.now(), host.clock.monotonic()]).toEqual([0, 1000]);
});

test("services can be slow, broken, or hang", async () => {
  using host = fakeHost();
  host.services.set("slow", { slowMs: 1000 });
  host.services.set("broken", { broken: true, running: true });
  host.services.set("hangs", { hangs: true });
  const slow = host.services.call("slow", "start");
  await host.services.call("broken", "restart");
  const hanging = rejection(host.services.call("hangs", "start", { timeoutMs: 2000 }));
  expect(host.state()).toBe(
    "service broken stopped enabled\nservice hangs stopped enabled\nservice slow stopped enabled",
  );
  await host.clock.advance(2000);
  await slow;
  expect(await hanging).toMatchObject({ code: "program_timed_out" });
  expect(host.state()).toContain("service slow running enabled");
  expect(host.calls).toEqual(["slow start", "broken restart", "hangs start"]);
});

test("the same seed gives the same random bytes, and the UCI store works on the fake's files", () => {
  using one = fakeHost({ seed: "a", files: { "/etc/config/system": "config system main\n\toption hostname x\n" } });
  using two = fakeHost({ seed: "a" });
  expect(one.random.text(20)).toBe(two.random.text(20));
  expect(one.uci.read("system").get("main", "hostname")).toBe("x");
  expect(two.uci.load("system")).toBe(undefined);
});
