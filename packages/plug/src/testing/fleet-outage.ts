/**
 * A fleet whose controller returns after an outage: units that each run the real client, in one virtual time, with two functions in the place of
 * HTTPS and OpenVPN, and memory in the place of the disk.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Clock, Files, Host } from "@nethsec/host/host";
import type { UciStore } from "@nethsec/host/uci-store";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { runClient, type Network } from "../controller/client.ts";
import type { Grant } from "../controller/registration.ts";

/** procd's respawn delay. */
const respawnMs = 5000;
const second = 1000;
const minute = 60 * second;

/** Sleepers in a binary heap by the moment they wake: one clock for the whole fleet. */
class FleetClock {
  #now = 0;
  readonly #heap: { readonly at: number; readonly wake: () => void }[] = [];

  sleepUntil(at: number): Promise<void> {
    return new Promise((wake) => {
      const heap = this.#heap;
      let index = heap.push({ at, wake }) - 1;
      for (let parent = (index - 1) >> 1; index > 0 && this.#at(parent) > at; parent = (index - 1) >> 1) {
        this.#swap(index, parent);
        index = parent;
      }
    });
  }

  get now(): number {
    return this.#now;
  }

  readonly clock: Clock = {
    now: () => this.#now,
    monotonic: () => this.#now,
    sleep: (ms) => this.sleepUntil(this.#now + ms),
  };

  /** Wakes sleepers in order until `end`; what follows from one runs before the next. */
  async runUntil(end: number): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#now = Math.max(this.#now, next.at);
      this.#pop();
      next.wake();
      for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
    }
    this.#now = end;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const smaller = this.#at(right) < this.#at(left) ? right : left;
      if (this.#at(smaller) >= last.at) return;
      this.#swap(index, smaller);
      index = smaller;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Infinity;
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a !== undefined && b !== undefined) [this.#heap[one], this.#heap[other]] = [b, a];
  }
}

const grant: Grant = {
  host: "c.example",
  port: 1194,
  ca: "CA\n",
  cert: "CERT\n",
  key: "KEY\n",
  promtail: undefined,
  vpnAddress: undefined,
  apiPort: undefined,
};

/** Files in memory: what the client itself reads and writes. */
function memoryFiles(base: Files): Files {
  const texts = new Map<string, string>();
  return {
    ...base,
    readText: (path) => texts.get(path),
    write: (path, data) => void texts.set(path, String(data)),
    exists: (path) => texts.has(path),
    remove: (path) => void texts.delete(path),
  };
}

export interface Outcome {
  /** Requests that the controller got in each second, from its return on. */
  readonly perSecond: readonly number[];
  /** Milliseconds after the return at which the last unit was registered; Infinity when one was not. */
  readonly allMs: number;
}

/** All units lose their tunnel in one moment; the controller is away for `outageMs`. */
export async function fleetOutage(unitCount: number, outageMs: number): Promise<Outcome> {
  using base = fakeHost({
    files: {
      "/etc/config/ns-plug":
        "config main 'config'\n\toption server 'https://c.example'\n\toption unit_id 'u'\n\toption token 't'\n",
    },
  });
  const saved = base.uci.read("ns-plug");
  const empty = base.uci.read("rpcd");
  const uci: UciStore = { ...base.uci, read: (name) => (name === "ns-plug" ? saved : empty), change: () => [] };
  const time = new FleetClock();
  const lostAt = 10 * minute;
  const backAt = lostAt + outageMs;
  const perSecond: number[] = [];
  const registeredAt: number[] = Array.from({ length: unitCount }, () => Infinity);

  const boot = async (unit: number): Promise<void> => {
    const host: Host = {
      ...base,
      clock: time.clock,
      uci,
      files: memoryFiles(base.files),
      random: { ...base.random, fraction: Math.random, text: () => "x" },
      log: Object.assign(() => undefined, { tagged: () => base.log }),
    };
    const network: Network = {
      register: async () => {
        if (time.now >= lostAt && time.now < backAt) return { kind: "failed", reason: "no connection" };
        if (time.now >= backAt) {
          const at = Math.floor((time.now - backAt) / second);
          perSecond[at] = (perSecond[at] ?? 0) + 1;
          registeredAt[unit] = Math.min(registeredAt[unit] ?? Infinity, time.now - backAt);
        }
        return { kind: "registered", grant };
      },
      runTunnel: async (_, changed) => {
        changed(true, undefined);
        await time.sleepUntil(time.now < lostAt ? lostAt : Infinity);
        return { reason: "lost", connectedMs: 10 * minute };
      },
    };
    for (;;) {
      try {
        await runClient(host, new AbortController().signal, network);
      } catch (error) {
        if (!(error instanceof NethsecError) || error.exitCode !== 5) throw error;
      }
      await time.clock.sleep(respawnMs);
    }
  };
  const units = Array.from({ length: unitCount }, (_, unit) => boot(unit));
  const failed = Promise.race(units);
  await Promise.race([time.runUntil(backAt + 15 * minute), failed]);
  return { perSecond: Array.from(perSecond, (count) => count ?? 0), allMs: Math.max(...registeredAt) };
}
