/** The daemon with a real socket and real files. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localClock } from "@nethsec/host/local/local-clock";
import { fakeClock } from "@nethsec/host/testing/fake-clock";
import { localFiles } from "@nethsec/host/files/local-files";
import type { Clock, Files, Level, Log } from "@nethsec/host/host";
import { flowServer, send, until } from "../../test/flow-server.ts";
import { recordedStream } from "../../test/recorded-stream.ts";
import { readStatus } from "../store/daemon-status.ts";
import { eachRow } from "../store/day-counters.ts";
import { readDay } from "../store/read-day.ts";
import { DeviceLog } from "../store/device-log.ts";
import { dayOf, hourKeyAt, hourOf } from "../store/hour-key.ts";
import { liveHourOf } from "../query/open-live.ts";
import { ReportStore } from "../store/report-store.ts";
import { runDaemon } from "./daemon.ts";
import type { Settings } from "./environment.ts";
import { netifydSource } from "./flow-source.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly files: Files;
  readonly said: string[];
  stop(): Promise<void>;
}

const base = "/reports";

function start(
  socket: string,
  root: string,
  clock: Clock,
  settings: Partial<Settings> = {},
  devices: () => Promise<ReadonlyMap<string, string>> = async () => new Map(),
  ownAddresses: () => Promise<readonly string[]> = async () => [],
): Running {
  const files = localFiles(root);
  const said: string[] = [];
  const note = (level: Level, text: string): void => void said.push(`${level}: ${text}`);
  const log: Log = Object.assign(note, { tagged: () => log });
  const abort = new AbortController();
  const done = runDaemon(
    {
      host: { files, clock, log },
      settings: {
        source: { kind: "netifyd", socket },
        staleSeconds: 3600,
        dumpSeconds: 3600,
        base,
        group: undefined,
        maxDayPercent: 10,
        debug: false,
        ...settings,
      },
      source: netifydSource(socket, clock),
      pid: 1,
      ownAddresses,
      devices,
      dayBytes: () => Number.POSITIVE_INFINITY,
      memory: () => 0,
    },
    abort.signal,
  );
  return {
    files,
    said,
    stop: () => {
      abort.abort();
      return done;
    },
  };
}

function temporaryRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), "dpireport-"));
  folders.push(folder);
  return folder;
}

/** The machine's clock, shifted so that it reads `start` now. */
function clockAt(start: number): Clock {
  const shift = start - Date.now();
  return { ...localClock, now: () => Date.now() + shift };
}

const truth = {
  "192.168.50.11": 67_975_492,
  "192.168.50.12": 38_985_507,
  "192.168.50.13": 3_810_905,
  "fd50::1": 86,
  "fd50::13": 11_986_259,
  "fe80::48d3:49ff:fe8f:86ca": 420,
  "fe80::5470:92ff:fe68:2790": 420,
  "fe80::f010:25ff:fe80:101a": 420,
};

function totals(
  files: Files,
  at: number,
): { clients: Record<string, number>; unattributed: number; sums: Record<string, number> } {
  const day = readDay(files, base, dayOf(hourKeyAt(at)));
  const clients: Record<string, number> = {};
  for (const [index, client] of day.clients.entries())
    clients[client] = day.totals.subarray(index * 24, index * 24 + 24).reduce((a, b) => a + b, 0);
  const sum = (section: "protocol" | "application"): number =>
    eachRow(day.sections[section]).reduce((all, { bytes }) => all + bytes, 0);
  return {
    clients,
    unattributed: day.unattributed.reduce((a, b) => a + b, 0),
    sums: { protocol: sum("protocol"), application: sum("application") },
  };
}

