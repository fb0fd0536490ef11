/**
 * The recorded changes on disk, below /etc/ns-ha: `base.json` (what was there before the oldest revision), one `<id>.json` for each revision, and the
 * contents in `objects`, each once, compressed, named by its SHA-256. A page of code instead of git, which would be 5 MB more on the firewall.
 * Invariants: contents are written before the revision that names them, so a revision is complete or does not count; the folder holds keys and
 * passwords, so it is 0700 and its files 0600; it stays within `bounds`: the oldest revisions become part of the base.
 */
import { sha256 } from "@nethsec/host/files/digests";
import { readJson } from "@nethsec/host/files/read-json";
import { unzstd, zstd } from "@nethsec/host/files/zstd";
import type { Files } from "@nethsec/host/host";
import {
  type Base,
  baseSchema,
  changesBetween,
  type Entries,
  type Entry,
  type Revision,
  revisionSchema,
  withRevision,
} from "./revision.ts";

export const revisionsDir = "/etc/ns-ha/revisions";
const objectsDir = `${revisionsDir}/objects`;
const basePath = `${revisionsDir}/base.json`;
/** `bytes`: of all files together. */
const bounds = { bytes: 4 * 1024 * 1024, revisions: 1000 };
/** Larger files are noted with their digest only: they are lists and databases, not configuration. */
export const contentBytesMax = 256 * 1024;

export interface Recorded {
  readonly at: number;
  readonly by: string;
  /** All tracked files as they are now. */
  readonly entries: Entries;
  /** The content of a file with that digest; undefined: it has changed meanwhile. */
  readonly content: (entry: Entry) => Uint8Array | undefined;
}

/** What is on disk, as last read or written. */
interface Known {
  base: Base | undefined;
  revisions: Revision[];
  head: Entries;
  /** Of all files together. */
  bytes: number;
}

export class RevisionStore {
  readonly #files: Files;
  readonly #bounds: typeof bounds;
  /** Reading a thousand revisions takes too long for each change. Only the agent writes, by one store. */
  #known: Known | undefined;

  constructor(files: Files, limits = bounds) {
    this.#files = files;
    this.#bounds = limits;
  }

  /** All readable revisions after the base, oldest first. */
  list(): readonly Revision[] {
    return this.#read().revisions;
  }

  /** undefined: there is no such revision (any more). */
  read(id: number): Revision | undefined {
    return this.list().find((revision) => revision.id === id);
  }

  /** The files as recorded last; undefined before the first record. */
  head(): Entries | undefined {
    const { base, head } = this.#read();
    return base === undefined ? undefined : head;
  }

  /** The files as they were after revision `id`. */
  entriesAt(id: number): Entries {
    const { base, revisions } = this.#read();
    return entriesAfter(
      base,
      revisions.filter((revision) => revision.id <= id),
    );
  }

  /** undefined: it was not kept (too large), or is damaged. An empty file needs no object. */
  content(entry: Entry): Uint8Array | undefined {
    if (entry.type !== "file") return undefined;
    if (entry.size === 0) return new Uint8Array(0);
    const packed = this.#files.readBytes(objectPath(entry.sha256));
    const bytes = packed === undefined ? undefined : unzstd(packed);
    return bytes !== undefined && sha256(bytes) === entry.sha256 ? bytes : undefined;
  }

  /**
   * Records what changed since the last record. The first record is the base, with all contents, and is no revision. undefined: nothing changed.
   * Throws FileError when it cannot be written; then nothing was recorded.
   */
  record(recorded: Recorded): Revision | undefined {
    try {
      return this.#record(recorded);
    } catch (error) {
      this.#known = undefined; // read again what is there
      throw error;
    }
  }

  #record({ at, by, entries, content }: Recorded): Revision | undefined {
    const known = this.#read();
    const changes = changesBetween(known.head, entries);
    if (known.base !== undefined && changes.length === 0) return undefined;
    this.#files.mkdir("/etc/ns-ha", { mode: 0o755 });
    for (const dir of [revisionsDir, objectsDir]) this.#files.mkdir(dir, { mode: 0o700 });
    for (const { after } of changes) if (after !== undefined) this.#keep(after, content);
    if (known.base === undefined) {
      // Numbers are not given twice, and what an earlier chain left is not taken for a part of this one.
      this.#writeBase({ upTo: Math.max(0, ...this.#ids()), entries: [...entries.values()] });
      known.head = entries;
      return undefined;
    }
    const last = Math.max(known.base.upTo, ...this.#ids());
    const revision: Revision = { id: last + 1, at, by, changes };
    this.#write(pathOf(revision.id), JSON.stringify(revision));
    known.revisions.push(revision);
    known.head = entries;
    this.#shrink();
    return revision;
  }

