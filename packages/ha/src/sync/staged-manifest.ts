/** Reads the manifest in the staging area. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";
import { manifestId, type Manifest, parseManifest } from "./manifest.ts";
import { manifestPath } from "./path-rules.ts";

/** `id`: of the manifest that the primary just sent; undefined: any. Throws `staging_incomplete`, and like `parseManifest`. */
export function stagedManifest(host: Pick<Host, "files">, config: HaConfig, id: string | undefined): Manifest {
  const path = `${config.sync.stagingDir}${manifestPath}`;
  const text = host.files.stat(path)?.type === "file" ? host.files.readText(path) : undefined;
  if (text === undefined || (id !== undefined && manifestId(text) !== id)) {
    throw new NethsecError({
      code: "staging_incomplete",
      message: "The staging area does not hold the manifest that was announced. Nothing was changed.",
      advice: "Run `ns-ha-config sync --wait` on the primary.",
    });
  }
  return parseManifest(text);
}
