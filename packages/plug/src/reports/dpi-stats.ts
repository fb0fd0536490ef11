/**
 * Traffic by hour for the controller's `dump-dpi-stats`, from the hour files of ns-report (documentation "ns-report", File format).
 * A finished hour is sent once, ordered by hour, then client, so that an interrupted push resumes where it stopped. The current hour is sent with
 * each push, with its traffic so far: the controller replaces the bytes of an existing row.
 */
import type { Host } from "@nethsec/host/host";
import { isIPv4, isIPv6 } from "@nethsec/host/ip-address";
import * as v from "valibot";
import type { Cursors } from "./cursors.ts";

const hourMs = 3_600_000;
/** The daemon may still write the last minutes of an hour after it has ended. */
const settleMs = 5 * 60_000;
/** Hours sent by the first push of a unit. */
const firstHours = 24;

const names = v.record(v.string(), v.number());
const fileSchema = v.object({
  protocol: v.optional(names, {}),
  application: v.optional(names, {}),
  host: v.optional(names, {}),
});

export interface DpiItem {
  readonly timestamp: number;
  readonly client_address: string;
  readonly client_name: string;
  readonly bytes: number;
  readonly protocol?: string;
  readonly application?: string;
  readonly host?: string;
}

/** The items of one client in one hour, and the cursor to store once they are delivered; undefined for an unfinished hour. */
export interface DpiStep {
  readonly items: readonly DpiItem[];
  readonly cursor: Cursors["dpi"];
}

export function* dpiSteps(
  { files, clock }: Pick<Host, "files" | "clock">,
  base: string,
  after: Cursors["dpi"],
  clientName: (address: string) => string,
): Generator<DpiStep> {
  const last = Math.floor((clock.now() - settleMs) / hourMs) * hourMs - hourMs;
  // Start with the cursor's hour: some of its clients may not have been delivered.
  const first = after === undefined ? last - (firstHours - 1) * hourMs : after.hour * 1000;
  for (let hour = Math.max(first, last - 31 * 24 * hourMs); hour <= last; hour += hourMs) {
    const timestamp = hour / 1000;
    if (after?.hour === timestamp && after.client === undefined) continue;
    for (const { client, items } of hourItems(files, base, hour, clientName))
      if (after?.hour !== timestamp || after.client === undefined || client > after.client)
        yield { items, cursor: { hour: timestamp, client } };
    yield { items: [], cursor: { hour: timestamp } };
  }
  for (let hour = last + hourMs; hour <= clock.now(); hour += hourMs)
    for (const { items } of hourItems(files, base, hour, clientName)) yield { items, cursor: undefined };
}

function* hourItems(
  files: Host["files"],
  base: string,
  hour: number,
  clientName: (address: string) => string,
): Generator<{ readonly client: string; readonly items: readonly DpiItem[] }> {
  const { dir, file } = pathOf(base, new Date(hour));
  // At the end of daylight saving time two hours share one file: it is sent for the first of them.
  const before = pathOf(base, new Date(hour - hourMs));
  if (before.dir === dir && before.file === file) return;
  for (const client of files.list(dir)) {
    if (!isIPv4(client) && !isIPv6(client)) continue;
    const items = readItems(files.readText(`${dir}/${client}/${file}`), hour / 1000, client, clientName);
    if (items.length > 0) yield { client, items };
  }
}

function pathOf(base: string, time: Date): { readonly dir: string; readonly file: string } {
  const two = (value: number): string => String(value).padStart(2, "0");
  return {
    dir: `${base}/${time.getFullYear()}/${two(time.getMonth() + 1)}/${two(time.getDate())}`,
    file: `${two(time.getHours())}.json`,
  };
}

function readItems(
  text: string | undefined,
  timestamp: number,
  client: string,
  clientName: (address: string) => string,
): DpiItem[] {
  if (text === undefined) return [];
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  const parsed = v.safeParse(fileSchema, json);
  if (!parsed.success) return [];
  const common = { timestamp, client_address: client, client_name: clientName(client) };
  return (["protocol", "host", "application"] as const).flatMap((kind) =>
    // The controller wants whole numbers, and skips 0.
    Object.entries(parsed.output[kind]).flatMap(([name, bytes]): DpiItem[] =>
      Number.isFinite(bytes) && bytes >= 1 ? [{ ...common, [kind]: name, bytes: Math.floor(bytes) }] : [],
    ),
  );
}