  #read(): Known {
    if (this.#known !== undefined) return this.#known;
    const base = readJson(this.#files, basePath, baseSchema);
    const upTo = base?.upTo ?? 0;
    const ids = this.#ids().filter((id) => id > upTo);
    const revisions = ids.flatMap((id) => readJson(this.#files, pathOf(id), revisionSchema) ?? []);
    // With one of them missing or damaged, what the later ones lead to is not known: then the next record begins anew.
    const isWhole =
      base !== undefined && ids.length === revisions.length && ids.every((id, at) => id === upTo + 1 + at);
    const bytes = this.#bytesOnDisk();
    this.#known = isWhole
      ? { base, revisions, head: entriesAfter(base, revisions), bytes }
      : { base: undefined, revisions: [], head: new Map(), bytes };
    return this.#known;
  }

  #keep(entry: Entry, content: Recorded["content"]): void {
    if (entry.type !== "file" || entry.size === 0 || entry.size > contentBytesMax) return;
    const path = objectPath(entry.sha256);
    if (this.#files.exists(path)) return;
    const bytes = content(entry);
    if (bytes !== undefined && sha256(bytes) === entry.sha256) this.#write(path, zstd(new Uint8Array(bytes)));
  }

  /** Makes the oldest tenth part of the base until the bounds hold again; the newest revision always stays. */
  #shrink(): void {
    const known = this.#read();
    const { revisions } = known;
    const isOver = (): boolean => revisions.length > this.#bounds.revisions || known.bytes > this.#bounds.bytes;
    while (revisions.length > 1 && isOver()) {
      const oldest = revisions.slice(0, Math.min(revisions.length - 1, Math.ceil(revisions.length / 10)));
      const upTo = oldest.at(-1)?.id ?? 0;
      this.#writeBase({ upTo, entries: [...entriesAfter(known.base, oldest).values()] });
      revisions.splice(0, oldest.length);
      for (const id of this.#ids()) if (id <= upTo) this.#files.remove(pathOf(id));
      this.#removeUnused(known);
      known.bytes = this.#bytesOnDisk();
    }
  }

  #removeUnused({ base, revisions }: Known): void {
    const entries = [
      ...(base?.entries ?? []),
      ...revisions.flatMap(({ changes }) => changes.flatMap(({ before, after }) => [before, after])),
    ];
    const used = new Set(entries.flatMap((entry) => (entry?.type === "file" ? [entry.sha256] : [])));
    for (const name of this.#files.list(objectsDir)) if (!used.has(name)) this.#files.remove(`${objectsDir}/${name}`);
  }

  #bytesOnDisk(): number {
    const stats = [objectsDir, revisionsDir].flatMap((dir) =>
      this.#files.list(dir).map((name) => this.#files.stat(`${dir}/${name}`)),
    );
    return stats.reduce((sum, stat) => sum + (stat?.type === "file" ? stat.size : 0), 0);
  }

  #ids(): number[] {
    return this.#files
      .list(revisionsDir)
      .flatMap((name) => /^([1-9]\d{0,9})\.json$/.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  #writeBase(base: Base): void {
    this.#write(basePath, JSON.stringify(base));
    this.#read().base = base;
  }

  #write(path: string, data: string | Uint8Array): void {
    this.#files.write(path, data, { mode: 0o600 });
    this.#read().bytes += data.length;
  }
}

function entriesAfter(base: Base | undefined, revisions: readonly Revision[]): Entries {
  let entries: Entries = new Map((base?.entries ?? []).map((entry) => [entry.path, entry]));
  for (const revision of revisions) entries = withRevision(entries, revision);
  return entries;
}

const pathOf = (id: number): string => `${revisionsDir}/${id}.json`;
const objectPath = (digest: string): string => `${objectsDir}/${digest}`;
