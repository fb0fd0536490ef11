/**
 * Reports for tests, benches and screenshots: an office with working hours from eight to six, reproducible by seed. Some names are hostile, as names
 * from a network can be.
 */
import type { Files } from "@nethsec/host/host";
import {
  cellOf,
  emptyClient,
  emptyHour,
  sectionNames,
  type ClientHour,
  type HourCounters,
  type KnownDirections,
  type SectionName,
} from "../src/store/hour-counters.ts";
import { hourKey, type Day } from "../src/store/hour-key.ts";
import { writeHour, writeUnattributed } from "../src/store/hour-store.ts";
import { writeIndex } from "../src/store/hour-tables.ts";

export const hostileNames = [
  `<script>alert(1)</script>.example`,
  `"><img src=x onerror=alert(1)>.example`,
  `=cmd|'/c calc'!a1`,
  `javascript:alert(1)`,
  `evil\u202egpj.exe.example`,
  `a-very-long-name-${"x".repeat(60)}.example`,
  `__proto__`,
] as const;

const applications = [
  "netify.google",
  "netify.youtube",
  "netify.microsoft",
  "netify.netflix",
  "netify.apple",
  "netify.whatsapp",
  "netify.zoom",
  "netify.dropbox",
  "netify.debian",
  "unknown",
  "netify.ntp",
  "netify.facebook",
];
const protocols = ["http/s", "quic", "http", "dns", "ntp", "ssh", "imap/s", "stun", "icmp", "smb"];
const hosts = [
  "www.google.com",
  "rr4---sn-hpa7kn76.googlevideo.com",
  "outlook.office365.com",
  "api.fast.com",
  "deb.debian.org",
  "web.whatsapp.com",
  "us04web.zoom.us",
  "client.dropbox.com",
  "pool.ntp.org",
  "github.com",
  "en.wikipedia.org",
  "cdn.example.net",
  "ocsp.digicert.com",
];

export interface SampleSize {
  readonly clients: number;
  readonly hours: number;
  /** Additional host names per client and hour. */
  readonly moreHosts?: number;
  readonly hostile?: boolean;
  /** Also writes indexes, in which the directions of all bytes are known, but for some of the first client's. */
  readonly directions?: boolean;
}

/** Writes one day; `seed` changes the numbers, not the pattern. Returns the sum of all totals, bytes. */
export function writeSampleDay(files: Files, base: string, day: Day, size: SampleSize, seed = 1): number {
  const next = numbers(seed * 1000 + day.day);
  let sum = 0;
  const hours = new Map<number, HourCounters>();
  for (let client = 0; client < size.clients; client++) {
    const address = client === 7 ? "fd00::a1b2:3c4d" : `192.168.${1 + Math.floor(client / 250)}.${1 + (client % 250)}`;
    for (let hour = 0; hour < size.hours; hour++) {
      const hourly = sampleHour(next, hour, client, size);
      if (hourly === undefined) continue;
      writeHour(files, base, hourKey(day, hour), address, hourly);
      sum += hourly.total;
      if (size.directions !== true) continue;
      const counters = hours.get(hour) ?? emptyHour();
      hours.set(hour, counters);
      counters.clients.set(address, hourly);
    }
  }
  const mask = [...hours.keys()].reduce((all, hour) => all | (1 << hour), 0);
  // Plus one millisecond: file times have a finer resolution than the clock.
  for (const [hour, counters] of hours)
    writeIndex(files, base, day, hour, counters, { asOf: Date.now() + 1, hours: mask });
  writeUnattributed(files, base, day, new Float64Array(24).fill(275_228, 9, 11));
  return sum;
}

function sampleHour(next: () => number, hour: number, client: number, size: SampleSize): ClientHour | undefined {
  const working = hour >= 8 && hour < 18 ? 1 : 0.06;
  const counters = emptyClient();
  const add = (section: SectionName, names: readonly string[], share: number, total: number): void => {
    let left = total;
    for (const [index, name] of names.entries()) {
      if (next() > share && index < names.length - 1) continue;
      const bytes = index === names.length - 1 ? left : Math.floor(left * next() * 0.6);
      if (bytes <= 0) continue;
      const cell = cellOf(counters[section], name);
      cell.bytes += bytes;
      left -= bytes;
    }
    if (left > 0) cellOf(counters[section], names.at(-1) ?? "other").bytes += left;
  };
  counters.total = Math.floor(next() ** 3 * working * 4e8 * (1 + 6 / (client + 1))) + 1000;
  const more = Array.from({ length: size.moreHosts ?? 0 }, () => `host-${Math.floor(next() * 5000)}.example.com`);
  add("protocol", protocols, 0.6, counters.total);
  add("application", applications, 0.6, counters.total);
  add("host", [...(size.hostile === true && client === 0 ? hostileNames : []), ...hosts, ...more], 0.7, counters.total);
  if (size.directions === true) addDirections(counters, client === 0 ? 0.95 : 1);
  return counters;
}

/** `known`: the share of the bytes whose direction is known. */
function addDirections(client: ClientHour, known: number): void {
  const split = (bytes: number): KnownDirections => {
    const upload = Math.floor(bytes / 8);
    return { upload, download: known === 1 ? bytes - upload : Math.floor((bytes - upload) * known) };
  };
  Object.assign(client, split(client.total));
  for (const section of sectionNames)
    for (const cell of client[section].values()) Object.assign(cell, split(cell.bytes));
}

/** A small generator (Lehmer's, modulus 2^31 - 1): numbers from 0 to 1, reproducible by seed. */
function numbers(seed: number): () => number {
  let state = (seed * 7919 + 12_345) % 2_147_483_647;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
