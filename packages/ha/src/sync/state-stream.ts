/**
 * The protocol by which the primary fetches state files, over SSH with the synchronisation key: JSON, one value a line.
 *
 *   primary, on stdin:  { final, have: { PATH: SHA-256 } }
 *   backup, on stdout:  { carried }                     whether this node carried the site since the primary last fetched its state
 *                       { entry }, { data: BASE64 }…    each file or link that the primary does not have, a file's content in pieces
 *                       { skipped: PATH }               too large to send, or gone meanwhile
 *                       { end: true }                   the answer is complete
 *
 * Invariant of the receiver: one file in memory at a time, all sizes bounded; a file whose digest differs from the announced one is skipped.
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
/** A piece as base64, with the JSON around it. */
export const lineLengthMax = 100_000;
const entriesMax = 20_000;

export const stateQuestionSchema = v.object({
  /** True: the primary has just taken the site over, so this is the last fetch. */
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

/** The value compared in `have`: digest of a file, target of a link. */
export function digestOf(entry: ManifestEntry): string {
  if (entry.type === "file") return entry.sha256;
  return entry.type === "symlink" ? `link ${entry.target}` : "folder";
}

/** This node's state files and links, without folders. */
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
    // A file that is left out leaves its room to those behind it.
    const fits = entry.size <= fileBytesMax && total + entry.size <= totalBytesMax;
    if (fits) total += entry.size;
    const bytes = fits ? host.files.readBytes(entry.path) : undefined;
    if (bytes === undefined) {
      yield line({ skipped: entry.path });
      continue;
    }
    // The file may have changed since it was listed: describe the bytes that are sent.
    yield line({ entry: { ...entry, size: bytes.length, sha256: sha256(bytes) } });
    for (let at = 0; at < bytes.length; at += pieceBytes)
      yield line({ data: Buffer.from(bytes.subarray(at, at + pieceBytes)).toString("base64") });
  }
  yield line({ end: true });
}

export interface ReceivedState {
  readonly carried: boolean;
  /** The received files and links, below the receive directory. */
  readonly entries: readonly ManifestEntry[];
  /** Paths that were not taken: too large, not allowed, or with a wrong digest. */
  readonly skipped: readonly string[];
}

/**
 * Receives an answer into `dir` (emptied first). `allowed`: whether this node's own list covers a path. Throws an Error when the answer is not
 * understood, too large, or incomplete.
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

  /** Pieces of a file that is not allowed are discarded. */
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

/** Target of a link as an absolute path; links that lead out of the list are not taken. */
const linkTarget = ({ path, target }: Extract<ManifestEntry, { type: "symlink" }>): string =>
  target.startsWith("/") ? normalize(target) : normalize(`${folderOf(path)}/${target}`);

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
