/** Keeps the staging area from growing beyond the current manifest. */
import type { Host } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";
import type { Manifest } from "./manifest.ts";
import { manifestPath, restoreListPath } from "./path-rules.ts";

/** Removes files of former runs that the manifest no longer has. */
export function pruneStaging(host: Pick<Host, "files">, config: HaConfig, manifest: Manifest): void {
  const wanted = new Set(manifest.entries.map(({ path }) => path));
  const parents = new Set(
    [...wanted].flatMap((path) =>
      path
        .split("/")
        .slice(1)
        .map((_, index, parts) => `/${parts.slice(0, index + 1).join("/")}`),
    ),
  );
  const visit = (dir: string): void => {
    for (const name of host.files.list(`${config.sync.stagingDir}${dir}`)) {
      const path = `${dir}/${name}`;
      if (path === "/tmp") visit(path);
      else if (path === manifestPath || path === restoreListPath) continue;
      else if (!parents.has(path)) host.files.remove(`${config.sync.stagingDir}${path}`, { recursive: true });
      else if (host.files.stat(`${config.sync.stagingDir}${path}`)?.type === "directory") visit(path);
    }
  };
  visit("");
}
