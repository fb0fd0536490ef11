import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { useLocalTime } from "./local-time.ts";

const system = (zone: string): Record<string, string> => ({
  "/etc/config/system": `config system\n\toption zonename '${zone}'\n`,
});

test.each([
  ["Europe/Rome", {}, "Europe/Rome"],
  ["America/New York", {}, "America/New_York"],
  ["Europe/Rome", { TZ: "UTC" }, "UTC"],
  ["Nowhere/At all", {}, undefined],
  ["../../etc/passwd", {}, undefined],
])("zone %j, environment %j → %p", (zone, given: Record<string, string>, expected) => {
  using host = fakeHost({ files: system(zone) });
  const env = { ...given };
  useLocalTime(host.uci, env);
  expect(env["TZ"]).toBe(expected);
});

test("a machine without such a setting stays as it is", () => {
  using host = fakeHost();
  const env: Record<string, string> = {};
  useLocalTime(host.uci, env);
  expect(env).toEqual({});
});
