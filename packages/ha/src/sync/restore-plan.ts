/**
 * Plans a restore: walks the wanted tree (the manifest) side by side with this node's files. Read-only.
 * Invariants: a folder that is added, removed or replaced by another type is one operation with everything in it; what this node keeps (its own
 * paths, its exclude list, files held back) is neither changed nor removed, nor is any folder above it removed or replaced; paths that cannot
 * be restored are reported, and the rest is planned.
 */
import { sha256 } from "@nethsec/host/files/digests";
import { NethsecError } from "@nethsec/host/error";
import { pathBytes, pathText, shownPath } from "@nethsec/host/files/os-path";
import type { Files, FileStat, Random } from "@nethsec/host/host";
import type { Withheld } from "../cluster/agent-schemas.ts";
import { type ManifestEntry, ManifestReader } from "./manifest.ts";
import { isHalfWritten, isOwnPath, isWithin, matchesAny, ownPaths, parentsOf } from "./path-rules.ts";
import type { RestoreRequest } from "./restore-request.ts";
import type { Operation } from "./restore-operations.ts";

/** May be replaced, but never removed: whatever the primary says, this node stays reachable, by the link and by its administrator. */
const accessFiles: ReadonlySet<string> = new Set([
  "/etc/config/dropbear",
  "/etc/config/firewall",
  "/etc/passwd",
  "/etc/shadow",
  "/etc/group",
]);

/** Prefix of temporary names, used by nothing else; an interrupted preparation leaves such files. */
export const temporaryPrefix = ".ns-ha-restore.";

/** An entry to be prepared before the commit; folders come before their content. */
export interface Copy {
  readonly entry: ManifestEntry;
  readonly staged: string;
  readonly at: string;
  /** Bytes to write instead of the staged ones. */
  readonly text: Uint8Array | undefined;
  /** An existing folder on the file system that is written to. */
  readonly beside: string;
  readonly bytes: number;
}

export interface RestorePlan {
  /** Files and links that will change, and removed paths; not folders that are merely created. */
  readonly changed: readonly string[];
  readonly operations: readonly Operation[];
  readonly copies: readonly Copy[];
  readonly withheld: readonly Withheld[];
}

/** Throws `staging_incomplete` when the staging area does not hold what the manifest says. */
export function planRestore(files: Files, random: Pick<Random, "text">, request: RestoreRequest): RestorePlan {
  const planner = new Planner(files, random, request);
  planner.visitChildren("", planner.tree);
  for (const path of request.manifest.gone) planner.gone(path);
  return planner;
}

/** A wanted path; without `entry` a folder that only has to exist. */
interface Node {
  entry?: ManifestEntry;
  readonly children: Map<string, Node>;
}

class Planner implements RestorePlan {
  readonly changed: string[] = [];
  readonly operations: Operation[] = [];
  readonly copies: Copy[] = [];
  readonly withheld: Withheld[] = [];
  readonly tree: Node = { children: new Map() };
  readonly #files: Files;
  readonly #random: Pick<Random, "text">;
  readonly #request: RestoreRequest;
  readonly #reader: ManifestReader;
  readonly #kept: ReadonlySet<string>;
  readonly #removed = new Set<string>();

  constructor(files: Files, random: Pick<Random, "text">, request: RestoreRequest) {
    this.#files = files;
    this.#random = random;
    this.#request = request;
    this.#reader = new ManifestReader(files, () => Number.MAX_SAFE_INTEGER);
    this.#kept = new Set(request.manifest.kept);
    for (const entry of request.manifest.entries) this.#want(entry);
  }

  #want(entry: ManifestEntry): void {
    const { path } = entry;
    if (this.#stays(path)) return;
    if (!this.#request.inScope(path)) {
      this.withheld.push({ path, reason: outOfScope, outOfScope: true });
      return;
    }
    let node = this.tree;
    for (const name of path.slice(1).split("/")) {
      const next: Node = node.children.get(name) ?? { children: new Map() };
      node.children.set(name, next);
      node = next;
    }
    node.entry = entry;
  }

