import { expect, test } from "bun:test";
import { fakeHost } from "../testing/fake-host.ts";
import { useLocalTime } from "./local-time.ts";

const system = (options: string): Record<string, string> => ({ "/etc/config/system": `config system\n${options}` });
const named = (zone: string): Record<string, string> => system(`\toption zonename '${zone}'\n`);

test.each([
  ["Europe/Rome", {}, "Europe/Rome"],
  ["America/New York", {}, "America/New_York"],
  ["Europe/Rome", { TZ: "UTC" }, "UTC"],
  ["Nowhere/At all", {}, "UTC"],
  ["Europe/London", {}, "Europe/London"],
  ["UTC", {}, "UTC"],
  ["../../etc/passwd", {}, "UTC"],
])("zone %j, environment %j → %p", (zone, given: Record<string, string>, expected) => {
  using host = fakeHost({ files: named(zone) });
  const env = { ...given };
  useLocalTime(host, env);
  expect(env["TZ"]).toBe(expected);
});

test("a machine without such a setting has the zone of /etc/localtime, and UTC without that", () => {
  using host = fakeHost();
  const zone = (): string | undefined => {
    const env: Record<string, string> = {};
    expect(useLocalTime(host, env)).toBeUndefined();
    return env["TZ"];
  };
  expect(zone()).toBe("UTC");
  host.files.mkdir("/etc");
  host.files.symlink("/usr/share/zoneinfo/America/New_York", "/etc/localtime");
  expect(zone()).toBe("America/New_York");
  // A copied zone file does not contain the zone's name: left to the runtime.
  host.files.write("/etc/localtime", "TZif2");
  expect(zone()).toBeUndefined();
});

test("timezone alone, as it is set by uci, is a zone of the same clock", () => {
  using host = fakeHost({ files: system("\toption timezone 'CET-1CEST,M3.5.0,M10.5.0/3'\n") });
  const env: Record<string, string> = {};
  expect(useLocalTime(host, env)).toBeUndefined();
  expect(env).toEqual({ TZ: "Europe/Rome" });
});

test("a zonename that is not known gives way to timezone", () => {
  using host = fakeHost({
    files: system("\toption zonename 'Europa/Roma'\n\toption timezone 'EST5EDT,M3.2.0,M11.1.0'\n"),
  });
  const env: Record<string, string> = {};
  expect(useLocalTime(host, env)).toBeUndefined();
  expect(env).toEqual({ TZ: "America/New_York" });
});

test("a POSIX text in TZ is replaced by a name, which is what the runtime knows", () => {
  using host = fakeHost();
  const env = { TZ: "IST-5:30" };
  expect(useLocalTime(host, env)).toBeUndefined();
  expect(new Date(0).toLocaleString("en", { timeZone: env.TZ })).toBe("1/1/1970, 5:30:00 AM");
});

test("what is not understood is said: hours are those of UTC then", () => {
  using host = fakeHost({ files: system("\toption timezone 'CET-1CEST,when it is warm'\n") });
  const env: Record<string, string> = {};
  expect(useLocalTime(host, env)).toContain("hours are those of UTC");
  expect(env).toEqual({ TZ: "UTC" });
});

test("a system file that cannot be parsed stops nobody", () => {
  using host = fakeHost({ files: { "/etc/config/system": "config system\n\toption x 'open\n" } });
  expect(useLocalTime(host, {})).toContain("The time zone is not known");
});
