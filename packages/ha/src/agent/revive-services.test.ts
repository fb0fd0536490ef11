/** Only what died is started again, not what was stopped. */
import { describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { revive } from "./revive-services.ts";

describe.each(["conntrackd", "keepalived"] as const)("%s", (name) => {
  test.each([
    ["died", { [name]: { instances: { instance1: { running: false } } } }, true],
    ["runs", { [name]: { instances: { instance1: { running: true } } } }, false],
    ["was stopped", { [name]: {} }, false],
    ["is not installed", {}, false],
  ])("one that %s", async (_what, list, revived) => {
    using host = fakeHost();
    host.services.set(name, { enabled: true, running: false });
    host.program("ubus", () => ({ stdout: JSON.stringify(list) }));
    expect(await revive(host, name)).toBe(revived);
    expect(await host.services.running(name)).toBe(revived);
  });

  test("procd is not asked while it runs", async () => {
    using host = fakeHost({
      files: { "/proc/7/comm": "logger\n", "/proc/12/comm": `${name}\n`, "/proc/uptime": "1 1\n" },
    });
    expect(await revive(host, name)).toBe(false);
    expect(host.calls).toEqual([]);
  });
});
