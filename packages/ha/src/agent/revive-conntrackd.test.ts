/** Only a conntrackd that died is started again. */
import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { reviveConntrackd } from "./revive-conntrackd.ts";

test.each([
  ["died", { conntrackd: { instances: { instance1: { running: false } } } }, true],
  ["runs", { conntrackd: { instances: { instance1: { running: true } } } }, false],
  ["was stopped", { conntrackd: {} }, false],
  ["is not installed", {}, false],
])("one that %s", async (_what, list, revived) => {
  using host = fakeHost();
  host.services.set("conntrackd", { enabled: true, running: false });
  host.program("ubus", () => ({ stdout: JSON.stringify(list) }));
  expect(await reviveConntrackd(host)).toBe(revived);
  expect(await host.services.running("conntrackd")).toBe(revived);
});

test("procd is not asked while it runs", async () => {
  using host = fakeHost({
    files: { "/proc/7/comm": "logger\n", "/proc/12/comm": "conntrackd\n", "/proc/uptime": "1 1\n" },
  });
  expect(await reviveConntrackd(host)).toBe(false);
  expect(host.calls).toEqual([]);
});
