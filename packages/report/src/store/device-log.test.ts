/** Who had which address: what is noted is found again, whatever a power loss does to the file. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { DeviceLog } from "./device-log.ts";
import { dayOf, hourKey, hourOf } from "./hour-key.ts";

const base = "/var/run/dpireport";
const day = { year: 2026, month: 11, day: 22 };
const [anna, bert] = ["4a:d3:49:8f:86:ca", "56:70:92:68:27:90"];
const address = "192.168.1.7";

let host: FakeHost;
beforeEach(() => {
  host = fakeHost();
});
afterEach(() => host[Symbol.dispose]());

const log = (): DeviceLog => new DeviceLog(host.files, base);
const text = (): string => host.files.readText(`${base}/.devices/2026-11`) ?? "";

test("an address belongs to a device from the hour on in which that was noted, until another has it", () => {
  log().note(hourKey(day, 9), [[address, anna]]);
  log().note(hourKey(day, 11), [[address, bert]]);
  const owner = log().of(day);
  expect([8, 9, 10, 11, 23].map((hour) => owner(address, hour))).toEqual([undefined, anna, anna, bert, bert]);
  expect(log().of({ ...day, day: 21 })(address, 9)).toBeUndefined();
  expect(log().of({ ...day, day: 23 })(address, 0)).toBe(bert);
  expect(log().of({ ...day, month: 12, day: 1 })(address, 0)).toBeUndefined();
  expect(host.files.stat(`${base}/.devices/2026-11`)?.mode).toBe(0o640);
});

test("only changes are written", () => {
  const same = log();
  for (let hour = 9; hour < 20; hour++) {
    same.note(hourKey(day, hour), [[address, anna]]);
    log().note(hourKey(day, hour), [[address, anna]]);
  }
  expect(text()).toBe(`22 09 ${anna} ${address}\n`);
});

test("a reader sees what another process appends", () => {
  const reader = log();
  expect(reader.of(day)(address, 9)).toBeUndefined();
  log().note(hourKey(day, 9), [[address, anna]]);
  expect(reader.of(day)(address, 9)).toBe(anna);
});

test("lines that a power loss cut off or filled with NULs are skipped, and the next note is whole", () => {
  log().note(hourKey(day, 9), [[address, anna]]);
  for (const torn of ["22 10 56:70:92:68", "\0\0\0\0\0\0", "22 10 nonsense 192.168.1.7"]) {
    host.files.append(`${base}/.devices/2026-11`, torn);
    log().note(hourKey(day, 10), [["192.168.1.8", bert]]);
    const owner = log().of(day);
    expect([owner(address, 10), owner("192.168.1.8", 10)]).toEqual([anna, bert]);
  }
});

test("what is no address or no device is never written", () => {
  log().note(hourKey(day, 9), [
    ["../../etc/passwd", anna],
    [address, "no device"],
    [`${address}\n22 09 ${anna} 10.0.0.1`, anna],
  ]);
  expect(text()).toBe("");
});

test("a month has a bounded number of changes, and says when more are left out", () => {
  const many = log();
  const flapping = (from: number): boolean => {
    const owners = Array.from(
      { length: 20_000 },
      (_, at) => [`10.${from}.${Math.floor(at / 250)}.${1 + (at % 250)}`, anna] as const,
    );
    return many.note(hourKey(day, 9), owners);
  };
  expect([1, 2, 3, 4].map(flapping)).toEqual([true, true, true, false]);
  expect(text().trim().split(/\n+/)).toHaveLength(65_536);
});

test("a file that is larger than its bound grows no more", () => {
  const path = `${base}/.devices/2026-11`;
  host.files.write(path, "x".repeat(6_000_000));
  expect(log().note(hourKey(day, 9), [[address, anna]])).toBe(false);
  expect(host.files.stat(path)?.size).toBe(6_000_000);
  expect(log().of(day)(address, 9)).toBeUndefined();
});

test("any sequence of notes: each hour has the device noted last at or before it", () => {
  const notes = fc.array(
    fc.record({
      hour: fc.integer({ min: 0, max: 47 }),
      address: fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1"),
      device: fc.constantFrom(anna, bert, "00:11:22:33:44:55"),
    }),
  );
  fc.assert(
    fc.property(notes, (list) => {
      host.files.remove(`${base}/.devices`, { recursive: true });
      const writer = log();
      const expected = new Map<string, string>();
      for (const note of list.toSorted((a, b) => a.hour - b.hour)) {
        const key = hourKey({ ...day, day: 20 + Math.floor(note.hour / 24) }, note.hour % 24);
        writer.note(key, [[note.address, note.device]]);
        for (let hour = note.hour; hour < 48; hour++) expected.set(`${hour} ${note.address}`, note.device);
      }
      const reader = log();
      for (let hour = 0; hour < 48; hour++) {
        const key = hourKey({ ...day, day: 20 + Math.floor(hour / 24) }, hour % 24);
        for (const one of ["10.0.0.1", "10.0.0.2", "fd00::1"])
          expect(reader.of(dayOf(key))(one, hourOf(key))).toBe(expected.get(`${hour} ${one}`));
      }
    }),
  );
});
