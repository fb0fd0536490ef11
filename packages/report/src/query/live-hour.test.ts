/** The live hour by rate, on the page, as JSON, and on the terminal. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { daemonProcess } from "../../test/daemon-process.ts";
import { devicesText } from "../../test/devices-text.ts";
import { ask, quietSite } from "../../test/quiet-site.ts";
import { runCommand } from "../../test/run-command.ts";
import { sampleStatus } from "../../test/sample-status.ts";
import { run as watch } from "../cli/watch.ts";
import { liveText } from "../cli/watch-text.ts";
import type { ReportSite } from "../serve/report-site.ts";
import { readStatus, writeStatus } from "../store/daemon-status.ts";
import { cellOf, clientOf, emptyHour, type HourCounters } from "../store/hour-counters.ts";
import { hourKeyAt } from "../store/hour-key.ts";
import { writeLive } from "../store/live-file.ts";
import { ReportStore } from "../store/report-store.ts";
import { deviceCountersPath } from "./network-devices.ts";
import { liveHourOf } from "./open-live.ts";

const base = "/var/run/dpireport";
const now = new Date(2026, 10, 22, 13, 30).getTime();
const status = sampleStatus(now);
let host: FakeHost;
let counters: HourCounters;
let ended: AbortController;

beforeEach(() => {
  host = fakeHost({ now, files: daemonProcess });
  writeStatus(host.files, base, status);
  counters = emptyHour();
  ended = new AbortController();
});
afterEach(() => {
  ended.abort();
  host[Symbol.dispose]();
});

function count(client: string, application: string, name: string, bytes: number): void {
  const hour = clientOf(counters, client);
  hour.total += bytes;
  cellOf(hour.application, application).bytes += bytes;
  cellOf(hour.protocol, "https").bytes += bytes;
  cellOf(hour.host, name).bytes += bytes;
}

/** What the daemon does while somebody looks. */
function write(): void {
  const header = { pid: status.pid, hour: hourKeyAt(now), asOf: host.clock.now(), unattributed: 0 };
  writeLive(host.files, header, counters);
}

async function json(site: ReportSite): Promise<unknown> {
  return (await ask(site, "/live.json")).json();
}

test("applications and hosts have rates, the fastest first; a page that is loaded again shows the latest", async () => {
  const site = quietSite(host, base, ended.signal);
  const page = async (): Promise<string> => (await ask(site, "/live")).text();
  count("192.168.1.10", "netify.backup", "big.example", 9_000_000);
  count("192.168.1.11", "netify.youtube", "video.example", 1000);
  write();
  expect(await json(site)).toMatchObject({
    growth: null,
    applications: [{ application: "netify.backup", growth: null }, { application: "netify.youtube" }],
    hosts: [{ host: "big.example", growth: null }, { host: "video.example" }],
  });
  expect((await page()).match(/…<\/td>/g)?.length).toBe(6);
  await host.clock.advance(10_000);
  count("192.168.1.11", "netify.youtube", "video.example", 1_000_000);
  write();
  expect(await json(site)).toMatchObject({
    growth: 1_000_000,
    interval_ms: 10_000,
    clients: [
      { client: "192.168.1.11", growth: 1_000_000 },
      { client: "192.168.1.10", growth: 0 },
    ],
    applications: [
      { application: "netify.youtube", label: "Youtube", bytes: 1_001_000, growth: 1_000_000 },
      { application: "netify.backup", label: "Backup", bytes: 9_000_000, growth: 0 },
    ],
    hosts: [
      { host: "video.example", bytes: 1_001_000, growth: 1_000_000 },
      { host: "big.example", growth: 0 },
    ],
  });
  const text = await page();
  expect(text.match(/800 kbit\/s<\/td>/g)?.length).toBe(3);
  for (const table of ["live-applications", "live-hosts"])
    expect(text).toMatch(
      new RegExp(`id="${table}"[^]*?(?:Youtube|video\\.example)[^]*?800 kbit/s[^]*?(?:Backup|big\\.example)`),
    );
  expect(text).toContain('href="/2026-11-22?host=video.example&amp;hour=13"');
});

test("what a name got by merging others into it is not taken for traffic of now", async () => {
  const live = liveHourOf(host, store(), () => readStatus(host.files, base));
  count("192.168.1.10", "netify.backup", "big.example", 9_000_000);
  write();
  live.look();
  await host.clock.advance(2000);
  count("192.168.1.10", "netify.backup", "big.example", 50);
  const { host: hosts } = clientOf(counters, "192.168.1.10");
  cellOf(hosts, "other").bytes += 9_000_050;
  hosts.delete("big.example");
  write();
  expect(live.look().growth?.hosts).toEqual(new Map([["other", 50]]));
});

test("of very many names, those with the most traffic are sampled; what is said of others is never too much", async () => {
  const live = liveHourOf(host, store(), () => readStatus(host.files, base));
  for (let index = 0; index < 3000; index++) count("192.168.1.10", "netify.web", `h${index}.example`, 10_000 - index);
  write();
  live.look();
  await host.clock.advance(2000);
  count("192.168.1.10", "netify.web", "h2999.example", 1_000_000);
  count("192.168.1.10", "netify.web", "h0.example", 5);
  write();
  const { hosts } = live.look().growth ?? { hosts: new Map<string, number>() };
  expect(hosts.get("h0.example")).toBe(5);
  // It had 7,001 bytes; that it had no more than the 2,049th, 7,952, is what is known.
  expect(hosts.get("h2999.example")).toBe(1_007_001 - 7952);
  expect(hosts.size).toBe(2);
});

