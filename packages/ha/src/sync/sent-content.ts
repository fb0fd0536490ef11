/**
 * Remembers which paths the primary sent and whether they had content, to detect files that lost it or disappeared, also after a restart or
 * the power loss that caused it.
 * Invariants: written only when it changes (flash memory); an unreadable memory counts as empty: then only content that cannot be
 * configuration is held back, and the backup compares with its own files.
 */
import { sha256 } from "@nethsec/host/files/digests";
import type { Files } from "@nethsec/host/host";
import * as v from "valibot";
import type { Withheld } from "../cluster/agent-schemas.ts";
import { type ContentFacts, fileFacts, isConfiguration, isUciPackage, lossOf, packageFacts } from "./lost-content.ts";
import type { ManifestEntry } from "./manifest.ts";

export const sentContentPath = "/etc/ns-ha/sent-content.json";

/** Input files of the network export; the first two exist on every node. */
export const exportSources: readonly string[] = ["/etc/config/network", "/etc/config/firewall", "/etc/config/dedalo"];
const neverAbsent: ReadonlySet<string> = new Set(exportSources.slice(0, 2));

const memorySchema = v.object({
  version: v.literal(1),
  /** Every path that the backup has received; 1: with content. */
  paths: v.record(v.string(), v.picklist([0, 1])),
  essentials: v.record(v.string(), v.array(v.string())),
  /** Contents confirmed by an administrator (--force): path → SHA-256. */
  forced: v.record(v.string(), v.string()),
});
type Memory = v.InferOutput<typeof memorySchema>;

type FileEntry = Extract<ManifestEntry, { type: "file" }>;

export class SentContent {
  readonly #files: Files;
  readonly #known = new Map<string, { readonly sha256: string; readonly facts: ContentFacts }>();
  /** Files other than UCI packages that had content since this process started: if one becomes empty now, that was done on purpose. */
  readonly #seenFull = new Set<string>();
  #memory: Memory;

  constructor(files: Files) {
    this.#files = files;
    this.#memory = readMemory(files);
  }

  /** The paths that the backup has as of the last delivered run. */
  get sent(): readonly string[] {
    return Object.keys(this.#memory.paths);
  }

  /** Paths of `entries` and of the export sources that lost their content, except forced ones. */
  lost(entries: readonly ManifestEntry[], haInterface: string, force: ReadonlySet<string>): Withheld[] {
    const sources = exportSources.flatMap((path) => this.#lostSource(path, haInterface, force));
    const named = new Set(sources.map(({ path }) => path));
    const others = entries.flatMap((entry): Withheld[] => {
      if (entry.type !== "file" || !isConfiguration(entry.path) || named.has(entry.path)) return [];
      const facts = this.#factsOf(entry, haInterface);
      if (facts.hasContent && facts.broken === undefined && !isUciPackage(entry.path)) this.#seenFull.add(entry.path);
      const reason = lossOf(facts, this.#seenFull.has(entry.path) ? undefined : this.#before(entry.path));
      return reason === undefined || this.#isForced(entry.path, entry.sha256, force)
        ? []
        : [{ path: entry.path, reason }];
    });
    return [...sources, ...others];
  }

  /** Entries whose content the backup must accept: those in `force`, and those forced before with the same content. */
  forced(entries: readonly ManifestEntry[], force: ReadonlySet<string>): string[] {
    return entries.flatMap((entry) =>
      entry.type === "file" && this.#isForced(entry.path, entry.sha256, force) ? [entry.path] : [],
    );
  }

  /** Records that the backup has `entries` now, except `withheld`. */
  remember(
    entries: readonly ManifestEntry[],
    withheld: readonly Withheld[],
    haInterface: string,
    force: ReadonlySet<string>,
  ): void {
    const kept = new Set(withheld.map(({ path }) => path));
    const paths = Object.fromEntries(Object.entries(this.#memory.paths).filter(([path]) => kept.has(path)));
    const essentials = Object.fromEntries(Object.entries(this.#memory.essentials).filter(([path]) => kept.has(path)));
    const forced: Record<string, string> = {};
    const note = (path: string, digest: string, facts: ContentFacts): void => {
      paths[path] = facts.hasContent ? 1 : 0;
      if (facts.essentials.length > 0) essentials[path] = [...facts.essentials];
      if (this.#isForced(path, digest, force)) forced[path] = digest;
    };
    for (const entry of entries) {
      if (kept.has(entry.path)) continue;
      if (entry.type === "file" && isConfiguration(entry.path))
        note(entry.path, entry.sha256, this.#factsOf(entry, haInterface));
      else paths[entry.path] = 1;
    }
    for (const path of exportSources) {
      const bytes = kept.has(path) ? undefined : this.#files.readBytes(path);
      if (bytes !== undefined) note(path, sha256(bytes), packageFacts(path, bytes, haInterface));
    }
    this.#write({ version: 1, paths, essentials, forced });
  }

  #lostSource(path: string, haInterface: string, force: ReadonlySet<string>): Withheld[] {
    const bytes = this.#files.readBytes(path);
    const before = this.#before(path);
    if (bytes === undefined) {
      const missed = neverAbsent.has(path) && before?.hasContent === true && !force.has(path);
      return missed ? [{ path, reason: "it is not there any more" }] : [];
    }
    const reason = lossOf(packageFacts(path, bytes, haInterface), before);
    return reason === undefined || this.#isForced(path, sha256(bytes), force) ? [] : [{ path, reason }];
  }

  #before(path: string): ContentFacts | undefined {
    const { paths, essentials } = this.#memory;
    if (paths[path] !== 1) return undefined;
    return { hasContent: true, essentials: essentials[path] ?? [] };
  }

  #isForced(path: string, digest: string, force: ReadonlySet<string>): boolean {
    return force.has(path) || this.#memory.forced[path] === digest;
  }

  #factsOf(entry: FileEntry, haInterface: string): ContentFacts {
    const known = this.#known.get(entry.path);
    if (known?.sha256 === entry.sha256) return known.facts;
    const bytes = isUciPackage(entry.path) ? this.#files.readBytes(entry.path) : undefined;
    const facts =
      bytes === undefined ? fileFacts(entry.size, entry.sha256) : packageFacts(entry.path, bytes, haInterface);
    this.#known.set(entry.path, { sha256: entry.sha256, facts });
    return facts;
  }

  #write(memory: Memory): void {
    if (JSON.stringify(memory) === JSON.stringify(this.#memory)) return;
    this.#memory = memory;
    this.#files.write(sentContentPath, JSON.stringify(memory), { mode: 0o600 });
  }
}

function readMemory(files: Files): Memory {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), memorySchema), files.readText(sentContentPath));
  return parsed.success ? parsed.output : { version: 1, paths: {}, essentials: {}, forced: {} };
}
