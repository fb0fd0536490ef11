/**
 * Simulates a fleet whose controller returns after an outage: each unit runs the real client; all share one virtual clock, functions replace HTTPS
 * and OpenVPN, and memory replaces the disk.
 */
import { type FakeClock, fakeClock } from "@nethsec/host/testing/fake-clock";
import { NethsecError } from "@nethsec/host/error";
import type { Files, Host } from "@nethsec/host/host";
import type { UciStore } from "@nethsec/host/uci-store";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { runClient, type Network } from "../controller/client.ts";
import type { Grant } from "../controller/registration.ts";

/** procd's respawn delay. */
const respawnMs = 5000;
const second = 1000;
const minute = 60 * second;

/** Wakes sleepers in order of time until `end`; lets the code after each sleep run before waking the next. */
async function runUntil(clock: FakeClock, end: number): Promise<void> {
  while (clock.next(end)) for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
  clock.skip(end - clock.monotonic());
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

/** In-memory replacement for the files that the client reads and writes. */
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
  /** Requests to the controller in each second after its return. */
  readonly perSecond: readonly number[];
  /** Milliseconds after the return at which the last unit was registered; Infinity when one was not. */
  readonly allMs: number;
}

/** All units lose their tunnel at the same moment; the controller is down for `outageMs`. */
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
  const clock = fakeClock(0);
  const lostAt = 10 * minute;
  const backAt = lostAt + outageMs;
  const perSecond: number[] = [];
  const registeredAt: number[] = Array.from({ length: unitCount }, () => Infinity);

  const boot = async (unit: number): Promise<void> => {
    const host: Host = {
      ...base,
      clock,
      uci,
      files: memoryFiles(base.files),
      random: { ...base.random, fraction: Math.random, text: () => "x" },
      log: Object.assign(() => undefined, { tagged: () => base.log }),
    };
    const network: Network = {
      register: async () => {
        if (clock.now() >= lostAt && clock.now() < backAt) return { kind: "failed", reason: "no connection" };
        if (clock.now() >= backAt) {
          const at = Math.floor((clock.now() - backAt) / second);
          perSecond[at] = (perSecond[at] ?? 0) + 1;
          registeredAt[unit] = Math.min(registeredAt[unit] ?? Infinity, clock.now() - backAt);
        }
        return { kind: "registered", grant };
      },
      runTunnel: async (_, { lostPatienceMs }, changed) => {
        changed(true, undefined);
        await clock.sleep(clock.now() < lostAt ? lostAt - clock.now() : Infinity);
        // OpenVPN's reconnection attempts fail, as when the controller returns on another port.
        await clock.sleep(lostPatienceMs);
        return { reason: "lost", waited: true, connectedMs: 10 * minute };
      },
    };
    for (;;) {
      try {
        await runClient(host, new AbortController().signal, network);
      } catch (error) {
        if (!(error instanceof NethsecError) || error.exitCode !== 5) throw error;
      }
      await clock.sleep(respawnMs);
    }
  };
  const units = Array.from({ length: unitCount }, (_, unit) => boot(unit));
  const failed = Promise.race(units);
  await Promise.race([runUntil(clock, backAt + 15 * minute), failed]);
  return { perSecond: Array.from(perSecond, (count) => count ?? 0), allMs: Math.max(...registeredAt) };
}
