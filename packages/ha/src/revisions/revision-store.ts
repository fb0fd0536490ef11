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

export class RevisionStore {
  readonly #files: Files;
  readonly #bounds: typeof bounds;

  constructor(files: Files, limits = bounds) {
    this.#files = files;
    this.#bounds = limits;
  }

  /** All readable revisions after the base, oldest first. */
  list(): Revision[] {
    const { upTo } = this.#base();
    return this.#ids()
      .filter((id) => id > upTo)
      .flatMap((id) => readJson(this.#files, pathOf(id), revisionSchema) ?? []);
  }

  /** undefined: there is no such revision (any more). */
  read(id: number): Revision | undefined {
    return id > this.#base().upTo ? readJson(this.#files, pathOf(id), revisionSchema) : undefined;
  }

  /** The files as recorded last; undefined before the first record. */
  head(): Entries | undefined {
    return this.#files.exists(basePath) ? this.entriesAt(Infinity) : undefined;
  }

  /** The files as they were after revision `id`. */
  entriesAt(id: number): Entries {
    const { entries } = this.#base();
    let found: Entries = new Map(entries.map((entry) => [entry.path, entry]));
    for (const revision of this.list()) if (revision.id <= id) found = withRevision(found, revision);
    return found;
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
  record({ at, by, entries, content }: Recorded): Revision | undefined {
    const head = this.head();
    const changes = changesBetween(head ?? new Map<string, Entry>(), entries);
    if (head !== undefined && changes.length === 0) return undefined;
    this.#files.mkdir("/etc/ns-ha", { mode: 0o755 });
    for (const dir of [revisionsDir, objectsDir]) this.#files.mkdir(dir, { mode: 0o700 });
    for (const { after } of changes) if (after !== undefined) this.#keep(after, content);
    if (head === undefined) {
      this.#writeBase({ upTo: 0, entries: [...entries.values()] });
      return undefined;
    }
    const revision: Revision = { id: Math.max(this.#base().upTo, ...this.#ids()) + 1, at, by, changes };
    this.#write(pathOf(revision.id), JSON.stringify(revision));
    this.#shrink();
    return revision;
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
    const revisions = this.list();
    const isOver = (): boolean => revisions.length > this.#bounds.revisions || this.#bytes() > this.#bounds.bytes;
    while (revisions.length > 1 && isOver()) {
      const oldest = revisions.splice(0, Math.min(revisions.length - 1, Math.ceil(revisions.length / 10)));
      const upTo = oldest.at(-1)?.id ?? 0;
      this.#writeBase({ upTo, entries: [...this.entriesAt(upTo).values()] });
      for (const id of this.#ids()) if (id <= upTo) this.#files.remove(pathOf(id));
      this.#removeUnused();
    }
  }

  #removeUnused(): void {
    const entries = [
      ...this.#base().entries,
      ...this.list().flatMap(({ changes }) => changes.flatMap(({ before, after }) => [before, after])),
    ];
    const used = new Set(entries.flatMap((entry) => (entry?.type === "file" ? [entry.sha256] : [])));
    for (const name of this.#files.list(objectsDir)) if (!used.has(name)) this.#files.remove(`${objectsDir}/${name}`);
  }

  #bytes(): number {
    const paths = [
      ...this.#files.list(objectsDir).map((name) => `${objectsDir}/${name}`),
      ...this.#files.list(revisionsDir).map((name) => `${revisionsDir}/${name}`),
    ];
    return paths.reduce((sum, path) => sum + (this.#files.stat(path)?.size ?? 0), 0);
  }

  #ids(): number[] {
    return this.#files
      .list(revisionsDir)
      .flatMap((name) => /^([1-9]\d{0,9})\.json$/.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  #base(): Base {
    return readJson(this.#files, basePath, baseSchema) ?? { upTo: 0, entries: [] };
  }

  #writeBase(base: Base): void {
    this.#write(basePath, JSON.stringify(base));
  }

  #write(path: string, data: string | Uint8Array): void {
    this.#files.write(path, data, { mode: 0o600 });
  }
}

const pathOf = (id: number): string => `${revisionsDir}/${id}.json`;
const objectPath = (digest: string): string => `${objectsDir}/${digest}`;
