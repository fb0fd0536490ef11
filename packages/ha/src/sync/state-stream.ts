/**
 * How state files travel to the primary, which asks for them with the key of the synchronisation: JSON, one value a line.
 *
 *   primary, on stdin:  { final, have: { PATH: SHA-256 } }
 *   backup, on stdout:  { carried }                     whether this node carried the site since the primary took its state last
 *                       { entry }, { data: BASE64 }…    each file or link that the primary does not have, a file's content in pieces
 *                       { skipped: PATH }               larger than what travels this way
 *                       { end: true }                   nothing is missing
 *
 * Invariant of the receiver: one file in memory at a time, everything bounded; what does not have the announced digest is left out.
 */
import { normalize } from "node:path";
import { sha256 } from "@nethsec/host/files/digests";
import type { Files, Host } from "@nethsec/host/host";
import * as v from "valibot";
import { statePaths } from "../cluster/state-files.ts";
import { type ManifestEntry, manifestEntrySchema, ManifestReader } from "./manifest.ts";

export const fileBytesMax = 16 * 1024 * 1024;
export const totalBytesMax = 64 * 1024 * 1024;
const pieceBytes = 48 * 1024;
/** Base64 of a piece, and what is around it. */
export const lineLengthMax = 100_000;
const entriesMax = 20_000;

export const stateQuestionSchema = v.object({
  /** The primary has just taken the site: what is answered is the last word. */
  final: v.boolean(),
  have: v.record(v.string(), v.string()),
});
export type StateQuestion = v.InferOutput<typeof stateQuestionSchema>;

const lineSchema = v.union([
  v.object({ carried: v.boolean() }),
  v.object({ entry: manifestEntrySchema }),
  v.object({ data: v.string() }),
  v.object({ skipped: v.string() }),
  v.object({ end: v.literal(true) }),
]);

/** Content of a file, target of a link: what `have` compares. */
export function digestOf(entry: ManifestEntry): string {
  if (entry.type === "file") return entry.sha256;
  return entry.type === "symlink" ? `link ${entry.target}` : "folder";
}

/** What this node has of its state files; folders stand for what is in them and are left out. */
export function stateEntries(host: Pick<Host, "files" | "uci">, reader: ManifestReader): ManifestEntry[] {
  return reader.read(statePaths(host), () => false).filter(({ type }) => type !== "directory");
}

/** The backup's answer, line by line. */
export function* stateLines(
  host: Pick<Host, "files" | "uci" | "clock">,
  carried: boolean,
  have: StateQuestion["have"],
): Generator<string> {
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
  yield line({ carried });
  const reader = new ManifestReader(host.files, () => host.clock.now());
  let total = 0;
  for (const entry of carried ? stateEntries(host, reader) : []) {
    if (have[entry.path] === digestOf(entry)) continue;
    if (entry.type !== "file") {
      yield line({ entry });
      continue;
    }
    total += entry.size;
    const bytes = entry.size > fileBytesMax || total > totalBytesMax ? undefined : host.files.readBytes(entry.path);
    if (bytes === undefined) {
      yield line({ skipped: entry.path });
      continue;
    }
    // It may have changed since it was looked at: what is sent is described as it is sent.
    yield line({ entry: { ...entry, size: bytes.length, sha256: sha256(bytes) } });
    for (let at = 0; at < bytes.length; at += pieceBytes)
      yield line({ data: Buffer.from(bytes.subarray(at, at + pieceBytes)).toString("base64") });
  }
  yield line({ end: true });
}

export interface ReceivedState {
  readonly carried: boolean;
  /** What lies below the folder it was received into. */
  readonly entries: readonly ManifestEntry[];
  /** Paths that were too large. */
  readonly skipped: readonly string[];
}

/**
 * Receives an answer into `dir` (emptied first). `allowed`: of this node's own list, with all below. Throws an Error when the answer is not
 * understood, too large, or cut.
 */
export async function receiveState(
  files: Files,
  lines: AsyncIterable<string>,
  dir: string,
  allowed: (path: string) => boolean,
): Promise<ReceivedState> {
  files.remove(dir, { recursive: true });
  files.mkdir(dir, { mode: 0o700 });
  const receiver = new Receiver(files, dir, allowed);
  for await (const text of lines) {
    if (text.trim() !== "") receiver.take(v.parse(lineSchema, JSON.parse(text)));
  }
  return receiver.finish();
}

class Receiver {
  readonly #files: Files;
  readonly #dir: string;
  readonly #allowed: (path: string) => boolean;
  readonly #entries: ManifestEntry[] = [];
  readonly #skipped: string[] = [];
  #open: { readonly entry: Extract<ManifestEntry, { type: "file" }>; readonly pieces: Buffer[] } | undefined;
  #carried: boolean | undefined;
  #total = 0;
  #ended = false;

  constructor(files: Files, dir: string, allowed: (path: string) => boolean) {
    this.#files = files;
    this.#dir = dir;
    this.#allowed = allowed;
  }

  take(value: v.InferOutput<typeof lineSchema>): void {
    if ("data" in value) return this.#piece(Buffer.from(value.data, "base64"));
    this.#close();
    if ("carried" in value) this.#carried = value.carried;
    else if ("skipped" in value) this.#skipped.push(value.skipped);
    else if ("end" in value) this.#ended = true;
    else this.#begin(value.entry);
  }

  finish(): ReceivedState {
    if (!this.#ended || this.#carried === undefined) throw new Error("the answer was cut");
    return { carried: this.#carried, entries: this.#entries, skipped: this.#skipped };
  }

  #begin(entry: ManifestEntry): void {
    if (this.#entries.length >= entriesMax) throw new Error("the answer names too many files");
    if (!this.#allowed(entry.path) || entry.type === "directory") {
      this.#skipped.push(entry.path);
      return;
    }
    if (entry.type === "file") {
      this.#open = { entry, pieces: [] };
      return;
    }
    if (!this.#allowed(linkTarget(entry))) {
      this.#skipped.push(entry.path);
      return;
    }
    this.#files.mkdir(`${this.#dir}${folderOf(entry.path)}`, { mode: 0o700 });
    this.#files.symlink(entry.target, `${this.#dir}${entry.path}`);
    this.#entries.push(entry);
  }

  /** Pieces of a file that is not allowed go nowhere. */
  #piece(bytes: Buffer): void {
    this.#total += bytes.length;
    if (this.#total > totalBytesMax) throw new Error("the answer is too large");
    this.#open?.pieces.push(bytes);
  }

  #close(): void {
    if (this.#open === undefined) return;
    const { entry, pieces } = this.#open;
    this.#open = undefined;
    const bytes = Buffer.concat(pieces);
    if (sha256(bytes) !== entry.sha256) {
      this.#skipped.push(entry.path);
      return;
    }
    this.#files.write(`${this.#dir}${entry.path}`, bytes, { mode: 0o600 });
    this.#entries.push(entry);
  }
}

/** Where a link leads, as an absolute path: one that leads out of the list is not taken. */
const linkTarget = ({ path, target }: Extract<ManifestEntry, { type: "symlink" }>): string =>
  target.startsWith("/") ? normalize(target) : normalize(`${folderOf(path)}/${target}`);

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
