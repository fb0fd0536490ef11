/** The synchronised files as they are on this node: the backup's half of `diff`. */
import type { Host } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";
import { type ManifestEntry, ManifestReader } from "./manifest.ts";
import { transformsFor } from "./node-differences.ts";
import { receiveScope } from "./receive-scope.ts";
import { stagedManifest } from "./staged-manifest.ts";

/**
 * This node's files of the staging area's list, described as the primary would. Paths that this node would not accept are left out, since the list
 * comes from the other node and must not reveal them.
 */
export async function heldEntries(host: Host, config: HaConfig): Promise<ManifestEntry[]> {
  const manifest = stagedManifest(host, config, undefined);
  const transforms = transformsFor(host);
  const reader = new ManifestReader(host.files, () => host.clock.now());
  const sent = new Map(manifest.entries.map((entry) => [entry.path, entry]));
  const inScope = await receiveScope(host, config);
  return reader
    .read(manifest.roots, (path) => !inScope(path))
    .map((entry) => {
      const transform = transforms(entry.path);
      const staged =
        transform === undefined ? undefined : host.files.readText(`${config.sync.stagingDir}${entry.path}`);
      const asSent = sent.get(entry.path);
      if (transform === undefined || staged === undefined || asSent?.type !== "file") return entry;
      return host.files.readText(entry.path) === transform(staged) ? asSent : entry;
    });
}
