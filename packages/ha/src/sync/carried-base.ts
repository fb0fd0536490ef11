/**
 * The configuration of this backup when it took the site over, and the changes since. Compares the files that the next synchronisation
 * would overwrite or remove, and the sections of /etc/config/network, which a site needs as much.
 * Invariants: the agent's own changes at a takeover (DHCP force, cron lines, routes, `auto`) do not count; nor does state (cluster/state-files.ts),
 * which is transferred separately.
 */
import { sha256 } from "@nethsec/host/files/digests";
import { readJson } from "@nethsec/host/files/read-json";
import type { Host } from "@nethsec/host/host";
import type { Package, Section } from "@nethsec/host/uci-store";
import * as v from "valibot";
import type { Change } from "../cluster/backup-changes.ts";
import type { HaConfig } from "../cluster/config.ts";
import { optionsOf } from "../cluster/network-records.ts";
import { lastingPath, removeLasting, writeLasting } from "../cluster/lasting-file.ts";
import { statePaths } from "../cluster/state-files.ts";
import { type ManifestEntry, ManifestReader } from "./manifest.ts";
import { transformsFor } from "./node-differences.ts";
import { isOwnPath, isWithin, matchesAny } from "./path-rules.ts";
import { stagedManifest } from "./staged-manifest.ts";

/** Survives a reboot of the node that carries the site. */
const baseName = "carried-base.json";
/** By path, or `network.SECTION`: a digest of the content. */
const baseSchema = v.record(v.string(), v.string());
export type Digests = Readonly<Record<string, string>>;

type Machine = Pick<Host, "files" | "uci" | "clock">;

export function readBase(host: Pick<Host, "files">): Digests | undefined {
  return readJson(host.files, lastingPath(host.files, baseName), baseSchema);
}

/** Records the current content, unless already recorded since this takeover. */
export function takeBase(host: Machine, config: HaConfig): void {
  if (host.files.exists(lastingPath(host.files, baseName))) return;
  writeLasting(host.files, baseName, JSON.stringify(currentDigests(host, config)));
}

export function clearBase(files: Pick<Host["files"], "remove">): void {
  removeLasting(files, baseName);
}

/** undefined: this node did not take over, or no base was recorded. */
export function changesSinceTakeover(host: Machine, config: HaConfig): Change[] | undefined {
  const base = readBase(host);
  return base === undefined ? undefined : compareDigests(base, currentDigests(host, config));
}

/** Differences, sorted by name. Pure. */
export function compareDigests(base: Digests, now: Digests): Change[] {
  const names = [...new Set([...Object.keys(base), ...Object.keys(now)])].sort();
  return names.flatMap((name): Change[] => {
    const [before, after] = [base[name], now[name]];
    if (before === after) return [];
    return [
      {
        name,
        change: before === undefined ? "added" : after === undefined ? "removed" : "changed",
        ...(before === undefined ? {} : { base: before }),
        ...(after === undefined ? {} : { digest: after }),
      },
    ];
  });
}

/** Digests of the files that a synchronisation would overwrite, and of the network sections. */
export function currentDigests(host: Machine, config: HaConfig): Digests {
  const roots = overwrittenRoots(host, config);
  const state = statePaths(host);
  const skip = (path: string): boolean =>
    isOwnPath(path) ||
    isWithin(path, "/etc/ha") ||
    matchesAny(path, config.sync.exclude) ||
    state.some((root) => isWithin(path, root));
  const digest = digestsAs(host);
  const reader = new ManifestReader(host.files, () => host.clock.now());
  const files = reader.read(roots, skip).flatMap((entry) => {
    const found = digest(entry);
    return found === undefined ? [] : [[entry.path, found] as const];
  });
  return { ...Object.fromEntries(files), ...networkDigests(host.uci.read("network"), config) };
}

/** Digest of a file or link, ignoring intended differences between active and passive node. undefined for a folder: only its content counts. */
export function digestsAs(host: Pick<Host, "files" | "uci">): (entry: ManifestEntry) => string | undefined {
  const transforms = transformsFor(host);
  return (entry) => {
    if (entry.type === "directory") return undefined;
    if (entry.type === "symlink") return `link ${entry.target}`;
    const transform = transforms(entry.path);
    return transform === undefined ? entry.sha256 : sha256(transform(host.files.readText(entry.path) ?? ""));
  };
}

function overwrittenRoots(host: Machine, config: HaConfig): string[] {
  const configs = host.files.list("/etc/config").map((name) => `/etc/config/${name}`);
  try {
    return [...new Set([...stagedManifest(host, config, undefined).roots, ...configs])];
  } catch {
    return configs; // nothing was received yet, or it is damaged
  }
}

/** Options of a section that differ between the active and the passive node. */
const followingOptions = new Set(["ns_tag", "auto", "ns_auto", "disabled", "ns_disabled"]);

function networkDigests(network: Package, config: HaConfig): Digests {
  const own = ownSections(config);
  return Object.fromEntries(
    network.sections.flatMap((section) =>
      own.has(section.name) ? [] : [[`network.${section.name}`, sectionDigest(section)] as const],
    ),
  );
}

export function sectionDigest(section: Section): string {
  const options = Object.entries(optionsOf(section)).filter(([name]) => !followingOptions.has(name));
  return sha256(JSON.stringify([section.type, options.toSorted(([a], [b]) => (a < b ? -1 : 1))]));
}

/** Interfaces that each node configures itself. */
function ownSections(config: HaConfig): ReadonlySet<string> {
  return new Set(["loopback", ...config.interfaces.map(({ name }) => name)]);
}
