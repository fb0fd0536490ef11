/** How far the controller has been told, so that each event is delivered once: one small file, written after each delivery that moved on. */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

const path = "/etc/ns-plug/reports.json";

const schema = v.object({
  /** The log: the file that begins with the line `head`, and how many of its bytes were read. */
  log: v.optional(v.object({ head: v.string(), offset: v.number() })),
  /** Events of the log that were read but not delivered, by dump: bounded. */
  pending: v.optional(v.record(v.string(), v.array(v.unknown()))),
  /** The last hour (seconds since 1970, its beginning) and, of that hour, the last client that were delivered; client absent: all of them. */
  dpi: v.optional(v.object({ hour: v.number(), client: v.optional(v.string()) })),
  /** By OpenVPN instance: end of the last ended connection that was delivered, and its row; begin and row of the last one delivered while it ran. */
  vpn: v.optional(
    v.record(
      v.string(),
      v.object({
        end: v.number(),
        row: v.number(),
        began: v.optional(v.object({ start: v.number(), row: v.number() })),
      }),
    ),
  ),
  /** By dump: seconds that hold an event, see `seconds.ts`. */
  taken: v.optional(v.record(v.string(), v.array(v.number()))),
  /** Rows that were set aside, see `refusals.ts`. */
  refused: v.optional(v.object({ counts: v.record(v.string(), v.number()), known: v.array(v.string()) })),
});
export type Cursors = v.InferOutput<typeof schema>;

export const readCursors = ({ files }: Pick<Host, "files">): Cursors => readJson(files, path, schema) ?? {};

export function writeCursors({ files }: Pick<Host, "files">, cursors: Cursors): void {
  const text = `${JSON.stringify(cursors)}\n`;
  if (files.readText(path) !== text) files.write(path, text, { mode: 0o600 });
}
