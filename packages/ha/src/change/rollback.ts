/**
 * A change of this node that happens or does not: the files it touches are remembered before, and put back byte for byte, with their modes,
 * when anything fails. What was made effective is made effective again by `undo`.
 */
import type { Files } from "@nethsec/host/host";

interface Remembered {
  readonly path: string;
  /** undefined: there was none. */
  readonly was: { readonly bytes: Uint8Array; readonly mode: number } | undefined;
}

/** Files of which a copy can be kept and put back, as often as wanted. */
export interface Snapshot {
  /** Paths that were not as remembered. */
  restore(): string[];
}

/** `paths`: single files; missing ones are remembered as missing. */
export function snapshot(files: Files, paths: readonly string[]): Snapshot {
  const all = paths.map((path): Remembered => {
    const bytes = files.readBytes(path);
    const mode = files.stat(path)?.mode;
    return { path, was: bytes === undefined || mode === undefined ? undefined : { bytes, mode } };
  });
  return {
    restore: () =>
      all.flatMap(({ path, was }) => {
        const now = files.readBytes(path);
        if (was === undefined) {
          if (now === undefined) return [];
          files.remove(path);
          return [path];
        }
        if (now !== undefined && Buffer.from(now).equals(was.bytes)) return [];
        files.write(path, was.bytes, { mode: was.mode });
        return [path];
      }),
  };
}

/** Runs `work`; when it throws, puts the files back, runs `undo` (whose own failure is not told: the first one matters), and throws again. */
export async function withRollback<T>(
  files: Files,
  paths: readonly string[],
  work: () => Promise<T>,
  undo: () => Promise<unknown>,
): Promise<T> {
  const before = snapshot(files, paths);
  try {
    return await work();
  } catch (error) {
    before.restore();
    await undo().catch(() => undefined);
    throw error;
  }
}

/** Every file that a change of the cluster's configuration touches on one node. */
export const configurationFiles: readonly string[] = [
  "/etc/config/keepalived",
  "/etc/config/dropbear",
  "/etc/config/firewall",
  "/etc/config/network",
  "/etc/conntrackd/conntrackd.conf",
  "/etc/dropbear/authorized_keys",
];
