/**
 * Rows that the controller refuses permanently (a wrong type, U+0000, out of range, too long) are set aside: logged once and counted. Otherwise one
 * such row would block all following rows for ever.
 */
import type { Host } from "@nethsec/host/host";
import { readCursors, writeCursors } from "./cursors.ts";

/** Number of refused rows remembered, so that they are neither sent nor counted again. */
const maxKnown = 200;
const maxShown = 300;
/** Members that may change between two versions of the same row. */
const counters: ReadonlySet<string> = new Set(["bytes", "bytes_received", "bytes_sent", "duration"]);

type Needs = Pick<Host, "files" | "log">;

/** Identifies a row: its dump and its members without the counters. */
function identity(dump: string, row: unknown): string {
  const fields = Object.entries(Object(row)).filter(([name]) => !counters.has(name));
  return `${dump} ${JSON.stringify(Object.fromEntries(fields))}`.slice(0, 4 * maxShown);
}

export function isSetAside(host: Pick<Host, "files">): (dump: string, row: unknown) => boolean {
  const known = new Set(readCursors(host).refused?.known);
  return (dump, row) => known.has(identity(dump, row));
}

export function setAside(host: Needs, dump: string, row: unknown, why: string): void {
  const cursors = readCursors(host);
  const { counts = {}, known = [] } = cursors.refused ?? {};
  const id = identity(dump, row);
  if (known.includes(id)) return;
  const shown = JSON.stringify(row);
  host.log(
    "warning",
    `${dump}: the controller will never take this row, so it was set aside (${why}): ${shown.length > maxShown ? `${shown.slice(0, maxShown)}… (${shown.length} characters)` : shown}`,
  );
  writeCursors(host, {
    ...cursors,
    refused: { counts: { ...counts, [dump]: (counts[dump] ?? 0) + 1 }, known: [...known, id].slice(-maxKnown) },
  });
}

/** Number of rows set aside so far, by dump. */
export const refusedRows = (host: Pick<Host, "files">): Readonly<Record<string, number>> =>
  readCursors(host).refused?.counts ?? {};
