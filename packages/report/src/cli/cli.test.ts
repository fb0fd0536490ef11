import { afterAll, describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { daemonProcess } from "../../test/daemon-process.ts";
import { runCommand } from "../../test/run-command.ts";
import { sampleStatus } from "../../test/sample-status.ts";
import { hostileNames, writeSampleDay } from "../../test/sample-reports.ts";
import { hashToken, passwordMatches, tokenMatches } from "../auth/password-hash.ts";
import { writeStatus } from "../store/daemon-status.ts";
import { cellOf, clientOf, emptyHour } from "../store/hour-counters.ts";
import { hourKeyAt } from "../store/hour-key.ts";
import { isLiveAsked, writeLive } from "../store/live-file.ts";
import { serveConfig } from "../serve/serve-config.ts";
import { password, token } from "./access.ts";
import { run as days } from "./days.ts";
import { run as exportDay } from "./export.ts";
import { bar, shown } from "./report-text.ts";
import { run as status } from "./status.ts";
import { run as summary } from "./summary.ts";
import { run as top } from "./top.ts";
import { run as watch } from "./watch.ts";

const now = new Date(2026, 10, 22, 13, 30).getTime();
const base = "/var/run/dpireport";
const host = fakeHost({
  now,
  files: { ...daemonProcess, "/tmp/dhcp.leases": "1 aa:bb:cc:dd:ee:ff 192.168.1.1 annas-laptop *\n" },
});
const cache = Object.fromEntries(
  Array.from({ length: 20 }, (_, index) => [`192.168.1.${index + 2}`, { name: null, until: 9e15 }]),
);
host.files.write(
  "/var/run/ns-report/names.json",
  JSON.stringify({ ...cache, "fd00::a1b2:3c4d": { name: null, until: 9e15 } }),
);
const total = writeSampleDay(
  host.files,
  base,
  { year: 2026, month: 11, day: 22 },
  { clients: 12, hours: 14, hostile: true },
);
writeSampleDay(host.files, base, { year: 2026, month: 11, day: 21 }, { clients: 3, hours: 24 });
afterAll(() => host[Symbol.dispose]());

describe("reading on the terminal", () => {
  test("days: a table, JSON, CSV, one month", async () => {
    expect((await runCommand(days, host)).out).toMatch(
      /^Day +Clients +Traffic +Download +Upload\n2026-11-21 +Saturday +3 +.* [GM]iB +– +–\n2026-11-22 +Sunday +12 +.*\n$/,
    );
    expect(JSON.parse((await runCommand(days, host, { json: true })).out)).toMatchObject([
      { day: "2026-11-21" },
      { day: "2026-11-22", bytes: total, clients: 12 },
    ]);
    expect((await runCommand(days, host, { options: { csv: true } })).out).toStartWith(
      "day,bytes,clients,unattributed,download,upload\r\n2026-11-21,",
    );
    expect((await runCommand(days, host, { options: { month: "2025-01" } })).err).toContain(
      "There are no reports of 2025-01.",
    );
  });

  test("days that nobody asked about before: it says how far it is, and what was added up before Ctrl-C is kept", async () => {
    using long = fakeHost({ now });
    for (let day = 1; day <= 4; day++)
      writeSampleDay(long.files, base, { year: 2026, month: 10, day }, { clients: 1, hours: 1 });
    const interrupted = new AbortController();
    let ms = 0;
    const monotonic = (): number => {
      ms += 1500;
      if (ms === 4500) interrupted.abort(new Error("interrupted"));
      return ms;
    };
    const slow = { ...long, files: long.files, uci: long.uci, clock: { ...long.clock, monotonic } };
    await expect(runCommand(days, slow, { signal: interrupted.signal })).rejects.toThrow("interrupted");
    const kept = JSON.parse(long.files.readText("/var/run/ns-report/days.json") ?? "");
    expect(Object.keys(kept.days)).toEqual(["2026-10-01", "2026-10-02"]);
    const { out, err } = await runCommand(days, slow);
    expect(err).toBe("Adding up 2026-10-04, 4 of 4 days…\n");
    expect(out.match(/^2026-10/gm)).toHaveLength(4);
  });

  test("summary: total, hours, lists; lines fit the terminal", async () => {
    const { out } = await runCommand(summary, host);
    expect(out).toStartWith("Sunday 22 November 2026\n");
    expect(out).toContain("annas-laptop");
    expect(out).toMatch(/^13 +[\d.]+ [KMG]iB/m);
    expect(out).not.toMatch(/^14 /m);
    expect(out).toContain("… 10 more; --limit 0 shows all.");
    // A client without a name shows its address once, not in both columns.
    expect(out).toMatch(/^annas-laptop +192\.168\.1\.1 +[\d.]+ [KMG]iB/m);
    expect(out).toMatch(/^192\.168\.1\.6 +[\d.]+ [KMG]iB/m);
    for (const line of out.split("\n")) expect([line, line.length <= 80]).toEqual([line, true]);
  });

  test("a day that is over and had nothing: no advice to start a daemon", async () => {
    const { out, err } = await runCommand(summary, host, { args: { range: "2025-02-03" } });
    expect([out, err]).toEqual(["", "No traffic: Monday 3 February 2025.\nDays that have reports: ns-report days\n"]);
  });

  test("summary --json narrowed; client of yesterday", async () => {
    const narrowed = JSON.parse(
      (await runCommand(summary, host, { json: true, options: { application: "netify.google", hour: "9" } })).out,
    );
    expect(narrowed).toMatchObject({
      day: "2026-11-22",
      narrow: { section: "application", value: "netify.google", hour: 9 },
    });
    expect(narrowed.applications).toBeUndefined();
    const { out } = await runCommand(summary, host, { args: { client: "192.168.1.1", range: "yesterday" } });
    expect(out).toStartWith("Saturday 21 November 2026, annas-laptop (192.168.1.1)\n");
  });

  test("top: limit, CSV, and what cannot be known", async () => {
    expect(
      (await runCommand(top, host, { args: { list: "hosts" }, options: { limit: "3" } })).out.trim().split("\n").length,
    ).toBe(4);
    const all = JSON.parse((await runCommand(top, host, { args: { list: "clients" }, json: true })).out);
    expect(all.reduce((sum: number, row: { bytes: number }) => sum + row.bytes, 0)).toBe(total);
    expect(
      runCommand(top, host, { args: { list: "hosts" }, options: { application: "netify.google" } }),
    ).rejects.toThrow("each list by itself");
    expect(runCommand(top, host, { args: { list: "users" } })).rejects.toThrow('There is no list "users"');
  });

  test("export: everything once, nothing dangerous", async () => {
    const { out } = await runCommand(exportDay, host);
    expect(out).toStartWith("day,hour,client,section,name,bytes,download,upload,device\r\n2026-11-22,0,");
    expect(out.match(/^day,/gm)?.length).toBe(1);
    expect(out).toContain(`"'=cmd|'/c calc'!a1"`);
    const lines = (await runCommand(exportDay, host, { json: true })).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.filter((row) => row.section === "total").reduce((sum, row) => sum + row.bytes, 0)).toBe(total);
    expect(lines.length).toBe(out.trim().split("\r\n").length - 1);
  });

  test("hostile names cannot steer the terminal", async () => {
    const { out } = await runCommand(top, host, {
      args: { list: "hosts" },
      options: { limit: "0", client: "192.168.1.1" },
    });
    expect(out).toContain(hostileNames[0]);
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(shown("a\u001b[2Jb\nc\u202e", 40)).toBe("a\ufffd[2Jb\ufffdc\ufffd");
    expect(shown("日本語日本語", 5)).toBe("日本…");
  });

  test.each([
    [{ range: "2026-02-30" }, {}, "is not a day"],
    [{ range: "tomorrow" }, {}, "is not a day"],
    [{}, { client: "anna" }, "is not the address of a client"],
    [{}, { hour: "24" }, "is not an hour"],
    [{}, { limit: "-1" }, "is not a number of rows"],
    [{}, { application: "a", host: "b" }, "do not go together"],
  ])("refuses %j %j", (args, options, message) => {
    expect(runCommand(summary, host, { args, options })).rejects.toThrow(message);
  });

  test("a bar shows something of more than nothing, and never more than all", () => {
    expect([bar(0, 10), bar(1e-9, 10), bar(0.5, 4), bar(1, 3), bar(7, 3)]).toEqual(["", "▏", "██", "███", "███"]);
  });
});

