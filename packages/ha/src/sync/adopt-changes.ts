/**
 * Adopts changes made on the backup into this primary, which then synchronises them back as its own.
 * Invariants: a change that conflicts with one made here since the takeover is not applied without `force`; only paths covered by the
 * synchronisation are written, none of the node's own, and none through a link.
 */
import type { Host } from "@nethsec/host/host";
import type { KeptEntry, KeptSet } from "../cluster/backup-changes.ts";
import type { HaConfig } from "../cluster/config.ts";
import { importTag, type Options } from "../cluster/network-records.ts";
import { digestsAs, sectionDigest } from "./carried-base.ts";
import { fileList, sysupgradeList } from "./file-list.ts";
import { sectionOf } from "./kept-changes.ts";
import { ManifestReader } from "./manifest.ts";
import { isCleanPath, isOwnPath, isWithin } from "./path-rules.ts";
import { reloadServices } from "./reload-services.ts";
import { realFolders, writeEntry } from "./write-entry.ts";

export interface Adopted {
  /** Names that are now as the backup had them. */
  readonly adopted: readonly string[];
  /** Names that were changed on both nodes; if there are any, nothing was adopted. */
  readonly conflicts: readonly string[];
  /** Names that are not adopted: not covered by the synchronisation, this node's own, or behind a link. */
  readonly refused: readonly string[];
}

/** `content` returns the file of an entry, by its index in the set. */
export async function adoptChanges(
  host: Host,
  config: HaConfig,
  set: KeptSet,
  options: {
    readonly force: boolean;
    /** Names just adopted from an older set: not changes of this node, so no conflict. */
    readonly taken: ReadonlySet<string>;
    readonly content: (index: number) => Promise<Uint8Array>;
  },
): Promise<Adopted> {
  const covered = await coveredPaths(host, config);
  const places = set.entries.map((entry, index) => ({ entry, index }));
  const refused = places.filter(({ entry }) => !covered(entry.name)).map(({ entry }) => entry.name);
  const wanted = places.filter(({ entry }) => covered(entry.name));
  const conflicts = wanted
    .filter(({ entry }) => !options.taken.has(entry.name) && isConflict(host, entry))
    .map(({ entry }) => entry.name);
  if (conflicts.length > 0 && !options.force) return { adopted: [], conflicts, refused };
  // Fetch everything before writing anything.
  const contents = new Map<number, Uint8Array>();
  for (const { entry, index } of wanted)
    if (entry.file !== undefined) contents.set(index, await options.content(index));
  const paths = wanted.filter(({ entry }) => sectionOf(entry.name) === undefined);
  for (const { entry, index } of paths) write(host, entry, contents.get(index));
  const sections = wanted.filter(({ entry }) => sectionOf(entry.name) !== undefined).map(({ entry }) => entry);
  if (writeSections(host, sections)) await host.services.call("network", "reload", { timeoutMs: 60_000 });
  await host.services.reloadConfig();
  await reloadServices(
    host,
    paths.map(({ entry }) => entry.name),
  );
  return { adopted: wanted.map(({ entry }) => entry.name), conflicts: [], refused };
}

async function coveredPaths(host: Host, config: HaConfig): Promise<(name: string) => boolean> {
  const { list, exclude } = config.sync;
  const roots = [
    ...fileList(host.files, { sysupgrade: (await sysupgradeList(host)).paths, list, exclude }),
    "/etc/config",
  ];
  return (name) => {
    if (sectionOf(name) !== undefined) return true;
    return (
      isCleanPath(name) &&
      !isOwnPath(name) &&
      roots.some((root) => isWithin(name, root)) &&
      realFolders(host.files, name)
    );
  };
}

/** True when the content here is neither that of the takeover nor the backup's version. */
function isConflict(host: Host, entry: KeptEntry): boolean {
  const here = digestHere(host, entry.name);
  return here !== entry.base && here !== digestThere(entry);
}

function digestHere(host: Host, name: string): string | undefined {
  const section = sectionOf(name);
  if (section !== undefined) {
    const found = host.uci.read("network").section(section);
    return found === undefined ? undefined : sectionDigest(found);
  }
  const entry = new ManifestReader(host.files, () => host.clock.now()).entry(name);
  return entry === undefined ? undefined : digestsAs(host)(entry);
}

/** Digest of the backup's version; undefined when it was removed there or has no digest. */
function digestThere({ change, target, digest }: KeptEntry): string | undefined {
  if (change === "removed") return undefined;
  return target === undefined ? digest : `link ${target}`;
}

function write({ files }: Host, { name, change, file, target }: KeptEntry, bytes: Uint8Array | undefined): void {
  if (change === "removed") return writeEntry(files, name, { type: "nothing" });
  if (target !== undefined) return writeEntry(files, name, { type: "symlink", target });
  if (file === undefined || bytes === undefined) return;
  if (bytes.length !== file.size) throw new Error(`${name} did not come whole from the backup node`);
  writeEntry(files, name, { type: "file", bytes, ...file });
}

/** Writes the sections in the primary's form: without the tag, and with the user's values of `auto` and `disabled`. */
function writeSections(host: Host, entries: readonly KeptEntry[]): boolean {
  if (entries.length === 0) return false;
  const changed = host.uci.change((transaction) => {
    for (const { name, section } of entries) {
      const named = sectionOf(name) ?? "";
      transaction.delete("network", named);
      if (section === undefined) continue;
      transaction.setSection("network", named, section.type);
      for (const [option, value] of Object.entries(asOnPrimary(section.options)))
        transaction.set("network", named, option, value);
    }
  });
  return changed.length > 0;
}

function asOnPrimary(options: Options): Options {
  if (options["ns_tag"] !== importTag) return options;
  const { ns_tag: _tag, auto: _auto, disabled: _disabled, ns_auto: auto, ns_disabled: disabled, ...rest } = options;
  return { ...rest, ...(auto === undefined ? {} : { auto }), ...(disabled === undefined ? {} : { disabled }) };
}
