/** For any bytes, the fast scanner must return the same result as `parseEvent`. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import fc from "fast-check";
import { recordedStream } from "../../test/recorded-stream.ts";
import { EventScanner } from "./event-scanner.ts";
import { emptyEvent, type FlowEvent } from "./flow-event.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { learnShape } from "./message-shape.ts";
import { parseEvent, type Message } from "./parse-event.ts";
import { ShapeTree } from "./shape-tree.ts";

setDefaultTimeout(paced(60_000));

const recorded = ["live2_full", "messaging", "quic", "dns", "mail", "tunnels", "wan_game", "ipv6_http"].flatMap(
  (name) =>
    new TextDecoder()
      .decode(recordedStream(name).bytes)
      .split("\n")
      .filter((line) => line.startsWith("{") && line.includes('"digest"')),
);

const leftovers = ["", '"', "}", "0", "123", "e1", "true", "ue", 'e"}', "u0041", '":"', "\\"];

class Both {
  readonly #numbers = new InterfaceNumbers();
  readonly #fastEvent = emptyEvent();
  #lines = 0;
  readonly #scanner = new EventScanner(this.#fastEvent, this.#numbers.of);

  /** The results of the fast scanner and of `parseEvent`, in comparable form. */
  read(line: Uint8Array): { fast: unknown; plain: unknown } {
    // Puts leftovers around the line, as in a reused buffer: the scanner must not read them.
    const around = bytesOf(leftovers[this.#lines++ % leftovers.length] ?? "");
    const buffer = Buffer.concat([around, line, around]);
    const fast = this.#scanner.scan(buffer, around.length, around.length + line.length);
    const event = emptyEvent();
    const plain = parseEvent(new TextDecoder().decode(line), event, this.#numbers.of);
    return { fast: answer(fast, this.#fastEvent), plain: answer(plain, event) };
  }
}

function answer(message: Message, event: FlowEvent): unknown {
  return message === "flow"
    ? { ...event, digest: [...event.digest], others: [...event.others.subarray(0, 5 * event.othersCount)] }
    : message;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("EventScanner", () => {
  test("agrees on every recorded line, and the second time without JSON.parse", () => {
    const both = new Both();
    for (const line of [...recorded, ...recorded]) {
      const { fast, plain } = both.read(bytesOf(line));
      expect(fast).toEqual(plain);
    }
    const shapes = recorded.filter((line) => learnShape(bytesOf(line)) !== undefined);
    expect(shapes.length / recorded.length).toBeGreaterThan(0.9);
  });

  test("agrees on recorded lines with bytes changed, inserted, removed", () => {
    const both = new Both();
    for (const line of recorded) both.read(bytesOf(line));
    const change = fc.record({
      line: fc.constantFrom(...recorded),
      edits: fc.array(
        fc.record({
          at: fc.double({ min: 0, max: 1, noNaN: true }),
          remove: fc.nat(3),
          insert: fc.uint8Array({ maxLength: 3 }),
          ascii: fc.stringMatching(/^["\\{}[\]:,0-9a-z.eE+-]{0,3}$/),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(change, ({ line, edits }) => {
        let bytes = [...bytesOf(line)];
        for (const { at, remove, insert, ascii } of edits) {
          const index = Math.floor(at * bytes.length);
          bytes = [...bytes.slice(0, index), ...insert, ...bytesOf(ascii), ...bytes.slice(index + remove)];
        }
        const { fast, plain } = both.read(Uint8Array.from(bytes.filter((byte) => byte !== 10)));
        expect(fast).toEqual(plain);
      }),
      { numRuns: 1000 },
    );
  });

  const scalar = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom("0123456789abcdef0123456789abcdef01234567", "x", 1e20, -1, 1.5, 0),
  );
  const names = [
    "digest",
    "first_seen_at",
    "last_seen_at",
    "local_bytes",
    "other_bytes",
    "total_bytes",
    "local_ip",
    "detected_protocol_name",
    "detected_application_name",
    "host_server_name",
    "dns_host_name",
    "digest_prev",
    "flow",
    "type",
    "interface",
    "internal",
    "flow.digest",
    "a[]",
  ];
  const object = (depth: number): fc.Arbitrary<string> =>
    fc
      .array(
        fc.tuple(
          fc.constantFrom(...names),
          depth === 0
            ? scalar.map((value) => JSON.stringify(value))
            : fc.oneof(
                { weight: 4, arbitrary: scalar.map((value) => JSON.stringify(value)) },
                { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }).map((value) => JSON.stringify(value)) },
                { weight: 1, arbitrary: object(depth - 1) },
              ),
        ),
        { maxLength: 8 },
      )
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`);
  const flow = fc
    .tuple(
      fc.constantFrom(
        "0123456789abcdef0123456789abcdef01234567",
        "fedcba9876543210fedcba9876543210fedcba98",
        "odd digest",
        "0123456789abcdef",
        "0123456789abcdeF",
        "0123456789ABCDEF0123456789abcdef01234567",
      ),
      fc.record(
        {
          first_seen_at: scalar,
          last_seen_at: fc.nat(),
          local_bytes: fc.nat(),
          other_bytes: scalar,
          total_bytes: fc.nat(),
          local_ip: fc.oneof(fc.constant("10.0.0.1"), scalar),
          detected_protocol_name: scalar,
          host_server_name: fc.oneof(fc.string(), fc.constant("Example.ORG")),
          digest_prev: fc.array(
            fc.constantFrom(
              "0123456789abcdef0123456789abcdef01234567",
              "0123456789abcdef",
              "fedcba9876543210",
              "q",
              "",
              5,
            ),
            { maxLength: 20 },
          ),
        },
        { requiredKeys: [] },
      ),
      object(1),
      fc.integer({ min: 0, max: 5 }),
    )
    .map(([digest, fields, nested, shuffle]) => {
      const members = [
        `"digest":${JSON.stringify(digest)}`,
        ...Object.entries(fields).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`),
        `"ssl":${nested}`,
      ];
      return `{${[...members.slice(shuffle), ...members.slice(0, shuffle)].join(",")}}`;
    });
  const event = fc
    .tuple(
      fc.constantFrom("flow", "flow_stats", "flow_status", "flow_purge", "flow_dpi_complete", "agent_status", "new"),
      flow,
      fc.boolean(),
      fc.constantFrom("br-lan", "eth0"),
      fc.oneof(fc.constant(""), object(0)),
      fc.nat(4),
      fc.constantFrom("", " "),
    )
    .map(([type, flow, internal, name, extra, rotate, blank]) => {
      const members = [
        `"type":${blank}"${type}"`,
        `"flow":${flow}`,
        `"internal":${internal}`,
        `"interface":"${name}"`,
        ...(extra === "" ? [] : [`"x":${extra}`]),
      ];
      return `{${[...members.slice(rotate), ...members.slice(0, rotate)].join(",")}}`;
    });

  test("agrees whichever byte is replaced, removed or doubled by whichever sign", () => {
    const signs = Buffer.from(`"\\},.-0aAgo/\u0001\u007f`);
    const inserted = Buffer.from(`"\\0`);
    for (const type of ["flow", "flow_stats"]) {
      const both = new Both();
      const line = bytesOf(recorded.find((text) => text.includes(`"type":"${type}"`)) ?? "");
      both.read(line);
      for (let at = 0; at < line.length; at++) {
        const before = line.subarray(0, at);
        const changed = [Buffer.concat([before, line.subarray(at + 1)])];
        for (const sign of signs) changed.push(Buffer.concat([before, Uint8Array.of(sign), line.subarray(at + 1)]));
        for (const sign of inserted) changed.push(Buffer.concat([before, Uint8Array.of(sign), line.subarray(at)]));
        for (const bytes of changed) {
          const { fast, plain } = both.read(bytes);
          if (!Bun.deepEquals(fast, plain)) expect([bytes.toString(), fast]).toEqual(["", plain]);
        }
      }
    }
  });

  test("shapes without end fill a bounded room; what finds none is read the plain way", () => {
    const tree = new ShapeTree();
    const both = new Both();
    let learned = 0;
    for (let index = 0; index < 3000; index++) {
      const key = `${"k".repeat(index % 60)}${index}`;
      // Three variants at each of several places: more variants at one place would not be learned anyway.
      const bits = Array.from({ length: 8 }, (_, bit) => `"b${bit}_${Math.floor(index / 3 ** bit) % 3}":1`).join(",");
      const line = bytesOf(
        `{"type":"flow","flow":{"digest":"${"a".repeat(40)}","local_ip":"10.0.0.1",${bits},"${key}":${index}},"interface":"br-lan","internal":true}`,
      );
      if (tree.add(learnShape(line) ?? [], 1)) learned++;
      if (index % 500 < 2) expect(both.read(line).fast).toEqual(both.read(line).plain);
    }
    expect(learned).toBeGreaterThan(100);
    expect(learned).toBeLessThan(2900);
    expect(tree.numbers.byteLength).toBeGreaterThan(64 * 1024);
    expect(tree.numbers.byteLength).toBeLessThan(512 * 1024);
  });

  test("agrees on any order of keys, nested objects with the same names, odd types, keys that come twice", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 5, arbitrary: event }, { weight: 1, arbitrary: object(2) }), {
          minLength: 1,
          maxLength: 12,
        }),
        (lines) => {
          const both = new Both();
          for (const line of [...lines, ...lines]) {
            const { fast, plain } = both.read(bytesOf(line));
            expect(fast).toEqual(plain);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