test("interfaces: on the page without any traffic of clients, as JSON, and drawn anew when only they change", async () => {
  host.files.write("/etc/config/network", "config interface 'guest'\n\toption device 'eth0.30'\n");
  host.files.write("/etc/config/firewall", "config zone\n\toption name 'guests'\n\tlist network 'guest'\n");
  host.files.write(deviceCountersPath, devicesText({ "eth0.30": [1000, 5000], eth0: [1, 1] }));
  const site = quietSite(host, base, ended.signal);
  expect(await json(site)).toMatchObject({
    interfaces_interval_ms: null,
    interfaces: [{ received_bits_per_second: null }],
  });
  const events = (await ask(site, "/live/events")).body?.getReader();
  const next = async (): Promise<string> => new TextDecoder().decode((await events?.read())?.value);
  expect(await next()).toContain("Nothing in this hour yet");
  host.files.write(deviceCountersPath, devicesText({ "eth0.30": [1000, 5000 + 500_000], eth0: [1, 1] }));
  await host.clock.advance(2000);
  expect(await next()).toMatch(
    /<bdi>guest<\/bdi>\s*<small><bdi>\(zone guests, eth0\.30\)<\/bdi>[^]*0 bit\/s[^]*2 Mbit\/s/,
  );
  expect(await json(site)).toMatchObject({
    interfaces_interval_ms: 2000,
    interfaces: [
      {
        device: "eth0.30",
        interfaces: ["guest"],
        zone: "guests",
        received: 1000,
        sent: 505_000,
        received_bits_per_second: 0,
        sent_bits_per_second: 2_000_000,
      },
    ],
  });
  expect(await (await ask(site, "/live")).text()).toContain("2 Mbit/s");
});

test("watch draws clients, applications, hosts and interfaces, the fastest first", async () => {
  host.files.write("/etc/config/network", "config interface 'wan'\n\toption device 'eth1'\n");
  host.files.write(deviceCountersPath, devicesText({ eth1: [0, 0] }));
  count("192.168.1.10", "netify.backup", "big.example", 9_000_000);
  count("192.168.1.11", "netify.youtube", "video.example", 1000);
  write();
  const running = runCommand(watch, host, { signal: ended.signal });
  await host.clock.advance(1000);
  count("192.168.1.11", "netify.youtube", "video.example", 1_000_000);
  host.files.write(deviceCountersPath, devicesText({ eth1: [2_000_000, 0] }));
  await host.clock.advance(1000);
  write();
  await host.clock.advance(1000);
  ended.abort();
  await host.clock.advance(1000);
  const { out } = await running;
  const last = out.slice(out.lastIndexOf("13:00 to 14:00"));
  expect(last).toMatch(/^192\.168\.1\.11 .*4 Mbit\/s[^]*^192\.168\.1\.10 .* 0 bit\/s/m);
  expect(last).toMatch(
    /^Application +Rate +This hour +Download +Upload\nYoutube +4 Mbit\/s +978 KiB .*\nBackup +0 bit\/s/m,
  );
  expect(last).toMatch(
    /^Host +Rate +This hour +Download +Upload\nvideo\.example +4 Mbit\/s .*\nbig\.example +0 bit\/s/m,
  );
  expect(last).toMatch(/^Interface +Zone +Device +Received +Sent\nwan +eth1 +8 Mbit\/s +0 bit\/s$/m);
});

test("on a terminal the tables of watch are as long as its height lets them be", () => {
  for (let index = 0; index < 40; index++)
    count(`192.168.1.${index + 1}`, `netify.a${index}`, `h${index}.example`, 1000);
  write();
  const state = liveHourOf(host, store(), () => readStatus(host.files, base)).look();
  const one = { interfaces: ["lan"], zone: "lan", received: 1, sent: 1, growth: undefined };
  const interfaces = {
    interfaces: Array.from({ length: 20 }, (_, index) => ({ ...one, device: `eth${index}` })),
    ms: 2,
  };
  const drawn = (lines?: number): string[] =>
    liveText({ state, interfaces, names: new Map(), whenEmpty: "", lines }, { color: false, columns: 100 }).split("\n");
  for (const lines of [24, 30, 40]) {
    // The last line is the cursor's.
    expect([lines, drawn(lines).length]).toEqual([lines, lines - 1]);
    expect(drawn(lines).at(-1)).toBe("Ctrl-C ends.");
  }
  expect(drawn().length).toBe(drawn(100).length);
  expect(drawn().filter((line) => line.startsWith("192.168.1.")).length).toBe(12);
  expect(drawn(5).filter((line) => line.startsWith("192.168.1.")).length).toBe(2);
});

function store(): ReportStore {
  return new ReportStore({ files: host.files, base, now: () => host.clock.now() });
}
