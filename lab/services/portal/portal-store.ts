/** State of the lab's portal: systems, alerts, heartbeats, inventories, copies, backups. Kept on the node's disk, so that it survives a reboot. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { receiveFile } from "./receive-file.ts";

export interface PortalSystem {
  readonly plan: "community" | "enterprise";
  readonly secret: string;
  readonly uuid: string;
  /** The portal's own number for the machine. */
  readonly id: number;
}

interface Entry {
  /** ms since 1970 */
  readonly at: number;
  readonly lk: string;
}

export interface PortalState {
  readonly systems: readonly PortalSystem[];
  /** In order of arrival. */
  readonly alerts: readonly (Entry & { readonly alert_id: string; readonly status: string })[];
  readonly heartbeats: readonly Entry[];
  readonly inventories: readonly (Entry & { readonly data: unknown })[];
  /** Requests received by the second portal. */
  readonly copies: readonly (Entry & { readonly what: string; readonly name: string; readonly data: unknown })[];
  /** Secrets of systems that were unregistered (Utils/freekey). */
  readonly freed: readonly string[];
}

/** A lab starts with one system of each plan. */
const initial: PortalState = {
  systems: [
    { plan: "enterprise", secret: "lab-enterprise-secret", uuid: "0E1F2A3B-4C5D-6E7F-8091-A2B3C4D5E6F7", id: 1234 },
    { plan: "community", secret: "lab-community-secret", uuid: "c0ffee00-1234-4abc-8def-0123456789ab", id: 77 },
  ],
  alerts: [],
  heartbeats: [],
  inventories: [],
  copies: [],
  freed: [],
};

/** An entry of the backup server's list (portal.json, backup_list_answer). */
interface StoredBackup {
  readonly id: string;
  readonly name: string;
  /** Seconds since 1970, as text. */
  readonly created: string;
  readonly size: number;
  readonly mimetype: string;
}

export class PortalStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  get #statePath(): string {
    return join(this.#dir, "state.json");
  }

  read(): PortalState {
    if (!existsSync(this.#statePath)) return initial;
    const state: PortalState = JSON.parse(readFileSync(this.#statePath, "utf8"));
    return state;
  }

  update(change: (state: PortalState) => PortalState): void {
    writeFileSync(`${this.#statePath}.new`, JSON.stringify(change(this.read())), { mode: 0o600 });
    renameSync(`${this.#statePath}.new`, this.#statePath);
  }

  /** The newest first. */
  backups({ uuid }: PortalSystem): readonly StoredBackup[] {
    const dir = join(this.#dir, "backups", uuid);
    if (!existsSync(dir)) return [];
    return readdirSync(dir)
      .filter((name) => name.endsWith(".json"))
      .map((name) => {
        const known: Omit<StoredBackup, "size"> & { at: number } = JSON.parse(readFileSync(join(dir, name), "utf8"));
        return { ...known, size: statSync(join(dir, known.id)).size };
      })
      .toSorted((a, b) => b.at - a.at)
      .map(({ id, name, created, size, mimetype }) => ({ id, name, created, size, mimetype }));
  }

  /** Path of a backup's file; undefined for an unknown id. */
  backupFile({ uuid }: PortalSystem, id: string): string | undefined {
    const path = join(this.#dir, "backups", uuid, basename(id));
    return /^[0-9a-f]+\.bin$/.test(id) && existsSync(path) ? path : undefined;
  }

  /** Stores an upload under a new id. Returns false when the body is shorter than announced. */
  async saveBackup({ uuid }: PortalSystem, name: string, request: Request): Promise<boolean> {
    const dir = join(this.#dir, "backups", uuid);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const id = `${createHash("sha256").update(name).update(randomBytes(8)).digest("hex").slice(0, 10)}.bin`;
    if (!(await receiveFile(request, join(dir, id)))) return false;
    const at = Date.now();
    const mimetype = name.endsWith(".gpg") ? "application/octet-stream" : "application/gzip";
    const facts = { id, name, created: String(Math.floor(at / 1000)), mimetype, at };
    writeFileSync(join(dir, `${id}.json`), JSON.stringify(facts), { mode: 0o600 });
    return true;
  }

  deleteBackup(path: string): void {
    for (const file of [path, `${path}.json`]) rmSync(file, { force: true });
  }

  /** Path of a file in the image and package repository; undefined when there is no such file. */
  repositoryFile(path: string): string | undefined {
    const file = join(this.#dir, "repository", path);
    return path.split("/").includes("..") || !existsSync(file) ? undefined : file;
  }
}
