/** Delivery progress, so that each event reaches the controller once: one small file, written after each delivery. */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

const path = "/etc/ns-plug/reports.json";

const schema = v.object({
  /** Position in the log: `head`, the first line, identifies the file; `offset` is the number of bytes read. */
  log: v.optional(v.object({ head: v.string(), offset: v.number() })),
  /** Log events read but not delivered, by dump; bounded. */
  pending: v.optional(v.record(v.string(), v.array(v.unknown()))),
  /** Last delivered hour (its beginning, seconds since 1970) and the last client delivered of it; `client` absent: all clients. */
  dpi: v.optional(v.object({ hour: v.number(), client: v.optional(v.string()) })),
  /** By OpenVPN instance: end and row of the last ended connection delivered; `began`: start and row of the last running one delivered. */
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
  /** By dump: seconds already used by an event, see `seconds.ts`. */
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