describe("an empty machine says what to do", () => {
  using empty = fakeHost({ now });
  test("no daemon", async () => {
    const ran = await runCommand(summary, empty);
    expect([ran.code, ran.out]).toEqual([0, ""]);
    expect(ran.err).toContain("/etc/init.d/dpireport start");
    expect((await runCommand(status, empty)).code).toBe(1);
  });
});

const healthy = sampleStatus(now);

test("status: healthy, and what is wrong", async () => {
  using host = fakeHost({ now, files: daemonProcess });
  writeStatus(host.files, base, healthy);
  const good = await runCommand(status, host);
  expect([good.code, good.out]).toEqual([0, expect.stringContaining("Events       1,234")]);
  writeStatus(host.files, base, { ...healthy, events: 0, understood: 0 });
  const other = await runCommand(status, host);
  expect([other.code, other.out]).toEqual([1, expect.stringContaining("found no message in them")]);
  writeStatus(host.files, base, { ...healthy, events: 0 });
  expect((await runCommand(status, host)).out).toContain("none of them about a flow");
  writeStatus(host.files, base, { ...healthy, connected: false });
  const bad = await runCommand(status, host);
  expect([bad.code, bad.out]).toEqual([1, expect.stringContaining("warning: dpireport is not connected")]);
  expect(JSON.parse((await runCommand(status, host, { json: true })).out)).toMatchObject({
    healthy: false,
    conditions: [{ code: "dpi_engine_disconnected" }],
  });
});