describe("dpireport", () => {
  test("writes the truth of live2_full as hour files when it is stopped", async () => {
    await using server = await flowServer();
    const stream = recordedStream("live2_full");
    const daemon = start(server.path, temporaryRoot(), clockAt(stream.start));
    const client = await server.next();
    await send(client, stream.bytes);
    client.end();
    await until(() => daemon.said.some((line) => line.includes("ended")), "the end of the stream");
    await daemon.stop();
    const found = totals(daemon.files, stream.start);
    expect(found.clients).toEqual(truth);
    expect(found.unattributed).toBe(275_228);
    expect(found.sums).toEqual({ protocol: 122_759_509, application: 122_759_509 });
    const text = daemon.files.readText(`${base}/2026/11/22/192.168.50.12/00.json`) ?? "";
    expect(Object.keys(JSON.parse(text))).toEqual(["total", "protocol", "application", "host"]);
    expect(JSON.parse(text).protocol["http/s"]).toBeGreaterThan(0);
    const status = readStatus(daemon.files, base);
    expect(status).toMatchObject({
      events: 1396,
      malformed: 0,
      bytes: 122_759_509,
      waiting: 275_228,
      connected: false,
    });
  });

  test("goes on where it was stopped: live2_reconnect_1, then _2 by another process over the same files", async () => {
    const root = temporaryRoot();
    const [first, second] = [recordedStream("live2_reconnect_1"), recordedStream("live2_reconnect_2")];
    const seen: number[] = [];
    let files = localFiles(root);
    for (const stream of [first, second]) {
      await using server = await flowServer();
      const daemon = start(server.path, root, clockAt(stream.start));
      files = daemon.files;
      const client = await server.next();
      await send(client, stream.bytes);
      client.end();
      await until(() => daemon.said.some((line) => line.includes("ended")), "the end of the stream");
      await daemon.stop();
      seen.push(Object.values(totals(files, stream.start).clients).reduce((a, b) => a + b, 0));
    }
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[1]).toBeGreaterThan(seen[0] ?? 0);
    const again = totals(files, second.start);
    expect(again.sums["protocol"]).toBe(seen[1]);
  });

  test("who looks at the current hour sees what came since the last dump, and with it what the disk had of the hour", async () => {
    const root = temporaryRoot();
    const now = Date.UTC(2026, 5, 10, 10, 20);
    const flow = (digest: string, total: number, at: number): string => {
      const common = { digest: digest.repeat(40), last_seen_at: at, first_seen_at: at };
      const identity = {
        local_ip: "192.168.1.5",
        detected_protocol_name: "DNS",
        detected_application_name: "netify.x",
      };
      const counters = { local_bytes: total, other_bytes: 0, total_bytes: total };
      const tell = (type: string, fields: object): string =>
        `${JSON.stringify({ type, interface: "br-lan", internal: true, flow: { ...common, ...fields } })}\n`;
      return tell("flow", identity) + tell("flow_purge", counters);
    };
    const seen: number[] = [];
    for (const [digest, total] of [
      ["a", 500],
      ["b", 70],
    ] as const) {
      await using server = await flowServer();
      const clock: Clock = { ...clockAt(now), sleep: (ms, signal) => localClock.sleep(ms / 20, signal) };
      const daemon = start(server.path, root, clock);
      const status = (): ReturnType<typeof readStatus> => readStatus(daemon.files, base);
      const store = new ReportStore({ files: daemon.files, base, now: () => clock.now() });
      const live = liveHourOf({ files: daemon.files, clock }, store, status);
      await send(await server.next(), flow(digest, total, clock.now() + 1));
      const sum = seen.reduce((a, b) => a + b, 0) + total;
      await until(() => live.look().summary.total === sum, `${sum} bytes in the live hour`);
      expect(live.look().summary.sections?.application).toEqual([
        { id: "netify.x", bytes: sum, download: 0, upload: sum },
      ]);
      // The hour files do not have the new bytes yet: the next dump is an hour away.
      expect(totals(daemon.files, now).clients).toEqual(seen.length === 0 ? {} : { "192.168.1.5": 500 });
      seen.push(total);
      await daemon.stop();
      // The next daemon starts without a checkpoint: the hour's earlier counters are in the hour files only.
      rmSync(join(root, base, ".checkpoint"));
    }
  });

  test("notes the devices of its clients at each dump; where they are not known, that is said once and the reports are whole", async () => {
    await using server = await flowServer();
    const stream = recordedStream("live2_full");
    let known: ReadonlyMap<string, string> | undefined = new Map([
      ["192.168.50.11", "4a:d3:49:8f:86:ca"],
      ["192.168.50.200", "56:70:92:68:27:90"],
    ]);
    const devices = async (): Promise<ReadonlyMap<string, string>> => {
      if (known === undefined) throw new Error("no such program: ip");
      return known;
    };
    const root = temporaryRoot();
    const day = dayOf(hourKeyAt(stream.start));
    const daemon = start(server.path, root, clockAt(stream.start), { dumpSeconds: 0.05 }, devices);
    await send(await server.next(), stream.bytes);
    const owner = (address: string): string | undefined =>
      new DeviceLog(daemon.files, base).of(day)(address, hourOf(hourKeyAt(stream.start)));
    await until(() => owner("192.168.50.11") !== undefined, "the client's device");
    // Not a client.
    expect(owner("192.168.50.200")).toBeUndefined();
    known = undefined;
    const warnings = (): string[] =>
      daemon.said.filter((text) => text.includes("is not recorded: no such program: ip"));
    await until(() => warnings().length > 0, "the warning");
    await until(
      () => totals(daemon.files, stream.start).clients["192.168.50.11"] === truth["192.168.50.11"],
      "all bytes",
    );
    await daemon.stop();
    expect(warnings()).toHaveLength(1);
    expect(totals(daemon.files, stream.start).clients).toEqual(truth);
  });

  test.each([
    ["on the LAN", true, { "2001:db8:0:1::5": 500 }, 70],
    ["on a WAN", false, {}, 570],
  ])(
    "public IPv6 addresses in the machine's own prefixes are clients: %s",
    async (_, internal, clients, unattributed) => {
      await using server = await flowServer();
      const now = Date.UTC(2026, 5, 10, 10, 20);
      const clock = clockAt(now);
      const own = async (): Promise<string[]> => [
        "192.168.1.1/24",
        "2001:db8:0:1::1/64",
        "2001:db8:9::1/128",
        "fe80::1/64",
      ];
      const daemon = start(server.path, temporaryRoot(), clock, {}, undefined, own);
      const tell = (type: string, digest: string, fields: object): string =>
        `${JSON.stringify({ type, interface: "eth0", internal, flow: { digest: digest.repeat(40), first_seen_at: clock.now() + 1, last_seen_at: clock.now() + 1, ...fields } })}\n`;
      const flow = (digest: string, local_ip: string, total: number): string =>
        tell("flow", digest, { local_ip, detected_protocol_name: "DNS", detected_application_name: "netify.x" }) +
        tell("flow_purge", digest, { local_bytes: total, other_bytes: 0, total_bytes: total });
      const client = await server.next();
      const roles = { type: "agent_status", interfaces: { eth0: { role: internal ? "LAN" : "WAN" } } };
      await send(
        client,
        `${JSON.stringify(roles)}\n${flow("a", "2001:db8:0:1::5", 500)}${flow("b", "2001:db8:0:2::5", 70)}`,
      );
      client.end();
      await until(() => daemon.said.some((text) => text.includes("The connection to")), "the end of the stream");
      await daemon.stop();
      expect(totals(daemon.files, now)).toMatchObject({ clients, unattributed });
    },
  );

  test("nobody looks: nothing is written for it", async () => {
    await using server = await flowServer();
    const root = temporaryRoot();
    const clock = fakeClock();
    const daemon = start(server.path, root, { ...localClock, sleep: (ms, signal) => clock.sleep(ms, signal) });
    await server.next();
    await clock.advance(60_000);
    expect(existsSync(join(root, "var/run"))).toBe(false);
    const stopped = daemon.stop();
    await clock.advance(60_000);
    await stopped;
  });

  test("waits for a socket that is not there, and for one that closes at once", async () => {
    const root = temporaryRoot();
    const daemon = start(join(root, "nobody.sock"), root, localClock);
    await until(() => daemon.said.some((line) => line.startsWith("warning: No connection to")), "the first attempt");
    await daemon.stop();
    await using server = await flowServer();
    const other = start(server.path, root, localClock);
    (await server.next()).destroy();
    const socket = await server.next();
    await send(socket, '{"length": 3}\n{}\nnot json\n');
    await until(() => other.said.some((line) => line.includes("1 lines of the flow stream")), "the malformed line");
    await other.stop();
    expect(server.accepted).toBe(2);
  });

  test("a socket that accepts and stays silent does not keep it from stopping", async () => {
    await using server = await flowServer();
    const daemon = start(server.path, temporaryRoot(), localClock);
    await server.next();
    await daemon.stop();
    expect(daemon.said.at(-1)).toBe("info: Stopped; everything is written.");
  });

  test("the files are for root and a group, in a folder that is closed to all others", async () => {
    await using server = await flowServer();
    const root = temporaryRoot();
    const daemon = start(server.path, root, localClock);
    await server.next();
    await daemon.stop();
    expect(statSync(join(root, base, ".checkpoint")).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, base, ".status.json")).mode & 0o777).toBe(0o640);
    expect(statSync(join(root, base)).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(root, base)).filter((name) => !name.startsWith("."))).toEqual([]);
  });
});
