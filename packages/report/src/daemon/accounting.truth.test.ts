/** The accounting core compared, to the byte, with a packet capture taken beside the recording. */
import { describe, expect, test } from "bun:test";
import { groundTruth, messages, recordedStream, type RecordedStream } from "../../test/recorded-stream.ts";
import { Accounting } from "./accounting.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { StreamReader } from "./stream-reader.ts";

interface Core {
  readonly ledger: Ledger;
  readonly accounting: Accounting;
  readonly interfaces: InterfaceNumbers;
  readonly reader: StreamReader;
}

function core(start: number): Core {
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, start);
  const interfaces = new InterfaceNumbers();
  return { ledger, accounting, interfaces, reader: new StreamReader(accounting, interfaces.of) };
}

function replay(into: { accounting: Accounting; reader: StreamReader }, stream: RecordedStream): void {
  for (const { at, bytes } of stream.reads) {
    into.accounting.setTime(at, at - stream.start);
    into.reader.push(bytes);
  }
  into.reader.end();
}

function clientTotals(ledger: Ledger): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { counters } of ledger.hours.values())
    for (const [client, { total }] of counters.clients) totals[client] = (totals[client] ?? 0) + total;
  return totals;
}

function waiting(accounting: Accounting): number {
  return [...accounting.waitingByHour().values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Download and upload by client, as far as they are known. */
function clientDirections(ledger: Ledger): Record<string, readonly [download: number, upload: number]> {
  const found: Record<string, readonly [number, number]> = {};
  for (const { counters } of ledger.hours.values()) {
    for (const [client, { download, upload }] of counters.clients) {
      const [down, up] = found[client] ?? [0, 0];
      found[client] = [down + download, up + upload];
    }
  }
  return found;
}

/** Captured bytes by client: a flow belongs to the local address that the engine reported; flows that it never reported are left out. */
function truthByClient(stream: RecordedStream): {
  readonly totals: Record<string, number>;
  readonly upload: Record<string, number>;
} {
  const truth = groundTruth();
  const totals: Record<string, number> = {};
  const upload: Record<string, number> = {};
  const taken = new Set<string>();
  for (const { type, internal, flow } of messages(stream)) {
    if (type !== "flow" || internal !== true) continue;
    const f = flow as Record<string, unknown>;
    const key = [
      f["ip_protocol"],
      ...[
        `${String(f["local_ip"])}:${String(f["local_port"])}`,
        `${String(f["other_ip"])}:${String(f["other_port"])}`,
      ].sort(),
    ].join(" ");
    if (taken.has(key)) continue;
    taken.add(key);
    const client = String(f["local_ip"]);
    const captured = truth.get(key);
    totals[client] = (totals[client] ?? 0) + (captured?.bytes ?? Number.NaN);
    const end = `${client}:${String(f["local_port"])}`;
    upload[client] = (upload[client] ?? 0) + (captured?.sent.get(end) ?? Number.NaN);
  }
  return { totals, upload };
}

describe("against the packet capture", () => {
  for (const [name, unattributed] of [
    ["live2_full", 275_228],
    ["live2_default_conf", 0],
  ] as const) {
    test(name, () => {
      const stream = recordedStream(name);
      const run = core(stream.start);
      replay(run, stream);
      expect(clientTotals(run.ledger)).toEqual(truthByClient(stream).totals);
      expect(Object.values(clientTotals(run.ledger)).reduce((a, b) => a + b)).toBe(122_759_509);
      expect(waiting(run.accounting) + run.ledger.unknownFlow + run.ledger.notAClient).toBe(unattributed);
      expect(run.reader.malformed).toBe(0);
    });
  }
});

test("download and upload are those of the capture but for 6,640 bytes of names asked from one port, of which the engine tells only the total", () => {
  const stream = recordedStream("live2_full");
  const { ledger, accounting, reader } = core(stream.start);
  replay({ accounting, reader }, stream);
  const { totals, upload } = truthByClient(stream);
  const unknown: Record<string, number> = {};
  for (const [client, [down, up]] of Object.entries(clientDirections(ledger))) {
    const total = totals[client] ?? 0;
    const rest = total - down - up;
    if (rest > 0) unknown[client] = rest;
    expect([client, up]).toEqual([client, Math.min(up, upload[client] ?? 0)]);
    expect([client, down]).toEqual([client, Math.min(down, total - (upload[client] ?? 0))]);
  }
  expect(unknown).toEqual({ "192.168.50.11": 6640 });
});

/** Only what netifyd says about flows whose other end is not in the internet. */
function withoutInternet(stream: RecordedStream): RecordedStream {
  const lines = new TextDecoder().decode(stream.bytes).split("\n");
  const remote = new Set(lines.filter((line) => line.includes('"other_type":"remote"')).map(digestOf));
  const bytes = new TextEncoder().encode(
    lines.filter((line) => digestOf(line) === "" || !remote.has(digestOf(line))).join("\n"),
  );
  return { ...stream, bytes, reads: [{ at: stream.start, bytes }] };
}

function digestOf(line: string): string {
  return /"digest":"([0-9a-f]{40})"/.exec(line)?.[1] ?? "";
}

test("traffic in the LAN and to multicast addresses is its sender's, under its protocol; that of a sender without an address is nobody's", () => {
  const stream = withoutInternet(recordedStream("messaging"));
  const run = core(stream.start);
  replay(run, stream);
  const found: Record<string, number> = {};
  for (const { counters } of run.ledger.hours.values())
    for (const [address, client] of counters.clients)
      for (const [name, { bytes }] of client.protocol) {
        const row = `${address} ${name}`;
        found[row] = (found[row] ?? 0) + bytes;
      }
  expect(found).toMatchObject({
    "192.168.1.75 mdns": 27_723,
    "192.168.1.53 ssdp": 1344,
    "192.168.1.254 igmp": 200,
    "192.168.1.103 dns": 4085,
    "192.168.1.100 netbios": 1579,
    "fe80::91f9:3df3:7436:6cd6 llmnr": 532,
  });
  // DHCP from 0.0.0.0, and ICMPv6 from ::, of computers that have no address yet.
  expect(run.ledger.notAClient).toBe(739 + 86);
});

/** The stream with a distinct client address for each flow, so that counters can be compared flow by flow. */
function oneClientPerFlow(stream: RecordedStream): RecordedStream {
  const text = new TextDecoder()
    .decode(stream.bytes)
    .replaceAll(
      /"digest":"([0-9a-f]{40})"(.*?)"local_ip":"[^"]*"/g,
      (_, digest: string, between: string) =>
        `"digest":"${digest}"${between}"local_ip":"fd${digest.slice(0, 2)}:${digest.slice(2, 6)}::${digest.slice(6, 10)}"`,
    );
  return {
    ...stream,
    bytes: new TextEncoder().encode(text),
    reads: [{ at: stream.start, bytes: new TextEncoder().encode(text) }],
  };
}

function announced(stream: RecordedStream): Set<string> {
  return new Set(
    messages(stream)
      .filter(({ type, internal }) => type === "flow" && internal === true)
      .map(({ flow }) => String((flow as Record<string, unknown>)["local_ip"])),
  );
}

describe("clients that were not there from the beginning agree with live2_full on the flows they were told about", () => {
  const whole = core(recordedStream("live2_full").start);
  replay(whole, oneClientPerFlow(recordedStream("live2_full")));
  const truth = clientTotals(whole.ledger);

  test("live2_midjoin: flows that began after it connected are whole; earlier ones never exceed the truth", () => {
    const stream = oneClientPerFlow(recordedStream("live2_midjoin"));
    const run = core(stream.start);
    replay(run, stream);
    const found = clientTotals(run.ledger);
    const began = new Map(
      messages(stream)
        .filter(({ type }) => type === "flow")
        .map(({ flow }) => {
          const f = flow as Record<string, unknown>;
          return [String(f["local_ip"]), Number(f["first_seen_at"])];
        }),
    );
    let whole = 0;
    for (const client of announced(stream)) {
      const had = found[client] ?? 0;
      if ((began.get(client) ?? 0) >= stream.start && had === truth[client]) whole++;
      expect(had).toBeLessThanOrEqual(truth[client] ?? 0);
    }
    const late = [...announced(stream)].filter((client) => (began.get(client) ?? 0) >= stream.start);
    // Ports are reused: an earlier flow with the same digest is in the capture, but it ended before this client connected.
    expect(late.length - whole).toBeLessThanOrEqual(10);
    expect(whole).toBeGreaterThan(70);
    expect(waiting(run.accounting) + run.ledger.unknownFlow).toBe(59_169_542);
  });

  test("live2_reconnect_1, then _2 with the checkpoint between them", () => {
    const [first, second] = [
      oneClientPerFlow(recordedStream("live2_reconnect_1")),
      oneClientPerFlow(recordedStream("live2_reconnect_2")),
    ];
    const before = core(first.start);
    replay(before, first);
    const { accounting, ledger, interfaces } = before;
    const checkpoint = decodeCheckpoint(encodeCheckpoint({ accounting, ledger, interfaces: interfaces.names }));
    if (checkpoint === undefined) throw new Error("the checkpoint does not decode");
    const after = core(second.start);
    checkpoint.restoreFlows(after.accounting, after.interfaces.of);
    for (const [key, counters] of checkpoint.hours) after.ledger.merge(key, counters);
    replay(after, second);
    const found = clientTotals(after.ledger);
    const differing = [...new Set([...announced(first), ...announced(second)])].filter(
      (client) => found[client] !== truth[client],
    );
    // Three digests had earlier flows whose end was not recorded; one flow began before the first connection and had 1,924 bytes by then.
    expect(
      Object.fromEntries(differing.map((client) => [client, (truth[client] ?? 0) - (found[client] ?? 0)])),
    ).toEqual({
      "fd94:8f60::4437": 1924,
      "fde0:0623::885e": 720 + 540,
      "fdf0:b579::b6b3": 280 + 70,
      "fd57:48bc::26b8": 70,
    });
  });
});
