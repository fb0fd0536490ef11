/**
 * Which paths may be synchronised. Pure.
 * Invariant: a path that passes `isCleanPath` is absolute, has no `.`, `..`, empty part or NUL, and is not "/". Names are bytes, newlines and
 * all (see @nethsec/host/files/os-path).
 */
import { pathBytes } from "@nethsec/host/files/os-path";
import { haPaths } from "../cluster/config.ts";

/** Never sent and never accepted: each node's own configuration, and the synchronisation's own files. */
export const ownPaths: readonly string[] = [
  "/proc",
  "/sys",
  "/dev",
  "/run",
  "/var/run",
  "/tmp/run",
  "/usr/share/keepalived",
  "/etc/keepalived",
  "/etc/ns-ha",
  "/etc/config/network",
  "/etc/config/keepalived",
  "/etc/dropbear",
  "/etc/conntrackd",
  "/etc/ssh/ssh_host_ed25519_key",
  "/etc/ssh/ssh_host_rsa_key",
  "/etc/ssh/ssh_host_ecdsa_key",
  haPaths.keysDir,
  haPaths.linkRulesIn,
  haPaths.linkRulesOut,
];

/** Paths of the manifest and of the restore list in the staging area; they are metadata and are not restored. */
export const manifestPath = "/tmp/ns-ha-manifest.json";
export const restoreListPath = "/tmp/restore_list";

/** Linux: NAME_MAX, and PATH_MAX without the NUL at the end. */
const nameBytesMax = 255;
const pathBytesMax = 4095;

export function isCleanPath(path: string): boolean {
  if (!path.startsWith("/") || path.includes("\0") || pathBytes(path).length > pathBytesMax) return false;
  return path
    .slice(1)
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && pathBytes(part).length <= nameBytesMax);
}

/** Exceptions below `ownPaths`: state that the other node needs (cluster/state-files.ts), the caches of ddns-scripts. */
const stateInRun = ["/tmp/run/ddns", "/var/run/ddns"];

/** "/a/b/c" → "/a", "/a/b" */
export function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/** `path` is `root` or below it. */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** Temporary names under which @nethsec/host writes files before renaming them into place. */
const halfWritten = /\/\.[^/]+\.(?:new|uci)-[A-Za-z0-9]{8}$/;

/** True for a temporary file of a write in progress, or of a killed writer. */
export function isHalfWritten(path: string): boolean {
  return halfWritten.test(path);
}

export function isOwnPath(path: string): boolean {
  if (stateInRun.some((root) => isWithin(path, root))) return false;
  const named = path === manifestPath || path === restoreListPath || halfWritten.test(path);
  return named || ownPaths.some((own) => isWithin(path, own));
}

/** True when one of the patterns (paths, folders, or with `*`, `?`, `[…]` as in a shell) covers the path. */
export function matchesAny(path: string, patterns: readonly string[]): boolean {
  return patterns.some(
    (pattern) => isWithin(path, pattern.replace(/\/+$/, "")) || (isGlob(pattern) && globToRegExp(pattern).test(path)),
  );
}

export function isGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

/** A shell pattern for whole paths and everything below them; `*` and `?` do not match a slash. */
export function globToRegExp(pattern: string): RegExp {
  const source = pattern.replace(/\/+$/, "").replaceAll(/\*+|\?|\[!?[^\]/]*\]|[.+^${}()|\\[\]]/g, (token) => {
    if (token.startsWith("*")) return "[^/]*";
    if (token === "?") return "[^/]";
    if (token.length > 2 && token.startsWith("[")) return token.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return `\\${token}`;
  });
  return new RegExp(`^${source}(?:/.*)?$`);
}
