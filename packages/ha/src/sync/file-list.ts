/**
 * Which files are synchronised: `sysupgrade -l`, plus keepalived.ha_peer.sync_list, minus exclude_list, minus each node's own paths.
 * Invariants: every path is clean, and its first part is no link (`/var` is one on OpenWrt); the order does not depend on the sources.
 */
import { NethsecError } from "@nethsec/host/error";
import { pathText } from "@nethsec/host/files/os-path";
import type { Files, Host } from "@nethsec/host/host";
import { globToRegExp, isCleanPath, isGlob, isOwnPath, matchesAny } from "./path-rules.ts";

export interface SysupgradeList {
  readonly paths: readonly string[];
  /** Lines that are not absolute paths: fragments of file names that contain a newline. */
  readonly pieces: readonly string[];
}

const sysupgradeTimeoutMs = 30_000;

/** The output of `sysupgrade -l`, one path a line, read as bytes. Empty when there is no sysupgrade here. */
export async function sysupgradeList(host: Pick<Host, "run" | "files">, signal?: AbortSignal): Promise<SysupgradeList> {
  if (!host.files.exists("/sbin/sysupgrade")) return { paths: [], pieces: [] };
  const timeout = AbortSignal.timeout(sysupgradeTimeoutMs);
  const child = host.run.spawn(["sysupgrade", "-l"], {
    stderr: "ignore",
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  });
  const [bytes, { code }] = await Promise.all([new Response(child.stdout).bytes(), child.exited]);
  if (code !== 0) {
    throw new NethsecError({
      code: "sysupgrade_failed",
      message: `\`sysupgrade -l\` on this node ended with ${code === null ? "a signal" : `exit code ${code}`}: what belongs to a backup is not known.`,
      advice: "Run it by hand: sysupgrade -l",
    });
  }
  const lines = pathText(bytes)
    .split("\n")
    .filter((line) => line !== "");
  return {
    paths: lines.filter((line) => line.startsWith("/")),
    pieces: lines.filter((line) => !line.startsWith("/")),
  };
}

export interface FileListSources {
  readonly sysupgrade: readonly string[];
  readonly list: readonly string[];
  readonly exclude: readonly string[];
}

/** The restore list: files and folders that exist here, patterns resolved. */
export function fileList(files: Files, { sysupgrade, list, exclude }: FileListSources): string[] {
  const found = [...sysupgrade, ...list.flatMap((item) => (isGlob(item) ? expand(files, item) : [item]))]
    .map((path) => withoutLink(files, path.replaceAll(/\/{2,}/g, "/").replace(/\/+$/, "")))
    .filter(
      (path) => isCleanPath(path) && !isOwnPath(path) && !matchesAny(path, exclude) && files.stat(path) !== undefined,
    );
  return [...new Set(found)].sort();
}

/** `/var/x` → `/tmp/x` where /var is a link, as on OpenWrt: the receiver follows no links. */
export function withoutLink(files: Files, path: string): string {
  const [, first = "", ...rest] = path.split("/");
  const target = first === "" ? undefined : files.readlink(`/${first}`);
  if (target === undefined) return path;
  return [target.startsWith("/") ? target : `/${target}`, ...rest].join("/");
}

/** Expands a pattern, one folder level at a time. */
function expand(files: Files, pattern: string): string[] {
  const parts = pattern.split("/").slice(1);
  let found = [""];
  for (const part of parts) {
    found = found.flatMap((dir) => {
      if (!isGlob(part)) return [`${dir}/${part}`];
      const expression = globToRegExp(`/${part}`);
      // A shell's `*` does not match hidden names either.
      return files
        .list(dir === "" ? "/" : dir)
        .flatMap((name) =>
          expression.test(`/${name}`) && (!name.startsWith(".") || part.startsWith(".")) ? [`${dir}/${name}`] : [],
        );
    });
  }
  return found.filter((path) => files.stat(path) !== undefined);
}
