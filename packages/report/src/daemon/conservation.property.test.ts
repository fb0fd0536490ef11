/**
 * Conservation: for any stream, the hour files plus the unattributed figure equal exactly what the stream reported.
 * The events of a random set of flows, as netifyd sends them, are repeated, reordered and cut, with the daemon stopped, started and crashed in
 * between; an oracle that knows the flow of each event adds up the growth of the totals.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import fc from "fast-check";
import { localClock } from "@nethsec/host/local/local-clock";
import { localFiles } from "@nethsec/host/files/local-files";
import { sectionNames } from "../store/hour-counters.ts";
import { hourKey, hourKeyAt } from "../store/hour-key.ts";
import { listDays } from "../store/hour-store.ts";
import { eachRow } from "../store/day-counters.ts";
import { readDay } from "../store/read-day.ts";
import { Accounting } from "./accounting.ts";
import { Dump } from "./dump.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { StreamReader } from "./stream-reader.ts";

setDefaultTimeout(paced(60_000));

const zone = process.env["TZ"];
beforeAll(() => {
  process.env["TZ"] = "Europe/Rome";
});
afterAll(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

const clients = ["192.168.1.10", "fd00::5", "10.9.8.7", "8.8.8.8", "0.0.0.0"];
/** Around the end and the beginning of daylight saving, midnight at the end of a year, and an ordinary evening. */
const moments = [
  Date.UTC(2026, 9, 25, 0, 10),
  Date.UTC(2026, 2, 29, 0, 20),
  Date.UTC(2026, 11, 31, 22, 30),
  Date.UTC(2026, 5, 10, 20, 0),
];

interface Told {
  readonly at: number;
  readonly instance: number;
  readonly type: "flow" | "flow_stats" | "flow_purge";
  readonly text: string;
  readonly total: number;
  /** Bytes since the agent's last event about the flow, as the agent reports them. */
  readonly increment: number;
  /** The part of `increment` that the client sent. */
  readonly upload: number;
  readonly app: string;
  readonly life: Life;
}

