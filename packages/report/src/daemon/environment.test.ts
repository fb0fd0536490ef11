import { describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readSettings, type Settings } from "./environment.ts";

function settings(env: Readonly<Record<string, string>>, options: readonly string[] = []): Settings {
  using host = fakeHost({
    files: {
      "/etc/config/ns-report": `config report 'config'\n${options.map((option) => `\toption ${option}\n`).join("")}`,
    },
  });
  return readSettings(env, host.uci, host.files);
}

describe("settings of dpireport", () => {
  test("by default as documented", () => {
    expect(settings({})).toEqual({
      source: { kind: "netifyd", socket: "/var/run/netifyd/netifyd.sock" },
      staleSeconds: 3600,
      dumpSeconds: 120,
      base: "/var/run/dpireport",
      group: undefined,
      maxDayPercent: 10,
      debug: false,
    });
  });

  test("the environment goes before the configuration", () => {
    const options = ["netifyd_socket '/run/other.sock'", "dump_path '/mnt/data/dpireport/'"];
    expect(settings({}, options)).toMatchObject({
      source: { kind: "netifyd", socket: "/run/other.sock" },
      base: "/mnt/data/dpireport",
    });
    const env = { NETIFYD_SOCKET: "/s", DUMP_PATH: "/d", FLOW_STALE_TIMEOUT: "1", DUMP_TIMEOUT: "604800" };
    expect(settings({ ...env, LOG_LEVEL: "DEBUG" }, options)).toEqual({
      source: { kind: "netifyd", socket: "/s" },
      staleSeconds: 1,
      dumpSeconds: 604_800,
      base: "/d",
      group: undefined,
      maxDayPercent: 10,
      debug: true,
    });
  });

  test("ndpi, on br-lan or another device", () => {
    expect(settings({}, ["source ndpi"]).source).toEqual({ kind: "ndpi", device: "br-lan" });
    expect(settings({}, ["source ndpi", "ndpi_device eth0.10"]).source).toEqual({ kind: "ndpi", device: "eth0.10" });
  });

  test.each([
    ["NETIFYD_SOCKET", "relative.sock"],
    ["NETIFYD_SOCKET", ""],
    ["NETIFYD_SOCKET", `/${"x".repeat(107)}`],
    ["FLOW_STALE_TIMEOUT", "0"],
    ["FLOW_STALE_TIMEOUT", "604801"],
    ["DUMP_TIMEOUT", ""],
    ["DUMP_TIMEOUT", "-5"],
    ["DUMP_TIMEOUT", "1.5"],
    ["DUMP_TIMEOUT", "12O"],
    ["DUMP_TIMEOUT", "1e3"],
    ["DUMP_TIMEOUT", " 5"],
    ["LOG_LEVEL", "info"],
    ["LOG_LEVEL", ""],
    ["DUMP_PATH", ""],
    ["DUMP_PATH", "reports"],
    ["DUMP_PATH", "/var/../etc"],
  ])("%s=%j is refused by its name", (name, value) => {
    expect(() => settings({ [name]: value })).toThrow(name === "DUMP_PATH" ? "path of the reports" : name);
  });

  test.each([
    ["source", "pcap"],
    ["netifyd_socket", "netifyd.sock"],
    ["dump_path", "reports"],
  ])("option %s '%s' is refused by its name", (name, value) => {
    expect(() => settings({}, [`${name} '${value}'`])).toThrow(name === "dump_path" ? "path of the reports" : name);
  });

  test.each(["../x", "br lan", "-i", "x".repeat(16)])("the device %j is refused", (device) => {
    expect(() => settings({}, ["source ndpi", `ndpi_device '${device}'`])).toThrow("ndpi_device");
  });
});
