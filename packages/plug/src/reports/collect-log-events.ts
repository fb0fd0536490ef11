/**
 * Collects new events from /var/log/messages into the pending events, which `push.ts` delivers.
 * Invariants: each line is read once, even across a log rotation or a reboot; a last line without a newline is incomplete and read later.
 */
import type { Host } from "@nethsec/host/host";
import { streamLines } from "@nethsec/host/process/stream-lines";
import { readCursors, writeCursors } from "./cursors.ts";
import { readLogEvents } from "./log-events.ts";
import { maxShift, moveApart } from "./seconds.ts";

const logPath = "/var/log/messages";
/** The previous log, after a rotation. */
const olderLogPath = "/var/log/messages.1";
/** Undelivered events kept per dump; the oldest are dropped first. */
const maxPending = 20_000;

type Needs = Pick<Host, "files">;

export async function collectLogEvents(host: Needs & Pick<Host, "clock" | "log">): Promise<void> {
  const cursors = readCursors(host);
  const { log, pending } = cursors;
  const head = await firstLine(host, logPath);
  if (head === undefined) return;
  const same = log?.head === head;
  const rotated = log !== undefined && !same && (await firstLine(host, olderLogPath)) === log.head;
  const older = rotated ? (await linesFrom(host, olderLogPath, log.offset)).lines : [];
  const { lines, offset } = await linesFrom(host, logPath, same ? log.offset : 0);
  const events = readLogEvents([...older, ...lines], host.clock.now());
  const added = (dump: string, more: readonly unknown[]): unknown[] =>
    [...(pending?.[dump] ?? []), ...more].slice(-maxPending);
  // The controller skips packets without a category, so they need no free second (see `seconds.ts`).
  const [withFeed, without] = [events.malware.filter(hasFeed), events.malware.filter((event) => !hasFeed(event))];
  const malware = moveApart(withFeed, cursors.taken?.["dump-ts-malware"] ?? []);
  const wans = moveApart(events.wans, cursors.taken?.["dump-mwan-events"] ?? []);
  if (malware.crowded + wans.crowded > 0)
    host.log(
      "warning",
      `${malware.crowded + wans.crowded} events are not reported: the controller keeps one for each second, and ${maxShift} seconds around them are full`,
    );
  writeCursors(host, {
    ...cursors,
    log: { head, offset },
    taken: { "dump-ts-malware": [...malware.taken], "dump-mwan-events": [...wans.taken] },
    pending: {
      "dump-ts-malware": added("dump-ts-malware", [...malware.events, ...without]),
      "dump-ts-attacks": added("dump-ts-attacks", events.attacks),
      "dump-mwan-events": added("dump-mwan-events", wans.events),
    },
  });
}

const hasFeed = ({ category }: { readonly category: string }): boolean => category !== "";

/** First line of a log. It holds a time and so identifies the log file. undefined while there is no complete line. */
async function firstLine({ files }: Needs, path: string): Promise<string | undefined> {
  if (!files.exists(path)) return undefined;
  let whole = false;
  const seen = bytesOf(files.readStream(path), 0, Infinity, () => (whole = true));
  for await (const line of streamLines(seen, 256)) return whole ? line : undefined;
  return undefined;
}

/** Complete lines of interest after the first `from` bytes, and the offset after the last complete line. */
async function linesFrom(
  { files }: Needs,
  path: string,
  from: number,
): Promise<{ readonly lines: readonly string[]; readonly offset: number }> {
  const size = files.stat(path, { follow: true })?.size ?? 0;
  const lines: string[] = [];
  let offset = from;
  let last = "";
  const seen = bytesOf(files.readStream(path), from, size, (end) => (offset = end));
  for await (const line of streamLines(seen)) {
    last = line;
    if (/banIP|mwan3track/.test(line)) lines.push(line);
  }
  if (offset < size && lines.at(-1) === last) lines.pop();
  return { lines, offset };
}

/** Bytes `from` (inclusive) to `to` (exclusive) of a stream. Calls `ended` with the position after each chunk's last newline. */
async function* bytesOf(
  stream: ReadableStream<Uint8Array>,
  from: number,
  to: number,
  ended: (position: number) => void,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of stream) {
    const begin = Math.max(from, at);
    const part = chunk.subarray(begin - at, Math.max(0, to - at));
    const newline = part.lastIndexOf(0x0a);
    if (newline >= 0) ended(begin + newline + 1);
    if (part.length > 0) yield part;
    at += chunk.length;
    if (at >= to) return;
  }
}
