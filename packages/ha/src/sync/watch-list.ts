/**
 * What to watch so that a change starts a synchronisation by itself. Pure.
 * Invariant: whatever changes what would be sent is watched, also what never travels itself: the export is made from it.
 */
import { dirname } from "node:path";
import { isGlob, isOwnPath, isWithin } from "./path-rules.ts";
import { exportSources } from "./sent-content.ts";

/** Read by `exportNetwork` (cluster/network-records.ts) and, for the list of files itself, by `readHaConfig`. */
const sources: ReadonlySet<string> = new Set([...exportSources, "/etc/config/keepalived"]);

/** A change of `path` may change what the backup should have. */
export function concernsSync(path: string): boolean {
  if (sources.has(path)) return true;
  // The export's own files: written by each run, so they would start the next one.
  return !isOwnPath(path) && !isWithin(path, "/etc/ha");
}

/**
 * Folders and files to watch. `list`: of the configuration, patterns included; `sent`: roots of the last run, e.g. what `sysupgrade -l` names
 * outside /etc. Nothing directly below the root folder: that would be the whole machine.
 */
export function watchRoots(list: readonly string[], sent: readonly string[]): string[] {
  const paths = [...list.map((item) => (isGlob(item) ? fixedPart(item) : item)), ...sent]
    .map((path) => path.replaceAll(/\/{2,}/g, "/").replace(/\/+$/, ""))
    .filter((path) => !isWithin(path, "/etc") && dirname(path) !== "/" && path.startsWith("/"));
  const roots = [...new Set(paths)].sort();
  return ["/etc", ...roots.filter((path) => !roots.some((other) => other !== path && isWithin(path, other)))];
}

/** The folder in which a pattern begins to vary: "/srv/x/*.conf" → "/srv/x". */
function fixedPart(pattern: string): string {
  const parts = pattern.split("/");
  return parts.slice(0, parts.findIndex(isGlob)).join("/");
}
