/**
 * Whose changes are recorded: the configuration of this node, that is /etc/config, the cron jobs, and what the list of the synchronisation names
 * below /etc. State that programs write by themselves (leases, certificates, counters) and the export of each synchronisation are left out.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Files, Host } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";
import { statePaths } from "../cluster/state-files.ts";
import { fileList } from "../sync/file-list.ts";
import { ManifestReader } from "../sync/manifest.ts";
import { isHalfWritten, isWithin, matchesAny } from "../sync/path-rules.ts";
import type { Entries, Entry } from "./revision.ts";

const always = ["/etc/config", "/etc/crontabs"];

/** Files and folders to record, which exist here. */
export function trackedRoots(host: Pick<Host, "files">, { sync }: Pick<HaConfig, "sync">): string[] {
  const listed = fileList(host.files, { sysupgrade: [], list: sync.list, exclude: [] });
  const roots = [...always, ...listed].filter((path) => isWithin(path, "/etc") && host.files.exists(path));
  return [...new Set(roots)];
}

export class TrackedFiles {
  readonly #host: Pick<Host, "files" | "uci">;
  readonly #reader: ManifestReader;
  #state: readonly string[] = [];

  constructor(host: Pick<Host, "files" | "uci" | "clock">) {
    this.#host = host;
    this.#reader = new ManifestReader(host.files, () => host.clock.now());
  }

  /** The tracked files as they are now. */
  entries(config: Pick<HaConfig, "sync">): Entries {
    const left = ["/etc/ha", "/etc/ns-ha", ...this.#statePaths()];
    const skip = (path: string): boolean => isHalfWritten(path) || matchesAny(path, left);
    const entries = this.#reader.read(trackedRoots(this.#host, config), skip);
    return new Map(entries.flatMap((entry) => (entry.type === "directory" ? [] : [[entry.path, entry]])));
  }

  /** Those of the last time, while the configuration that names them cannot be read: that, too, is a change to be recorded. */
  #statePaths(): readonly string[] {
    try {
      this.#state = statePaths(this.#host);
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
    }
    return this.#state;
  }
}

/** The content of a tracked file. */
export const contentHere =
  (files: Pick<Files, "readBytes">) =>
  ({ path }: Entry): Uint8Array | undefined =>
    files.readBytes(path);