test("where ns-stats writes the reports, status names it", async () => {
  using host = fakeHost({ now });
  host.services.set("ns-stats", { enabled: true, running: true });
  const { code, out } = await runCommand(status, host);
  expect([code, out]).toEqual([0, expect.stringContaining("ns-stats (package ns-monitoring) is running")]);
  const { out: json } = await runCommand(status, host, { json: true });
  expect(JSON.parse(json)).toMatchObject({ writer: "ns-stats", healthy: true, daemon: null });
});

test("a daemon that was stopped is said to be stopped, at once, and so is one whose number another program has now", async () => {
  for (const cmdline of [undefined, "/usr/sbin/dnsmasq\0"]) {
    using host = fakeHost({ now, files: cmdline === undefined ? {} : { "/proc/1/cmdline": cmdline } });
    writeStatus(host.files, base, { ...healthy, connected: false });
    const { code, out } = await runCommand(status, host);
    expect([code, out]).toEqual([1, expect.stringContaining("dpireport is not running")]);
    expect(out).not.toContain("netifyd status");
    expect(out).toMatch(/^Running +no$/m);
    const { err } = await runCommand(summary, host);
    expect(err).toContain("/etc/init.d/dpireport start");
    expect(err).not.toContain("Is netifyd running?");
  }
});

test("in an empty hour watch promises what it shows: the hour as it is counted, not the next dump", async () => {
  const ended = new AbortController();
  using host = fakeHost({ now, files: daemonProcess });
  writeStatus(host.files, base, healthy);
  const running = runCommand(watch, host, { signal: ended.signal });
  await host.clock.advance(1000);
  ended.abort();
  await host.clock.advance(1000);
  const { out } = await running;
  expect(out).toContain("a few seconds after the first traffic of this hour");
  expect(out).not.toContain("dump");
});

test("one client is one client", async () => {
  using host = fakeHost({ now, files: daemonProcess });
  writeSampleDay(host.files, base, { year: 2026, month: 11, day: 22 }, { clients: 1, hours: 1 });
  writeStatus(host.files, base, healthy);
  expect((await runCommand(summary, host)).out).toMatch(/, 1 client[;\n]/);
  expect((await runCommand(status, host)).out).toContain("2 of 1 client this hour");
});

test("watch draws at each dump and tells the rate", async () => {
  const ended = new AbortController();
  const day = { year: 2026, month: 11, day: 22 };
  // A separate fake host, because this test adds to the day's reports.
  using host = fakeHost({ now, files: daemonProcess });
  writeSampleDay(host.files, base, day, { clients: 12, hours: 14 });
  writeStatus(host.files, base, healthy);
  const running = runCommand(watch, host, { json: true, signal: ended.signal });
  await host.clock.advance(5000);
  writeSampleDay(host.files, base, day, { clients: 12, hours: 14, hostile: true, moreHosts: 1 }, 2);
  writeStatus(host.files, base, { ...healthy, last_dump: now + 120_000 });
  await host.clock.advance(5000);
  ended.abort();
  await host.clock.advance(5000);
  const lines = (await running).out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.length).toBe(2);
  expect(lines[0]).toMatchObject({ hour: 13, growth: null });
  expect(lines[1].interval_ms).toBe(120_000);
  expect(lines[1].growth).toBe(
    lines[1].clients.reduce((sum: number, client: { growth: number }) => sum + client.growth, 0),
  );
  expect(lines[1].growth).toBeGreaterThan(0);
});

