/**
 * What the primary would send now: export → list → entries. Paths that must not or cannot be sent are reported in `withheld` instead.
 * Invariant: files that lost their content are not sent, and nothing is exported from them; the rest is sent.
 */
import type { Host } from "@nethsec/host/host";
import type { Withheld } from "../cluster/agent-schemas.ts";
import type { HaConfig } from "../cluster/config.ts";
import { statePaths } from "../cluster/state-files.ts";
import { writeExport } from "./export-files.ts";
import { fileList, type SysupgradeList, sysupgradeList } from "./file-list.ts";
import { type Manifest, manifestId, ManifestReader } from "./manifest.ts";
import { isOwnPath, matchesAny } from "./path-rules.ts";
import { exportSources, SentContent } from "./sent-content.ts";

export interface Described {
  readonly manifest: Manifest;
  /** The manifest as it is sent. */
  readonly text: string;
  readonly id: string;
  readonly withheld: readonly Withheld[];
  /** Paths that are sent even though their content looks lost. */
  readonly force: ReadonlySet<string>;
}

export interface DescribeOptions {
  /** Run `sysupgrade -l` again. */
  readonly fresh: boolean;
  readonly force: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** `sysupgrade -l` takes a second on small machines, and its output changes rarely. */
const listAgeMaxMs = 60_000;

export class Description {
  readonly #host: Host;
  readonly #reader: ManifestReader;
  readonly #content: SentContent;
  #listed: { readonly at: number; readonly list: SysupgradeList } | undefined;
  #roots: readonly string[] = [];

  constructor(host: Host) {
    this.#host = host;
    this.#reader = new ManifestReader(host.files, () => host.clock.now());
    this.#content = new SentContent(host.files);
  }

  /** The restore list of the last description: the paths to watch. */
  get roots(): readonly string[] {
    return this.#roots;
  }

  async describe(config: HaConfig, { fresh, force, signal }: DescribeOptions): Promise<Described> {
    const { files } = this.#host;
    const { exclude } = config.sync;
    const haInterface = config.haInterface.name;
    const sources = this.#content.lost([], haInterface, force);
    if (!sources.some(({ path }) => exportSources.includes(path))) await writeExport(this.#host);
    const roots = await this.#list(config, fresh, signal);
    const found = this.#reader.read(roots, (path) => isOwnPath(path) || matchesAny(path, exclude));
    const lost = this.#content.lost(found, haInterface, force);
    const kept = new Set(lost.map(({ path }) => path));
    const entries = found.filter(({ path }) => !kept.has(path));
    const here = new Set(found.map(({ path }) => path));
    const gone = this.#content.sent.filter(
      (path) =>
        !here.has(path) &&
        !isOwnPath(path) &&
        !kept.has(path) &&
        !matchesAny(path, exclude) &&
        files.stat(path) === undefined,
    );
    const forced = this.#content.forced(entries, force);
    const manifest: Manifest = { version: 1, roots: [...roots], gone, kept: [...kept], forced, entries };
    const text = JSON.stringify(manifest);
    return { manifest, text, id: manifestId(text), withheld: [...lost, ...this.#unnamed(config)], force };
  }

  /** Records that the backup has the described content, except for `notTaken`. */
  delivered({ manifest, withheld, force }: Described, notTaken: readonly Withheld[], config: HaConfig): void {
    this.#content.remember(manifest.entries, [...withheld, ...notTaken], config.haInterface.name, force);
  }

  /** Entries of the lists that cannot name a file. */
  #unnamed(config: HaConfig): Withheld[] {
    const pieces = (this.#listed?.list.pieces ?? []).map((path) => ({
      path,
      reason:
        "`sysupgrade -l` lists a piece of a name that has a newline in it; rename the file, or add its folder to keepalived.ha_peer.sync_list",
    }));
    const relative = config.sync.list.filter((path) => !path.startsWith("/"));
    return [
      ...pieces,
      ...relative.map((path) => ({ path, reason: "keepalived.ha_peer.sync_list names it without a slash in front" })),
    ];
  }

  async #list(config: HaConfig, fresh: boolean, signal: AbortSignal): Promise<readonly string[]> {
    const { files, clock } = this.#host;
    if (fresh || this.#listed === undefined || clock.monotonic() - this.#listed.at > listAgeMaxMs) {
      this.#listed = { at: clock.monotonic(), list: await sysupgradeList(this.#host, signal) };
    }
    const { list, exclude } = config.sync;
    // `sysupgrade -l` always includes /etc/config: list it here, so that a new package need not wait for the next call.
    const configs = files.list("/etc/config").map((name) => `/etc/config/${name}`);
    const state = statePaths(this.#host);
    this.#roots = fileList(files, {
      sysupgrade: [...this.#listed.list.paths, ...configs],
      list: [...list, ...state],
      exclude,
    });
    return this.#roots;
  }
}