const life = fc.record({
  client: fc.nat(clients.length - 1),
  /** When the flow is announced: before its first counters, after them, or never. */
  announced: fc.constantFrom("before", "before", "after", "never"),
  host: fc.option(fc.constantFrom("example.org", "Example.ORG", "__proto__", "other"), { nil: undefined }),
  refined: fc.nat(5),
  ticks: fc.array(
    fc.record({
      gap: fc.nat(2_400_000),
      bytes: fc.nat(2_000_000),
      lost: fc.boolean(),
      upload: fc.integer({ min: 0, max: 10 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  purge: fc.boolean(),
});
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;
const world = fc.record({
  start: fc.constantFrom(...moments),
  /** Per digest: consecutive flows that share it. */
  flows: fc.array(fc.array(life, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
  repeats: fc.array(fc.nat(1000), { maxLength: 6 }),
  swaps: fc.array(fc.nat(1000), { maxLength: 6 }),
  interruptions: fc.array(fc.record({ at: fc.nat(1000), kind: fc.constantFrom("stop", "dump", "crash") }), {
    maxLength: 5,
  }),
  cut: fc.integer({ min: 1, max: 700 }),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** The agent's events in order of time. */
function tell({ start, flows, interruptions }: World): Told[] {
  const crash = interruptions.some(({ kind }) => kind === "crash");
  const told: Told[] = [];
  let instance = 0;
  for (const [number, lives] of flows.entries()) {
    let at = start + number;
    for (const [turn, one] of lives.entries()) {
      // The agent reuses a digest only after its flow was purged.
      if (turn > 0 && lives[turn - 1]?.purge === false) break;
      instance++;
      // Bytes that appear only in a total count as new only if the flow's start is known. A crash may lose that announcement, and netifyd does not repeat it
      // once another flow has the digest.
      const forgotten = crash && one.announced === "after";
      const whole = forgotten ? { ...one, ticks: one.ticks.map((tick) => ({ ...tick, lost: false })) } : one;
      at = tellFlow(
        told, // When the predecessor's end may be lost, the next flow of its digest must be announced first.
        turn > 0 && (one.announced === "never" || crash) ? { ...whole, announced: "before" } : whole,
        {
          digest: number.toString(16).padStart(40, "0"),
          instance,
          at: at + 5000,
        },
      );
    }
  }
  return told.sort((a, b) => a.at - b.at);
}

function tellFlow(
  told: Told[],
  one: Life,
  { digest, instance, at: begin }: { digest: string; instance: number; at: number },
): number {
  const event = (
    type: Told["type"],
    at: number,
    total: number,
    increment: number,
    upload: number,
    fields: object,
    app: string,
  ): void => {
    told.push({
      at,
      instance,
      type,
      total,
      increment,
      upload,
      app,
      life: one,
      text: JSON.stringify({ type, interface: "br-lan", internal: true, flow: { digest, ...fields } }),
    });
  };
  const announce = (at: number, app: string): void =>
    event(
      "flow",
      at,
      0,
      0,
      0,
      {
        first_seen_at: begin,
        last_seen_at: at,
        local_ip: clients[one.client],
        detected_protocol_name: "HTTP/S",
        detected_application_name: app,
        ...(one.host === undefined ? {} : { host_server_name: one.host }),
      },
      app.toLowerCase(),
    );
  if (one.announced === "before") announce(begin, "Unknown");
  let at = begin;
  let total = 0;
  let seen = begin;
  for (const [index, { gap, bytes, lost, upload: tenths }] of one.ticks.entries()) {
    at += 1 + (index === 0 ? gap % 10_000 : gap);
    total += bytes;
    seen = at;
    // An increment is dropped only for flows whose start is announced; otherwise these bytes could not be known at all.
    const increment = lost && one.announced !== "never" ? Math.floor(bytes / 3) : bytes;
    const upload = Math.floor((increment * tenths) / 10);
    event(
      "flow_stats",
      at,
      total,
      increment,
      upload,
      { last_seen_at: seen, local_bytes: upload, other_bytes: increment - upload, total_bytes: total },
      "",
    );
    if (index === 0 && one.announced === "after") announce(at + 3, "Unknown");
    if (one.refined === index && one.announced !== "never") announce(at + 5, "netify.Late");
  }
  if (!one.purge) return at;
  at += 30_000;
  event("flow_purge", at, total, 0, 0, { last_seen_at: seen, local_bytes: 0, other_bytes: 0, total_bytes: total }, "");
  return at;
}

/** Bytes, and how many of them are known to be download and upload. */
type Amounts = readonly [bytes: number, download: number, upload: number];

/**
 * Expected result: the growth of each flow's total, by hour and application, with the flow of each event known. The directions of growth are those of the
 * event's increment; what grew in events that were missed has none.
 */
class Oracle {
  #state = {
    max: new Map<number, number>(),
    app: new Map<number, string>(),
    bytes: new Map<string, Amounts>(),
    waiting: new Map<number, [number, Amounts][]>(),
  };
  #saved = structuredClone(this.#state);
  readonly #lives = new Map<number, Life>();

  dumped(): void {
    this.#saved = structuredClone(this.#state);
  }

  crashed(): void {
    this.#state = structuredClone(this.#saved);
  }

  see({ instance, type, total, increment, upload, app, life: one, at }: Told): void {
    const state = this.#state;
    this.#lives.set(instance, one);
    if (type === "flow") {
      state.app.set(instance, app);
      for (const [hour, amounts] of state.waiting.get(instance) ?? []) this.#add(instance, hour, amounts);
      state.waiting.delete(instance);
      return;
    }
    // After a crash nothing records how much of a never-announced flow had been counted: take only the increment.
    const before = state.max.get(instance) ?? (one.announced === "never" ? total - increment : 0);
    const growth = total - before;
    if (!state.max.has(instance)) state.max.set(instance, total);
    if (growth <= 0) return;
    state.max.set(instance, total);
    const amounts: Amounts = increment <= growth ? [growth, increment - upload, upload] : [growth, 0, 0];
    if (state.app.has(instance)) this.#add(instance, hourKeyAt(at), amounts);
    else state.waiting.set(instance, [...(state.waiting.get(instance) ?? []), [hourKeyAt(at), amounts]]);
  }

  /**
   * "hour client section name" → bytes, for the sections and for "total", each also followed by "download" and by "upload"; unattributed as
   * "hour unattributed".
   */
  expected(): Map<string, number> {
    const sums = new Map<string, number>();
    const addOne = (key: string, bytes: number): void =>
      void (bytes > 0 && sums.set(key, (sums.get(key) ?? 0) + bytes));
    const add = (key: string, [bytes, download, upload]: Amounts): void => {
      addOne(key, bytes);
      addOne(`${key} download`, download);
      addOne(`${key} upload`, upload);
    };
    for (const [key, amounts] of this.#state.bytes) {
      const [hour, instance, app] = key.split(" ");
      const { client, host } = this.#life(Number(instance));
      const address = clients[client] ?? "";
      if (client >= 3) {
        addOne(`${hour} unattributed`, amounts[0]);
        continue;
      }
      add(`${hour} ${address} total`, amounts);
      add(`${hour} ${address} protocol http/s`, amounts);
      add(`${hour} ${address} application ${app}`, amounts);
      if (host !== undefined) add(`${hour} ${address} host ${host.toLowerCase()}`, amounts);
    }
    for (const pairs of this.#state.waiting.values())
      for (const [hour, [bytes]] of pairs) addOne(`${hour} unattributed`, bytes);
    return sums;
  }

  #life(instance: number): Life {
    const life = this.#lives.get(instance);
    if (life === undefined) throw new Error(`no flow ${instance}`);
    return life;
  }

  #add(instance: number, hour: number, [bytes, download, upload]: Amounts): void {
    const key = `${hour} ${instance} ${this.#state.app.get(instance)}`;
    const [before, down, up] = this.#state.bytes.get(key) ?? [0, 0, 0];
    this.#state.bytes.set(key, [before + bytes, down + download, up + upload]);
  }
}

/** One process of the daemon over `root`, driven by the test. */
class Process {
  readonly #ledger = new Ledger();
  readonly #accounting: Accounting;
  readonly #reader: StreamReader;
  readonly #dump: Dump;
  #now: number;
  readonly #start: number;

  constructor(root: string, start: number, began: number) {
    this.#now = start;
    this.#start = began;
    this.#accounting = new Accounting(this.#ledger, start);
    const interfaces = new InterfaceNumbers();
    this.#reader = new StreamReader(this.#accounting, interfaces.of);
    const clock = { ...localClock, now: () => this.#now };
    this.#dump = new Dump({
      files: localFiles(root),
      base: "/r",
      clock,
      ledger: this.#ledger,
      accounting: this.#accounting,
      interfaces,
      dayBytes: () => Number.POSITIVE_INFINITY,
      staleSeconds: 3600,
      warn: (text) => expect(text).toBe(""),
    });
    this.#accounting.setTime(start, start - began);
    this.#dump.restore();
  }

  tell(event: Told, cut: number): void {
    this.#now = event.at;
    this.#accounting.setTime(event.at, event.at - this.#start);
    const line = `${event.text}\n`;
    const bytes = new TextEncoder().encode(`{"length": ${line.length}}\n${line}`);
    for (let at = 0; at < bytes.length; at += cut) this.#reader.push(bytes.subarray(at, at + cut));
  }

  write(): Promise<void> {
    return this.#dump.write(false);
  }
}

function found(root: string): Map<string, number> {
  const sums = new Map<string, number>();
  const files = localFiles(root);
  const add = (key: string, bytes: number): void => void (bytes > 0 && sums.set(key, (sums.get(key) ?? 0) + bytes));
  for (const day of listDays(files, "/r")) {
    const counters = readDay(files, "/r", day);
    for (const [hour, bytes] of counters.unattributed.entries()) add(`${hourKey(day, hour)} unattributed`, bytes);
    for (const [index, client] of counters.clients.entries()) {
      for (let hour = 0; hour < 24; hour++) {
        const key = `${hourKey(day, hour)} ${client} total`;
        add(key, counters.totals[index * 24 + hour] ?? 0);
        add(`${key} download`, counters.download[index * 24 + hour] ?? 0);
        add(`${key} upload`, counters.upload[index * 24 + hour] ?? 0);
      }
    }
    for (const section of sectionNames) {
      const columns = counters.sections[section];
      for (const { client, hour, name, bytes, download, upload } of eachRow(columns)) {
        const key = `${hourKey(day, hour)} ${counters.clients[client]} ${section} ${columns.names[name]}`;
        add(key, bytes);
        add(`${key} download`, download);
        add(`${key} upload`, upload);
      }
    }
  }
  return sums;
}

/** Repeats events and swaps neighbouring events of different flows. */
function disturb(told: Told[], { repeats, swaps }: World): Told[] {
  const events = [...told];
  for (const place of repeats) {
    const index = place % events.length;
    const event = events[index];
    if (event !== undefined) events.splice(index + 1, 0, event);
  }
  for (const place of swaps) {
    const index = place % events.length;
    const [a, b] = [events[index], events[index + 1]];
    if (a === undefined || b === undefined || digestOf(a) === digestOf(b)) continue;
    [events[index], events[index + 1]] = [
      { ...b, at: a.at },
      { ...a, at: b.at },
    ];
  }
  return events;
}

function digestOf({ text }: Told): string {
  return /"digest":"(\w+)"/.exec(text)?.[1] ?? "";
}

async function run(world: World, root: string): Promise<{ found: Map<string, number>; expected: Map<string, number> }> {
  const events = disturb(tell(world), world);
  const oracle = new Oracle();
  const interruptions = new Map(world.interruptions.map(({ at, kind }) => [at % events.length, kind]));
  let daemon = new Process(root, world.start, world.start);
  await daemon.write();
  const latest = new Map<string, Told>();
  for (const [index, event] of events.entries()) {
    daemon.tell(event, world.cut);
    oracle.see(event);
    if (event.type === "flow") latest.set(digestOf(event), event);
    const kind = interruptions.get(index);
    if (kind === undefined) continue;
    if (kind !== "crash") {
      await daemon.write();
      oracle.dumped();
    }
    if (kind === "dump") continue;
    if (kind === "crash") oracle.crashed();
    daemon = new Process(root, event.at, world.start);
    // A crash loses the announcements since the last dump; the test's agent repeats every identity.
    for (const known of kind === "crash" ? latest.values() : []) {
      const again = { ...known, at: event.at };
      daemon.tell(again, world.cut);
      oracle.see(again);
    }
  }
  await daemon.write();
  return { found: found(root), expected: oracle.expected() };
}

describe("conservation", () => {
  test("hour files and unattributed bytes are what the stream reported", async () => {
    const folder = mkdtempSync(join("/dev/shm", "conservation-"));
    let number = 0;
    try {
      await fc.assert(
        fc.asyncProperty(world, async (one) => {
          const root = join(folder, String(number++));
          localFiles(folder).mkdir(`/${number - 1}`);
          const result = await run(one, root);
          rmSync(root, { recursive: true });
          expect(Object.fromEntries(result.found)).toEqual(Object.fromEntries(result.expected));
        }),
        { numRuns: Number(process.env["CONSERVATION_RUNS"] ?? 200) },
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