test("watch draws what the daemon counted since its dump", async () => {
  const ended = new AbortController();
  using host = fakeHost({ now, files: daemonProcess });
  writeStatus(host.files, base, healthy);
  const count = (bytes: number): void => {
    const counters = emptyHour();
    const client = clientOf(counters, "192.168.1.10");
    client.total = bytes;
    cellOf(client.application, "netify.google").bytes = bytes;
    writeLive(
      host.files,
      { pid: healthy.pid, hour: hourKeyAt(now), asOf: host.clock.now(), unattributed: 0 },
      counters,
    );
  };
  count(1000);
  const running = runCommand(watch, host, { json: true, signal: ended.signal });
  for (const bytes of [1000, 3000, 3000, 9000]) {
    await host.clock.advance(2000);
    // Watching keeps asking the daemon for the live hour.
    expect(isLiveAsked(host.files, host.clock.now())).toBe(true);
    count(bytes);
  }
  await host.clock.advance(2000);
  ended.abort();
  await host.clock.advance(2000);
  const lines = (await running).out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ total: 1000, growth: null });
  expect(lines.at(-1)).toMatchObject({ total: 9000, growth: 8000, interval_ms: 8000, as_of: now + 8000 });
});

describe("access", () => {
  test("a password and tokens are stored as hashes; listening elsewhere needs one of them", async () => {
    using fresh = fakeHost({
      now,
      files: { "/etc/config/ns-report": "config report 'config'\n\toption listen '192.168.1.1'\n" },
    });
    expect(() => serveConfig(fresh.uci, fresh.files)).toThrow("does not listen on 192.168.1.1 without");
    expect(runCommand(password, fresh, { stdin: "short\n" })).rejects.toThrow("from 10 to 1024 characters");
    expect((await runCommand(password, fresh, { stdin: "correct horse battery\n" })).code).toBe(0);
    const stored = fresh.uci.read("ns-report").get("config", "password_hash") ?? "";
    expect(await passwordMatches("correct horse battery", stored)).toBe(true);
    expect(fresh.files.readText("/etc/config/ns-report")).not.toContain("horse");
    expect(serveConfig(fresh.uci, fresh.files).listen).toEqual({ kind: "tcp", address: "192.168.1.1", port: 8098 });
    const one = (await runCommand(token, fresh)).out.trim();
    await runCommand(token, fresh);
    const { credentials } = serveConfig(fresh.uci, fresh.files);
    expect(credentials?.tokenHashes.map((hash) => tokenMatches(one, hash))).toEqual([true, false]);
    await runCommand(token, fresh, { options: { remove: true } });
    await runCommand(password, fresh, { options: { remove: true } });
    expect(() => serveConfig(fresh.uci, fresh.files)).toThrow("without a password");
  });

  test.each([
    ["option listen 'localhost'", "ns-report.config.listen"],
    ["option port '70000'", "ns-report.config.port"],
    ["option base 'reports'", "ns-report.config.base"],
    ["option socket 'x.sock'", "ns-report.config.socket"],
    ["option password_hash 'plain'", "ns-report.config.password_hash"],
    ["option cert '/etc/nothing.pem'\n\toption key '/etc/nothing.key'", "ns-report.config.cert"],
  ])("refuses %j", (line, message) => {
    using fresh = fakeHost({ files: { "/etc/config/ns-report": `config report 'config'\n\t${line}\n` } });
    expect(() => serveConfig(fresh.uci, fresh.files)).toThrow(message);
  });

  test("sign_in always: the loopback and a socket ask too, and nothing starts that cannot ask", () => {
    const start = (options: string): ReturnType<typeof serveConfig> => {
      using fresh = fakeHost({ files: { "/etc/config/ns-report": `config report 'config'\n${options}` } });
      return serveConfig(fresh.uci, fresh.files);
    };
    const token = `\tlist token_hash '${hashToken("t")}'\n`;
    const always = "\toption sign_in 'always'\n";
    const socket = "\toption socket '/var/run/ns-report/web.sock'\n";
    expect(() => start(always)).toThrow("does not listen on 127.0.0.1 without a password or a token");
    expect(() => start(always + socket)).toThrow("does not listen on /var/run/ns-report/web.sock without");
    expect(start(always + token).credentials?.tokenHashes).toHaveLength(1);
    expect(start(always + socket + token).credentials?.tokenHashes).toHaveLength(1);
    expect(start(socket + token).credentials).toBeUndefined();
    expect(() => start("\toption sign_in 'sometimes'\n")).toThrow("ns-report.config.sign_in");
  });

  test("by default: the loopback, nobody asked", () => {
    using fresh = fakeHost();
    expect(serveConfig(fresh.uci, fresh.files)).toEqual({
      listen: { kind: "tcp", address: "127.0.0.1", port: 8098 },
      credentials: undefined,
      hosts: [],
      base: "",
    });
  });
});
