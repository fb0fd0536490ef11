/**
 * A state that an administrator set on this node alone, with an optional end: maintenance, and a paused synchronisation. Each is one file in
 * /etc/ns-ha: on flash, so that it survives a reboot, kept by sysupgrade, and never synchronised (sync/path-rules.ts), so that it does not
 * reach the other node as a UCI option would.
 * Times are wall clock, so an end counts while the node is switched off too.
 */
import { readJson } from "@nethsec/host/files/read-json";
import type { Files } from "@nethsec/host/host";
import * as v from "valibot";

export const timedMarkSchema = v.object({
  /** Milliseconds since 1970. */
  since: v.number(),
  /** Milliseconds since 1970 of its end; absent: until it is ended by hand. */
  until: v.optional(v.number()),
});
export type TimedMark = v.InferOutput<typeof timedMarkSchema>;

/** maintenance: this node does not carry the site. sync-paused: the primary sends nothing. */
export type MarkName = "maintenance" | "sync-paused";

const pathOf = (name: MarkName): string => `/etc/ns-ha/${name}.json`;

/** undefined: not set. A file that cannot be understood counts as set, without an end: its existence is what the administrator asked for. */
export function readMark(files: Pick<Files, "readText" | "stat">, name: MarkName): TimedMark | undefined {
  const stat = files.stat(pathOf(name));
  if (stat === undefined) return undefined;
  return readJson(files, pathOf(name), timedMarkSchema) ?? { since: Math.round(stat.mtimeMs) };
}

/** Throws FileError when it cannot be kept. */
export function writeMark(files: Pick<Files, "write">, name: MarkName, mark: TimedMark): void {
  files.write(pathOf(name), `${JSON.stringify(mark)}\n`, { mode: 0o600 });
}

export function removeMark(files: Pick<Files, "remove">, name: MarkName): void {
  files.remove(pathOf(name));
}

/** `now`: wall clock, milliseconds. Pure. */
export const markIsOver = ({ until }: TimedMark, now: number): boolean => until !== undefined && until <= now;

/** "since 2026-11-28 04:30 UTC, until 2026-11-28 06:30 UTC". Pure. */
export function markText({ since, until }: TimedMark): string {
  const minute = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `since ${minute(since)}${until === undefined ? "" : `, until ${minute(until)}`}`;
}
