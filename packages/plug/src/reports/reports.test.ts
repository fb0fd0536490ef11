import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import fc from "fast-check";
import { collectLogEvents } from "./collect-log-events.ts";
import { readCursors, type Cursors } from "./cursors.ts";
import { dpiSteps, type DpiItem } from "./dpi-stats.ts";
import { batches } from "./ingest.ts";
import { readLogEvents } from "./log-events.ts";

test("batches keep everything, in order, below the limit", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 30 })), fc.integer({ min: 60, max: 200 }), (items, limit) => {
      const made = [...batches(items, limit)];
      const fitting = items.filter((item) => Buffer.byteLength(JSON.stringify(item)) + 1 <= limit);
      expect(made.flat()).toEqual(fitting);
      for (const batch of made) expect(Buffer.byteLength(JSON.stringify(batch))).toBeLessThanOrEqual(limit + 1);
    }),
  );
});

test("events of the log, with the year that the log does not tell", () => {
  const now = new Date(2026, 0, 1, 0, 30).getTime();
  const events = readLogEvents(
    [
      "Dec 31 23:59:58 fw kernel: [1.5] banIP/inp-wan/drop/nethesislvl3v4: IN=eth5 OUT= SRC=198.51.100.156 DST=203.0.113.82 LEN=44",
      "Jan  1 00:06:30 fw banIP-1.0.0-5[18692]: add IP '198.51.100.3' (expiry: -) to blocklistv4 set",
      "Jan  1 00:14:46 fw mwan3track[11191]: Interface wan2 (eth2) is offline",
      "Jan  1 00:14:47 fw something: banIP in passing",
      "no time mwan3track[1]: Interface wan2 (eth2) is online",
    ],
    now,
  );
  const at = (...parts: [number, number, number, number, number, number]): number =>
    new Date(...parts).getTime() / 1000;
  expect(events).toEqual({
    malware: [
      {
        timestamp: at(2025, 11, 31, 23, 59, 58),
        src: "198.51.100.156",
        dst: "203.0.113.82",
        category: "nethesislvl3v4",
        chain: "inp-wan",
      },
    ],
    attacks: [{ timestamp: at(2026, 0, 1, 0, 6, 30), ip: "198.51.100.3" }],
    wans: [{ timestamp: at(2026, 0, 1, 0, 14, 46), wan: "wan2", interface: "eth2", event: "offline" }],
  });
});

test("each line of the log is read once: while it is written, across rotations, over bytes that are no text", async () => {
  const chunk = fc.oneof(
    fc.constantFrom("half a line ", "\xff\xfe is no text ", "\n", "rotate", "collect", "reboot"),
    fc.nat(200).map((n) => `Jan  1 00:06:30 fw banIP-1[1]: add IP '10.0.0.${n}' (expiry: -) to blocklistv4 set\n`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 40 }), async (chunks) => {
      using host = fakeHost({ now: new Date(2026, 0, 1, 1).getTime() });
      const log = "/var/log/messages";
      const expected: string[] = [];
      let written = 0;
      let text = "";
      const begin = (): void => {
        text = `Jan  1 00:00:00 fw begin ${(written += 1)}\n`;
      };
      const save = (): void => host.files.write(log, Buffer.from(text, "latin1"));
      begin();
      for (const part of chunks) {
        if (part === "rotate" || part === "reboot") {
          // rsyslog rotates between lines.
          if (!text.endsWith("\n")) text += "\n";
          save();
          await collectLogEvents(host);
          if (part === "rotate") host.files.rename(log, "/var/log/messages.1");
          begin();
        } else if (part === "collect") {
          save();
          await collectLogEvents(host);
        } else {
          // In the middle of another line this text has no time and is no event.
          const address = text.endsWith("\n") ? /10[.\d]+/.exec(part)?.[0] : undefined;
          if (address !== undefined) expected.push(address);
          text += part;
        }
      }
      text += "\n";
      save();
      await collectLogEvents(host);
      const pending: unknown[] = readCursors(host).pending?.["dump-ts-attacks"] ?? [];
      expect(pending).toMatchObject(expected.map((ip) => ({ ip })));
      expect(pending).toHaveLength(expected.length);
    }),
    { numRuns: 60 },
  );
});

test("lines that came between the last look and a rotation are read from the older log", async () => {
  using host = fakeHost({ now: new Date(2026, 0, 1, 1).getTime() });
  const line = (n: number): string =>
    `Jan  1 00:06:30 fw banIP-1[1]: add IP '10.0.0.${n}' (expiry: -) to blocklistv4 set\n`;
  host.files.write("/var/log/messages", line(1) + line(2));
  await collectLogEvents(host);
  host.files.write("/var/log/messages.1", line(1) + line(2) + line(3));
  host.files.write("/var/log/messages", line(4));
  await collectLogEvents(host);
  await collectLogEvents(host);
  expect(readCursors(host).pending?.["dump-ts-attacks"]).toMatchObject(
    [1, 2, 3, 4].map((n) => ({ ip: `10.0.0.${n}` })),
  );
});

const base = "/var/run/dpireport";
const hourFile = (bytes: number): string =>
  JSON.stringify({
    total: bytes,
    protocol: { dns: bytes },
    application: { "netify.dns": bytes },
    host: { "a.example": bytes },
  });

test("a push that is cut anywhere and goes on from its cursor tells each finished hour of each client once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1")), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.array(fc.nat(4), { maxLength: 8 }),
      (hours, cuts) => {
        using host = fakeHost({ now: new Date(2026, 4, 5, 12, 30).getTime() });
        const two = (value: number): string => String(value).padStart(2, "0");
        const expected = new Set<string>();
        for (const [hour, client] of hours) {
          // Hours 6 to 12: the hour from 12 on is unfinished and sent with each push.
          host.files.write(`${base}/2026/05/05/${client}/${two(6 + hour)}.json`, hourFile(hour + 1));
          if (hour < 6) expected.add(`${new Date(2026, 4, 5, 6 + hour).getTime() / 1000} ${client}`);
        }
        const told: string[] = [];
        const running: string[] = [];
        let cursor: Cursors["dpi"];
        const push = (limit: number): void => {
          let steps = 0;
          for (const step of dpiSteps(host, base, cursor, (address) => address)) {
            const list = step.cursor === undefined ? running : told;
            for (const item of step.items) if (item.protocol !== undefined) list.push(keyOf(item));
            cursor = step.cursor ?? cursor;
            steps += 1;
            if (steps > limit) return;
          }
        };
        for (const cut of cuts) push(cut);
        push(1000);
        running.length = 0;
        push(1000);
        expect(told.toSorted()).toEqual([...expected].toSorted());
        const now = new Set(
          hours
            .filter(([hour]) => hour === 6)
            .map(([, client]) => `${new Date(2026, 4, 5, 12).getTime() / 1000} ${client}`),
        );
        expect(running.toSorted()).toEqual([...now].toSorted());
      },
    ),
    { numRuns: 40 },
  );
});

const keyOf = (item: DpiItem): string => `${item.timestamp} ${item.client_address}`;
