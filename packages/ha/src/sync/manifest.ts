/**
 * The manifest: the entries of a complete staging area. Written on the primary, checked on the backup.
 * Invariants: a checked manifest has only clean paths, each below one of its roots, none of them a node's own; parents come before children.
 */
import { sha256 } from "@nethsec/host/files/digests";
import { shownPath } from "@nethsec/host/files/os-path";
import type { Files, FileStat } from "@nethsec/host/host";
import { digestFile } from "@nethsec/host/files/verified-copy";
import { NethsecError } from "@nethsec/host/error";
import * as v from "valibot";
import { isCleanPath, isOwnPath, isWithin } from "./path-rules.ts";

const path = v.pipe(v.string(), v.check(isCleanPath, "not a clean absolute path"));
const common = {
  path,
  uid: v.pipe(v.number(), v.integer(), v.minValue(0)),
  gid: v.pipe(v.number(), v.integer(), v.minValue(0)),
};
/** Permission bits without setuid and setgid: the synchronisation never makes a program privileged. */
const mode = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o1777));
const fileEntry = v.object({
  ...common,
  type: v.literal("file"),
  mode,
  size: v.number(),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
const linkEntry = v.object({
  ...common,
  type: v.literal("symlink"),
  target: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)),
});
/** What has content: no folder. */
export const contentEntrySchema = v.variant("type", [fileEntry, linkEntry]);
export const manifestEntrySchema = v.variant("type", [
  fileEntry,
  v.object({ ...common, type: v.literal("directory"), mode }),
  linkEntry,
]);
export type ManifestEntry = v.InferOutput<typeof manifestEntrySchema>;

export const manifestSchema = v.object({
  version: v.literal(1),
  /** Lines of the restore list: files, and folders that are mirrored exactly. */
  roots: v.array(path),
  /** Paths that were sent before and no longer exist on the primary. */
  gone: v.array(path),
  /** Paths that exist on the primary but are not sent: they stay unchanged on the backup. */
  kept: v.optional(v.array(path), []),
  /** Paths whose content an administrator confirmed, though it looks lost. */
  forced: v.optional(v.array(path), []),
  entries: v.pipe(v.array(manifestEntrySchema), v.maxLength(200_000)),
});
export type Manifest = v.InferOutput<typeof manifestSchema>;

/** SHA-256 of the manifest text; identifies the manifest to the other node. */
export function manifestId(text: string): string {
  return sha256(text);
}

/** Throws `manifest_refused` with the first error found. */
export function parseManifest(text: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = v.parse(manifestSchema, JSON.parse(text));
  } catch (cause) {
    throw refused(`it cannot be read (${cause instanceof Error ? cause.message.slice(0, 200) : "?"})`, cause);
  }
  const seen = new Map<string, ManifestEntry["type"]>();
  for (const { path, type } of manifest.entries) {
    if (!manifest.roots.some((root) => isWithin(path, root)))
      throw refused(`${shownPath(path)} is not in its own list`);
    if (seen.has(path)) throw refused(`${shownPath(path)} stands twice in it`);
    const parent = seen.get(path.slice(0, path.lastIndexOf("/")));
    if (parent !== undefined && parent !== "directory")
      throw refused(`${shownPath(path)} is below something that is no folder`);
    seen.set(path, type);
  }
  for (const path of [...manifest.roots, ...manifest.gone, ...seen.keys()]) {
    if (isOwnPath(path))
      throw refused(`${shownPath(path)} belongs to the node itself and is never taken from the other`);
  }
  return manifest;
}

function refused(why: string, cause?: unknown): NethsecError {
  return new NethsecError({
    code: "manifest_refused",
    message: `What was received is refused: ${why}. Nothing was changed.`,
    advice: "Run `ns-ha-config sync --wait` on the primary; if it stays, compare the versions of both nodes.",
    cause,
  });
}

interface Known {
  readonly stat: FileStat;
  readonly sha256: string;
}

/** Reads trees into entries; remembers hashes of files whose inode, size and time did not change. */
export class ManifestReader {
  readonly #files: Files;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();

  /** `now`: wall clock, like file times. */
  constructor(files: Files, now: () => number) {
    this.#files = files;
    this.#now = now;
  }

  /** Entries of each existing root and everything below it, except paths for which `skip` is true; parents first. */
  read(roots: readonly string[], skip: (path: string) => boolean): ManifestEntry[] {
    const found = new Map<string, ManifestEntry>();
    const visit = (path: string): void => {
      if (found.has(path) || skip(path)) return;
      const entry = this.entry(path);
      if (entry === undefined) return;
      found.set(path, entry);
      if (entry.type === "directory") for (const name of this.#files.list(path)) visit(`${path}/${name}`);
    };
    for (const root of roots) visit(root);
    for (const path of this.#known.keys()) if (!found.has(path)) this.#known.delete(path);
    return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** undefined: it does not exist (any more), or is a device, a socket or a FIFO, which are never sent. */
  entry(path: string): ManifestEntry | undefined {
    const stat = this.#files.stat(path);
    if (stat === undefined || stat.type === "other") return undefined;
    const { uid, gid } = stat;
    const mode = stat.mode & 0o1777;
    if (stat.type === "directory") return { path, type: "directory", mode, uid, gid };
    if (stat.type === "symlink") {
      const target = this.#files.readlink(path);
      return target === undefined ? undefined : { path, type: "symlink", uid, gid, target };
    }
    try {
      return { path, type: "file", mode, uid, gid, size: stat.size, sha256: this.#digest(path, stat) };
    } catch (error) {
      if (this.#files.stat(path) === undefined) return undefined; // gone meanwhile
      throw error;
    }
  }

  #digest(path: string, stat: FileStat): string {
    const known = this.#known.get(path);
    const same = known?.stat.ino === stat.ino && known.stat.size === stat.size && known.stat.mtimeMs === stat.mtimeMs;
    // A file written within the time stamp granularity may change again without a new time.
    if (known !== undefined && same && this.#now() - stat.mtimeMs > settledMs) return known.sha256;
    const { sha256 } = digestFile(this.#files.real(path));
    this.#known.set(path, { stat, sha256 });
    return sha256;
  }
}
const settledMs = 2000;
