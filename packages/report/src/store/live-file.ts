/**
 * The hour being counted, at most a few seconds old: while a page or command asks for it (`askForLive`), the daemon writes its counters to
 * `/var/run/ns-report/live.index` every two seconds, independent of the dumps. Both files are in memory and may be deleted at any time. Invariants:
 * the file holds the complete counters of one moment; a reader accepts it only from the daemon whose reports it reads.
 */
import type { Files } from "@nethsec/host/host";
import { BrokenBytes, ByteReader, ByteWriter } from "./byte-writer.ts";
import { dayBuilder } from "./day-builder.ts";
import type { DayCounters } from "./day-counters.ts";
import type { HourCounters } from "./hour-counters.ts";
import { reportMode } from "./report-access.ts";
import type { OwnerOf } from "./device-log.ts";
import { decodeHour, encodeHour, indexHeader } from "./hour-index.ts";
import { dayOf, hourOf, type HourKey } from "./hour-key.ts";

export const liveEveryMs = 2000;
const livePath = "/var/run/ns-report/live.index";
const askPath = "/var/run/ns-report/live.asked";
/** A request expires after this; a viewer repeats it every two seconds. */
const askedMs = 10_000;
/** An hour larger than this is not written here; viewers show its last dump. */
const maxBytes = 4 * 1024 * 1024;
/** "NSL1". */
const magic = 0x314c_534e;

/** Requests the live hour. `now`: wall clock, milliseconds. Without write permission nothing happens, and the caller sees each dump instead. */
export function askForLive(files: Files, now: number): void {
  try {
    files.write(askPath, `${now}\n`);
  } catch {
    // Not root.
  }
}

/** Whether the live hour was requested recently. */
export function isLiveAsked(files: Files, now: number): boolean {
  const asked = Number(files.readText(askPath) ?? Number.NaN);
  return Math.abs(now - asked) < askedMs;
}

export interface LiveHeader {
  /** Process id of the daemon. */
  readonly pid: number;
  readonly hour: HourKey;
  /** Wall clock, milliseconds: the moment of the counters. */
  readonly asOf: number;
  /** Bytes of the hour that belong to no client, including those that wait for an identity. */
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

/** The live hour last written; undefined when there is none that this version understands. */
export function readLive(
  files: Files,
): (LiveHeader & { readonly counters: (owner?: OwnerOf) => DayCounters | undefined }) | undefined {
  try {
    const bytes = files.readBytes(livePath);
    const input = new ByteReader(bytes ?? new Uint8Array());
    if (input.word() !== magic) return undefined;
    const header = { pid: input.number(), hour: input.number(), asOf: input.double(), unattributed: input.number() };
    const index = input.block();
    return { ...header, counters: (owner) => dayOfHour(header, index, owner) };
  } catch (error) {
    if (error instanceof BrokenBytes) return undefined;
    throw error;
  }
}

/** A day with only this hour. */
function dayOfHour({ hour, unattributed }: LiveHeader, index: Uint8Array, owner?: OwnerOf): DayCounters | undefined {
  const columns = indexHeader(index) === undefined ? undefined : decodeHour(index);
  if (columns === undefined) return undefined;
  const builder = dayBuilder(dayOf(hour), owner);
  builder.clients(columns.clients);
  builder.unattributed(new Float64Array(24).fill(unattributed, hourOf(hour), hourOf(hour) + 1));
  builder.hour(hourOf(hour), columns);
  return builder.finish();
}
