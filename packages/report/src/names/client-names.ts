/**
 * Names for the clients of a report: static hosts and DHCP leases first, then hosts files, then reverse DNS.
 *
 * Invariants: no lookup waits for the network longer than the caller allows (pages do not wait: the name appears at the next request); memory, the
 * number of pending queries, and the cache file are bounded; an address without a name is not queried again for ten minutes.
 */
import * as v from "valibot";
import type { Files } from "@nethsec/host/host";
import type { UciStore } from "@nethsec/host/uci-store";
import { isDevice } from "../store/client-key.ts";
import { cleanName, hostsFileNames, leaseFiles, leaseNames, normalAddress } from "./name-sources.ts";

/** Names found by reverse DNS, kept across runs. */
const cachePath = "/var/run/ns-report/names.json";
const maxCached = 5000;
const maxQuestions = 16;
const questionTimeoutMs = 2000;
const foundForMs = 6 * 3600 * 1000;
const missingForMs = 600 * 1000;
/** Local files are re-read at most this often. */
const rereadMs = 10_000;
const maxFileBytes = 4 * 1024 * 1024;

export interface ClientNamesNeeds {
  readonly files: Pick<Files, "readText" | "stat" | "list" | "write">;
  readonly uci: Pick<UciStore, "read">;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  /** Reverse DNS lookup of an address; undefined: no name, or no answer in time. */
  readonly reverse: (address: string, timeoutMs: number) => Promise<string | undefined>;
}

const cacheSchema = v.record(v.string(), v.object({ name: v.nullable(v.string()), until: v.number() }));
type Cached = { readonly name: string | null; readonly until: number };

export class ClientNames {
  readonly #needs: ClientNamesNeeds;
  #local = new Map<string, string>();
  #localAt = Number.NEGATIVE_INFINITY;
  #cache: Map<string, Cached> | undefined;
  #changed = false;
  readonly #waiting = new Set<string>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(needs: ClientNamesNeeds) {
    this.#needs = needs;
  }

  /**
   * Returns names of addresses and devices (MAC addresses), keyed as given, for those that have one. Waits for reverse DNS at most `waitMs` in all (0:
   * not at all).
   */
  async lookup(addresses: readonly string[], waitMs: number): Promise<Map<string, string>> {
    this.#readLocal();
    const unknown = addresses.filter((address) => !isDevice(address) && this.#known(address) === undefined);
    for (const address of unknown.slice(0, maxCached)) this.#ask(normalAddress(address));
    if (waitMs > 0 && this.#asking.size > 0) await this.#settle(waitMs);
    this.#save();
    const names = new Map<string, string>();
    for (const address of addresses) {
      const name = this.#known(address);
      if (typeof name === "string") names.set(address, name);
    }
    return names;
  }

  /** What a device without a name is called: its maker and the end of its address, "Intel 35:a0:11". undefined: its maker is not known. */
  async madeBy(device: string): Promise<string | undefined> {
    // Loaded when needed: the list takes some 20 ms and 2 MB.
    const { vendorOf } = await import("./vendors.ts");
    const vendor = vendorOf(device);
    return vendor === undefined ? undefined : `${vendor} ${device.slice(9)}`;
  }

  /** null: the query found no name; undefined: not queried yet. */
  #known(address: string): string | null | undefined {
    const key = normalAddress(address);
    const local = this.#local.get(key);
    if (local !== undefined) return local;
    const cached = this.#reverseCache().get(key);
    return cached !== undefined && cached.until > this.#needs.now() ? cached.name : undefined;
  }

  #ask(address: string): void {
    if (this.#asking.has(address) || this.#waiting.size >= maxCached) return;
    this.#waiting.add(address);
    this.#next();
  }

  #next(): void {
    for (const address of this.#waiting) {
      if (this.#asking.size >= maxQuestions) return;
      this.#waiting.delete(address);
      this.#asking.set(address, this.#question(address));
    }
  }

  async #question(address: string): Promise<void> {
    const answer = await this.#needs.reverse(address, questionTimeoutMs).catch(() => undefined);
    this.#asking.delete(address);
    this.#remember(address, (answer === undefined ? undefined : cleanName(answer)) ?? null);
    this.#next();
  }

  async #settle(waitMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), waitMs);
    });
    while (this.#asking.size > 0) {
      const first = await Promise.race([deadline, Promise.all(this.#asking.values())]);
      if (first === "late") break;
    }
    clearTimeout(timer);
  }

  #remember(address: string, name: string | null): void {
    const cache = this.#reverseCache();
    cache.delete(address);
    cache.set(address, { name, until: this.#needs.now() + (name === null ? missingForMs : foundForMs) });
    const oldest = cache.keys().next();
    if (cache.size > maxCached && oldest.done !== true) cache.delete(oldest.value);
    this.#changed = true;
  }

  #reverseCache(): Map<string, Cached> {
    this.#cache ??= this.#load();
    return this.#cache;
  }

  /** An unreadable cache counts as empty: it only saves queries. */
  #load(): Map<string, Cached> {
    const text = this.#text(cachePath);
    if (text === undefined) return new Map();
    try {
      const entries = Object.entries(v.parse(cacheSchema, JSON.parse(text)));
      return new Map(entries.slice(-maxCached).filter(([, { name }]) => name === null || cleanName(name) === name));
    } catch {
      return new Map();
    }
  }

  #save(): void {
    if (!this.#changed || this.#cache === undefined) return;
    this.#changed = false;
    try {
      this.#needs.files.write(cachePath, `${JSON.stringify(Object.fromEntries(this.#cache))}\n`, { mode: 0o600 });
    } catch {
      // Not root, or a full disk: the names are queried again the next time.
    }
  }

  #readLocal(): void {
    const now = this.#needs.now();
    if (now - this.#localAt < rereadMs && now >= this.#localAt) return;
    this.#localAt = now;
    const dhcp = this.#needs.uci.read("dhcp");
    const hostsDirs = ["/tmp/hosts", "/var/hosts"];
    const names = new Map<string, string>();
    const add = (more: Iterable<readonly [string, string]>): void => {
      for (const [address, name] of more) if (!names.has(address)) names.set(address, name);
    };
    for (const type of ["host", "domain"]) {
      for (const section of dhcp.ofType(type)) {
        const name = cleanName(section.get("name") ?? "");
        if (name === undefined) continue;
        add(section.list("ip").map((ip) => [normalAddress(ip), name] as const));
        const macs = section.list("mac").flatMap((text) => text.toLowerCase().split(/\s+/));
        add(macs.filter(isDevice).map((mac) => [mac, name] as const));
      }
    }
    for (const path of leaseFiles(dhcp)) add(leaseNames(this.#text(path) ?? ""));
    for (const dir of hostsDirs)
      for (const file of this.#names(dir)) add(hostsFileNames(this.#text(`${dir}/${file}`) ?? ""));
    add(hostsFileNames(this.#text("/etc/hosts") ?? ""));
    this.#local = names;
  }

  /** A file that cannot be read, or is too large to be a real one, counts as absent. */
  #text(path: string): string | undefined {
    try {
      const stat = this.#needs.files.stat(path);
      return stat === undefined || stat.size > maxFileBytes ? undefined : this.#needs.files.readText(path);
    } catch {
      return undefined;
    }
  }

  #names(dir: string): string[] {
    try {
      return this.#needs.files.list(dir);
    } catch {
      return [];
    }
  }
}
