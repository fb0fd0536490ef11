/** Switching the program that writes the reports, both ways, and keeping the choice against the set-up script of ns-monitoring. */
import { expect, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { runCommand } from "../../test/run-command.ts";
import { run as source } from "../cli/source.ts";
import { run as dpireport } from "../daemon/dpireport.ts";
import { readSettings } from "../daemon/environment.ts";
import { keepSource } from "./keep-source.ts";

const plugins = "/etc/netifyd/plugins.d/60-ns-report.conf";
const socketPlugin = "/usr/lib/libnetify-sink-socket.so.0.0.0";

const config = { "/etc/config/ns-report": "config report 'config'\n" };

/** A firewall of NethSecurity's main branch: netifyd without the socket plugin, ns-stats writes the reports. */
function afterRelease(files: Readonly<Record<string, string>> = {}): FakeHost {
  const host = fakeHost({ files: { ...config, "/etc/netifyd/plugins.d/10-ns-flows.conf": "", ...files } });
  host.services.set("netifyd", { enabled: true, running: true });
  host.services.set("ns-stats", { enabled: true, running: true });
  host.services.set("dpireport", { enabled: false, running: false });
  return host;
}

const state = (host: FakeHost, name: string): [boolean, boolean] | undefined => {
  const service = host.services.all.get(name);
  return service && [service.enabled, service.running];
};
const choose = async (host: FakeHost, word: string): Promise<string> =>
  (await runCommand(source, host, { args: { source: word } })).out;

test("auto without the plugin for sockets: HTTP with a secret, and ns-stats stands back", async () => {
  using host = afterRelease();
  expect(await choose(host, "auto")).toContain("ns-stats is stopped and disabled.");
  expect([state(host, "ns-stats"), state(host, "dpireport")]).toEqual([
    [false, false],
    [true, true],
  ]);
  const settings = readSettings({}, host.uci, host.files);
  if (settings.source.kind !== "http") throw new Error("not by HTTP");
  const sink = JSON.parse(host.files.readText("/etc/netifyd/ns-report-sink.json") ?? "");
  expect(sink.channels.default).toEqual({
    enable: true,
    url: `http://127.0.0.1:${settings.source.port}${settings.source.path}`,
  });
  expect(host.files.stat("/etc/netifyd/ns-report-sink.json")?.mode).toBe(0o600);
  expect(JSON.parse(host.files.readText("/etc/netifyd/ns-report-proc.json") ?? "").sinks).toEqual({
    "sink-ns-report": { default: { enable: true, types: ["stream-flows", "stream-stats"] } },
  });
  expect(host.files.readText(plugins)).toContain("libnetify-sink-http.so.0.0.0");
  const starts = host.services.all.get("netifyd")?.starts;
  // Choosing the same source a second time changes nothing: netifyd is not restarted.
  await choose(host, "auto");
  expect(host.services.all.get("netifyd")?.starts).toBe(starts ?? -1);
});

test("auto with the plugin: a socket of our own; netifyd's own one where there is one, and with 4.x", async () => {
  using host = afterRelease({ [socketPlugin]: "" });
  await choose(host, "auto");
  expect(readSettings({}, host.uci, host.files).source).toEqual({
    kind: "netifyd",
    socket: "/var/run/netifyd/ns-report.sock",
  });
  expect(host.files.readText("/etc/netifyd/ns-report-sink.json")).toContain("ns-report.sock");
  host.files.write("/var/run/netifyd/netifyd.sock", "");
  await choose(host, "auto");
  expect(host.files.exists(plugins)).toBe(false);
  using old = fakeHost({ files: config });
  for (const name of ["netifyd", "dpireport"]) old.services.set(name);
  expect(await choose(old, "auto")).toContain("netifyd's socket /var/run/netifyd/netifyd.sock");
});

test("back to ns-stats: our output and our daemon are gone", async () => {
  using host = afterRelease();
  await choose(host, "http");
  expect(await choose(host, "ns-stats")).toContain("ns-stats writes the reports.");
  expect([state(host, "ns-stats"), state(host, "dpireport")]).toEqual([
    [true, true],
    [false, false],
  ]);
  expect(host.files.list("/etc/netifyd/plugins.d")).toEqual(["10-ns-flows.conf"]);
  using without = fakeHost({ files: config });
  without.services.set("dpireport", { enabled: true, running: true });
  await expect(choose(without, "ns-stats")).rejects.toThrow("There is no service ns-stats");
  expect(state(without, "dpireport")).toEqual([true, true]);
});

test("an update of ns-monitoring takes the reports over: the choice comes back by itself, once it was made", async () => {
  for (const chosen of [true, false]) {
    using host = afterRelease();
    if (chosen) await choose(host, "auto");
    const ended = new AbortController();
    const kept = keepSource(host, ended.signal);
    // Simulates the set-up script of ns-monitoring.
    Object.assign(host.services.set("dpireport"), { enabled: false, running: false });
    Object.assign(host.services.set("ns-stats"), { enabled: true, running: true });
    await host.clock.advance(130_000);
    expect([state(host, "dpireport"), state(host, "ns-stats")]).toEqual(
      chosen
        ? [
            [true, true],
            [false, false],
          ]
        : [
            [false, false],
            [true, true],
          ],
    );
    ended.abort();
    await host.clock.advance(1000);
    await kept;
  }
});

test("dpireport does not start beside ns-stats, and who asks is told who writes", async () => {
  using host = afterRelease();
  await expect(runCommand(dpireport, host)).rejects.toThrow("ns-stats is running and writes the reports");
  const asked = await runCommand(source, host);
  expect([asked.code, asked.out]).toEqual([0, expect.stringContaining("ns-stats writes the reports")]);
  Object.assign(host.services.set("ns-stats"), { running: false });
  const nobody = await runCommand(source, host);
  expect([nobody.code, nobody.out]).toEqual([1, expect.stringContaining("Nobody writes reports")]);
});
