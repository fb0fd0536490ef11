/**
 * Files that the backup refuses to take from a staging area: those that lost their content while this node's copy still has it.
 * Invariant: nothing is changed here; the rest of the staging area is applied.
 */
import type { Files } from "@nethsec/host/host";
import type { Withheld } from "../cluster/agent-schemas.ts";
import { haPaths, type HaConfig } from "../cluster/config.ts";
import { type ContentFacts, fileFacts, isConfiguration, isUciPackage, lossOf, packageFacts } from "./lost-content.ts";
import type { Manifest, ManifestEntry } from "./manifest.ts";
import { isWithin } from "./path-rules.ts";

const firewall = "/etc/config/firewall";

/** Entries of the manifest that stay as they are on this node, each with the reason. */
export function heldBack(files: Files, config: HaConfig, manifest: Manifest): Withheld[] {
  const forced = new Set(manifest.forced);
  const found = manifest.entries.flatMap((entry): Withheld[] => {
    if (entry.type !== "file" || forced.has(entry.path) || !isConfiguration(entry.path)) return [];
    const reason = lossHere(files, config, entry);
    return reason === undefined ? [] : [{ path: entry.path, reason }];
  });
  if (!found.some(({ path }) => path === firewall)) return found;
  // The export was made from this broken firewall file, so it would lack the WANs.
  const exported = manifest.entries.filter(({ path }) => isWithin(path, haPaths.exportDir));
  return [...found, ...exported.map(({ path }) => ({ path, reason: `it was made from ${firewall}` }))];
}

function lossHere(files: Files, config: HaConfig, entry: Extract<ManifestEntry, { type: "file" }>): string | undefined {
  const { path } = entry;
  // For other files only the primary knows whether they were emptied on purpose.
  if (!isUciPackage(path)) return lossOf(fileFacts(entry.size, entry.sha256), undefined);
  const here = files.stat(path)?.type === "file" ? files.readBytes(path) : undefined;
  const staged = files.readBytes(`${config.sync.stagingDir}${path}`);
  if (staged === undefined) return undefined; // the restore reports missing files
  const factsOf = (bytes: Uint8Array): ContentFacts => packageFacts(path, bytes, config.haInterface.name);
  return lossOf(factsOf(staged), here === undefined ? undefined : factsOf(here));
}
