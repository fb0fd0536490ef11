/**
 * The hour being counted, a few seconds old: while somebody looks (`ask`), the daemon writes its counters beside the dumps, to
 * `/var/run/ns-report/live.index` every two seconds; else nothing is written. Both files are in memory and may be deleted at any time.
 * Invariants: the file tells the counters of one moment, whole; a reader takes it only from the daemon whose reports it reads.
 */
import type { Files } from "@nethsec/host/host";
import { BrokenBytes, ByteReader, ByteWriter } from "./byte-writer.ts";
import { dayBuilder } from "./day-builder.ts";
import type { DayCounters } from "./day-counters.ts";
import type { HourCounters } from "./hour-counters.ts";
import { reportMode } from "./report-access.ts";
import { decodeHour, encodeHour, indexHeader } from "./hour-index.ts";
import { dayOf, hourOf, type HourKey } from "./hour-key.ts";

export const liveEveryMs = 2000;
const livePath = "/var/run/ns-report/live.index";
const askPath = "/var/run/ns-report/live.asked";
/** A question is forgotten after this: whoever looks asks every two seconds. */
const askedMs = 10_000;
/** A larger hour is shown as of its last dump. */
const maxBytes = 4 * 1024 * 1024;
/** "NSL1". */
const magic = 0x314c_534e;

/** Somebody looks. `now`: wall clock, milliseconds. Who may not write there sees each dump instead. */
export function askForLive(files: Files, now: number): void {
  try {
    files.write(askPath, `${now}\n`);
  } catch {
    // Not root.
  }
}

/** Whether somebody looked lately. */
export function isLiveAsked(files: Files, now: number): boolean {
  const asked = Number(files.readText(askPath) ?? Number.NaN);
  return Math.abs(now - asked) < askedMs;
}

export interface LiveHeader {
  /** Of the daemon. */
  readonly pid: number;
  readonly hour: HourKey;
  /** Wall clock, milliseconds: the moment that is told. */
  readonly asOf: number;
  /** Bytes of the hour that belong to no client, with those that still wait for an identity. */
  readonly unattributed: number;
}

export function writeLive(files: Files, header: LiveHeader, counters: HourCounters): void {
  const out = new ByteWriter();
  out.word(magic);
  out.number(header.pid);
  out.number(header.hour);
  out.double(header.asOf);
  out.number(header.unattributed);
  out.block(encodeHour(counters, { asOf: header.asOf, hours: 0 }));
  if (out.done().length <= maxBytes) files.write(livePath, out.done(), { mode: reportMode });
}

/** What the daemon wrote last; undefined when it wrote nothing that this version understands. */
export function readLive(
  files: Files,
): (LiveHeader & { readonly counters: () => DayCounters | undefined }) | undefined {
  try {
    const bytes = files.readBytes(livePath);
    const input = new ByteReader(bytes ?? new Uint8Array());
    if (input.word() !== magic) return undefined;
    const header = { pid: input.number(), hour: input.number(), asOf: input.double(), unattributed: input.number() };
    const index = input.block();
    return { ...header, counters: () => dayOfHour(header, index) };
  } catch (error) {
    if (error instanceof BrokenBytes) return undefined;
    throw error;
  }
}

/** A day that has this one hour. */
function dayOfHour({ hour, unattributed }: LiveHeader, index: Uint8Array): DayCounters | undefined {
  const columns = indexHeader(index) === undefined ? undefined : decodeHour(index);
  if (columns === undefined) return undefined;
  const builder = dayBuilder(dayOf(hour));
  builder.clients(columns.clients);
  builder.unattributed(new Float64Array(24).fill(unattributed, hourOf(hour), hourOf(hour) + 1));
  builder.hour(hourOf(hour), columns);
  return builder.finish();
}