  visitChildren(path: string, node: Node): void {
    for (const [name, child] of node.children) this.#visit(`${path}/${name}`, child);
  }

  /** Precondition: the folder of `path` exists and is not replaced. */
  #visit(path: string, node: Node): void {
    const { entry } = node;
    const here = this.#files.stat(path);
    if (entry === undefined) {
      if (here === undefined) this.#place(path, node, here);
      else if (here.type === "directory") this.visitChildren(path, node);
      else
        this.#withholdBelow(
          node,
          `${shownPath(path)} is a link or a file on the backup, and what is behind it is not written to`,
        );
    } else if (entry.type !== "directory" || here?.type !== "directory") this.#visitChanged(path, node, entry, here);
    else {
      this.#attributes(path, entry, here);
      this.visitChildren(path, node);
      for (const name of this.#files.list(path)) if (!node.children.has(name)) this.#remove(`${path}/${name}`);
    }
  }

  #visitChanged(path: string, node: Node, entry: ManifestEntry, here: FileStat | undefined): void {
    const holds = here?.type === "directory" ? this.#staysBelow(path) : undefined;
    if (holds !== undefined || (entry.type !== "directory" && isAboveOwn(path))) {
      this.#withholdBelow(
        node,
        `it would replace a folder that holds ${shownPath(holds ?? "paths of this node")}, which stays`,
      );
      return;
    }
    const text = this.#checkStaged(entry);
    const found = here === undefined ? undefined : this.#reader.entry(path);
    const wanted = text === undefined || entry.type !== "file" ? entry : { ...entry, sha256: sha256(text) };
    if (found === undefined || !sameContent(found, wanted)) this.#place(path, node, here);
    else if (here !== undefined && entry.type === "file") this.#attributes(path, entry, here);
  }

  /** Plans new content for `path` and everything below it. */
  #place(path: string, node: Node, here: FileStat | undefined): void {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const temporary = this.#aside(folder);
    this.#copy(path, node, temporary, folder === "" ? "/" : folder);
    const saved = here === undefined ? {} : { saved: this.#aside(folder) };
    if (node.entry?.type === "directory" && here !== undefined) this.changed.push(path);
    const isFolder = node.entry === undefined || node.entry.type === "directory";
    this.operations.push({
      kind: "replace",
      path,
      temporary,
      ...saved,
      whole: isFolder || here?.type === "directory",
    });
  }

  #copy(path: string, node: Node, at: string, beside: string): void {
    const entry: ManifestEntry = node.entry ?? { path, type: "directory", mode: 0o755, uid: 0, gid: 0 };
    if (entry.type !== "directory") this.changed.push(path);
    const text = this.#checkStaged(entry);
    const bytes = text?.byteLength ?? (entry.type === "file" ? entry.size : 0);
    this.copies.push({ entry, staged: `${this.#request.stagingDir}${path}`, at, text, beside, bytes });
    for (const [name, child] of node.children) this.#copy(`${path}/${name}`, child, `${at}/${name}`, beside);
  }

  #attributes(path: string, entry: Extract<ManifestEntry, { mode: number }>, here: FileStat): void {
    const { mode, uid, gid } = entry;
    const before = { mode: here.mode & 0o1777, uid: here.uid, gid: here.gid };
    if ((before.mode === mode && before.uid === uid && before.gid === gid) || isAboveOwn(path)) return;
    if (entry.type === "file") this.changed.push(path);
    this.operations.push({ kind: "attributes", path, mode, uid, gid, before: { ...before, mode: here.mode } });
  }

  /** Plans the removal of a path that no longer exists on the primary. */
  gone(path: string): void {
    if (!this.#request.inScope(path) || this.#nodeAt(path) !== undefined) return;
    if (parentsOf(path).some((parent) => this.#removed.has(parent) || this.#files.stat(parent)?.type !== "directory"))
      return;
    if (
      this.operations.some(
        (operation) => operation.path === path || (isWithin(path, operation.path) && operation.kind === "replace"),
      )
    )
      return;
    this.#remove(path);
  }

  #nodeAt(path: string): Node | undefined {
    let node: Node | undefined = this.tree;
    for (const name of path.slice(1).split("/")) node = node?.children.get(name);
    return node;
  }

  #remove(path: string): void {
    const here = this.#files.stat(path);
    if (here === undefined || this.#stays(path) || !this.#request.inScope(path)) return;
    if (accessFiles.has(path)) {
      this.withheld.push({ path, reason: "without it nobody could log in on this node any more: it is kept" });
      return;
    }
    if (isAboveOwn(path) || (here.type === "directory" && this.#staysBelow(path) !== undefined)) {
      if (here.type === "directory") for (const name of this.#files.list(path)) this.#remove(`${path}/${name}`);
      return;
    }
    this.#removed.add(path);
    this.changed.push(path);
    const saved = this.#aside(path.slice(0, path.lastIndexOf("/")));
    this.operations.push({ kind: "replace", path, saved, whole: true });
  }

  /** True for this node's own paths, and for excluded and kept ones. */
  #stays(path: string): boolean {
    if (isOwnPath(path) || matchesAny(path, this.#request.exclude) || this.#kept.has(path)) return true;
    return parentsOf(path).some((parent) => this.#kept.has(parent));
  }

  /** The first path below `path` that stays; half-written files do not count. */
  #staysBelow(path: string): string | undefined {
    for (const name of this.#files.list(path)) {
      const below = `${path}/${name}`;
      if ((this.#stays(below) || accessFiles.has(below)) && !isHalfWritten(below)) return below;
      const found = this.#files.stat(below)?.type === "directory" ? this.#staysBelow(below) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #withholdBelow(node: Node, reason: string): void {
    if (node.entry !== undefined) this.withheld.push({ path: node.entry.path, reason });
    for (const child of node.children.values()) this.#withholdBelow(child, reason);
  }

  /** The bytes to write when the file is transformed. Throws when the staging area does not hold what the manifest says. */
  #checkStaged(entry: ManifestEntry): Uint8Array | undefined {
    // Folders and links are created from the manifest alone.
    if (entry.type !== "file") return undefined;
    const { stagingDir, transforms } = this.#request;
    for (const parent of parentsOf(entry.path))
      if (this.#files.stat(`${stagingDir}${parent}`)?.type !== "directory") throw incomplete(entry.path);
    const staged = this.#reader.entry(`${stagingDir}${entry.path}`);
    if (staged === undefined || !sameContent(staged, entry)) throw incomplete(entry.path);
    const transform = transforms(entry.path);
    if (transform === undefined) return undefined;
    const bytes = this.#files.readBytes(`${stagingDir}${entry.path}`) ?? new Uint8Array();
    // Preserves bytes that are not valid UTF-8.
    return pathBytes(transform(pathText(bytes)));
  }

  #aside(folder: string): string {
    return `${folder}/${temporaryPrefix}${this.#random.text(12)}`;
  }
}

/** True when one of the node's own paths is below `path`. */
function isAboveOwn(path: string): boolean {
  return ownPaths.some((own) => own !== path && isWithin(own, path));
}

function sameContent(here: ManifestEntry, entry: ManifestEntry): boolean {
  if (here.type === "file" && entry.type === "file") return here.sha256 === entry.sha256;
  if (here.type === "symlink" && entry.type === "symlink") return here.target === entry.target;
  return here.type === entry.type;
}

const outOfScope =
  "the backup's own configuration does not name it (keepalived.ha_peer.sync_list there, /etc/sysupgrade.conf, /lib/upgrade/keep.d)";

function incomplete(path: string): NethsecError {
  return new NethsecError({
    code: "staging_incomplete",
    message: `The staging area is not complete: ${shownPath(path)} is missing or not what was announced. Nothing was changed.`,
    advice: "The next synchronisation heals it; to run one now: `ns-ha-config sync --wait` on the primary.",
  });
}
