/**
 * Which paths travel. Pure.
 * Invariant: a path that passes `isCleanPath` is absolute, has no `.`, `..`, empty part or control character, and is not "/".
 */
import { haPaths } from "../cluster/config.ts";

/** Never sent and never accepted: what makes a node itself, and where the synchronisation keeps its own things. */
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

/** Names of the manifest and of the list in the staging area; they describe the rest and are restored nowhere. */
export const manifestPath = "/tmp/ns-ha-manifest.json";
export const restoreListPath = "/tmp/restore_list";

export function isCleanPath(path: string): boolean {
  // eslint-disable-next-line no-control-regex
  if (!path.startsWith("/") || path.length > 4096 || /[\u0000-\u001f\u007f]/.test(path)) return false;
  return path
    .slice(1)
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && part.length <= 255);
}

/** Below the folders of `ownPaths`, but state that the other node needs (cluster/state-files.ts): caches of ddns-scripts. */
const stateInRun = ["/tmp/run/ddns", "/var/run/ddns"];

/** `path` is `root` or below it. */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** Names under which @nethsec/host writes files before they are renamed into place: there for a moment, or left by a writer that was killed. */
const halfWritten = /\/\.[^/]+\.(?:new|uci)-[A-Za-z0-9]{8}$/;

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
