/**
 * Paths to watch, so that a change triggers a synchronisation. Pure.
 * Invariant: covers everything that affects what would be sent, including the input files of the export, which are not sent themselves.
 */
import { dirname } from "node:path";
import { isGlob, isOwnPath, isWithin } from "./path-rules.ts";
import { exportSources } from "./sent-content.ts";

/** Read by `exportNetwork` (cluster/network-records.ts) and, for the list of files itself, by `readHaConfig`. */
const sources: ReadonlySet<string> = new Set([...exportSources, "/etc/config/keepalived"]);

/** True when a change of `path` may require a synchronisation. */
export function concernsSync(path: string): boolean {
  if (sources.has(path)) return true;
  // /etc/ha, the export itself, is written by each run and would trigger the next one.
  return !isOwnPath(path) && !isWithin(path, "/etc/ha");
}

/**
 * Folders and files to watch. `list`: from the configuration, with patterns; `sent`: roots of the last run, e.g. paths from `sysupgrade -l`
 * outside /etc. Paths directly below / are left out: they would cover the whole machine.
 */
export function watchRoots(list: readonly string[], sent: readonly string[]): string[] {
  const paths = [...list.map((item) => (isGlob(item) ? fixedPart(item) : item)), ...sent]
    .map((path) => path.replaceAll(/\/{2,}/g, "/").replace(/\/+$/, ""))
    .filter((path) => !isWithin(path, "/etc") && dirname(path) !== "/" && path.startsWith("/"));
  const roots = [...new Set(paths)].sort();
  return ["/etc", ...roots.filter((path) => !roots.some((other) => other !== path && isWithin(path, other)))];
}

/** The part of a pattern before its first wildcard component: "/srv/x/*.conf" → "/srv/x". */
function fixedPart(pattern: string): string {
  const parts = pattern.split("/");
  return parts.slice(0, parts.findIndex(isGlob)).join("/");
}
