/**
 * `dpireport`: connects the parts (source → reader → accounting → dump) to the machine and runs the timers. All decisions are made in those parts.
 * Invariants: one dump at a time; the last dump follows the last event; the process ends only after that dump was written or failed.
 */
import type { Clock, Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import { writeStatus, type DaemonStatus } from "../store/daemon-status.ts";
import { emptyHour } from "../store/hour-counters.ts";
import { DeviceLog } from "../store/device-log.ts";
import { dayOf, hourKeyAt, hourOf } from "../store/hour-key.ts";
import { isLiveAsked, liveEveryMs, writeLive } from "../store/live-file.ts";
import { protectReports } from "../store/report-access.ts";
import { Accounting } from "./accounting.ts";
import { Dump } from "./dump.ts";
import type { Settings } from "./environment.ts";
import type { FlowSource } from "./flow-source.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { StreamReader } from "./stream-reader.ts";

/** Each subject is logged at most once in this time. */
const sayAgainMs = 60_000;

export interface DaemonParts {
  readonly host: Pick<Host, "files" | "clock" | "log">;
  readonly settings: Settings;
  readonly source: FlowSource;
  /** Process id of this daemon. */
  readonly pid: number;
  /** The addresses of this machine, with the length of their prefix: "192.168.1.1/24". */
  readonly ownAddresses: () => Promise<readonly string[]>;
  /** The device (MAC address) of each address, as far as known now. */
  readonly devices: () => Promise<ReadonlyMap<string, string>>;
  /** Disk space, in bytes, that one day of reports may take. */
  readonly dayBytes: () => number;
  /** Resident memory now, in bytes. */
  readonly memory: () => number;
}

/** Runs until the signal aborts, then writes everything. Rejects when the last dump failed. */
export async function runDaemon(parts: DaemonParts, signal: AbortSignal): Promise<void> {
  const daemon = new Daemon(parts);
  daemon.restore();
  daemon.protect();
  await daemon.dump(false);
  await daemon.learnAddresses();
  const source = parts.source(daemon, signal);
  const live = tellLive(daemon, parts.host.clock, signal);
  while (!signal.aborted) {
    await parts.host.clock.sleep(parts.settings.dumpSeconds * 1000, signal).catch(() => undefined);
    if (!signal.aborted) await daemon.dump(true);
  }
  await Promise.all([source, live]);
  const failed = await daemon.dump(false);
  if (failed !== undefined) throw failed;
  parts.host.log("info", "Stopped; everything is written.");
}

async function tellLive(daemon: Daemon, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(liveEveryMs, signal).catch(() => undefined);
    if (!signal.aborted) daemon.writeLive();
  }
}

class Daemon {
  readonly #parts: DaemonParts;
  readonly #ledger = new Ledger();
  readonly #interfaces = new InterfaceNumbers();
  readonly #accounting: Accounting;
  readonly #reader: StreamReader;
  readonly #store: Dump;
  readonly #devices: DeviceLog;
  readonly #started: number;
  readonly #said = new Map<string, number>();
  #isConnected = false;
  #lastEvent: number | undefined;
  #lastDump: number | undefined;
  #dumpError: string | undefined;
  #dumpTook = 0;
  #malformedSaid = 0;
  #devicesSaid = "";

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    const { files, clock } = parts.host;
    this.#started = clock.now();
    this.#accounting = new Accounting(this.#ledger, this.#started);
    this.#reader = new StreamReader(this.#accounting, this.#interfaces.of);
    this.#devices = new DeviceLog(files, parts.settings.base);
    this.#store = new Dump({
      files,
      clock,
      base: parts.settings.base,
      ledger: this.#ledger,
      accounting: this.#accounting,
      interfaces: this.#interfaces,
      staleSeconds: parts.settings.staleSeconds,
      dayBytes: parts.dayBytes,
      warn: (text) => parts.host.log("warning", text),
    });
  }

  restore(): void {
    this.#setTime();
    try {
      this.#store.restore();
    } catch (error) {
      this.#say(
        "restore",
        `Cannot read what an earlier run left: ${messageOf(error)} The numbers are kept in memory until it can be read.`,
      );
    }
  }

  /** Closes the reports' folder to other users; on failure (no disk yet) logs the error and continues. */
  protect(): void {
    const { host, settings } = this.#parts;
    try {
      const advice = protectReports(host.files, settings.base, settings.group);
      if (advice !== undefined) host.log("warning", advice);
    } catch (error) {
      this.#say("protect", `The reports' folder could not be closed to other users: ${messageOf(error)}`);
    }
  }

  data(chunk: Uint8Array): void {
    this.#setTime();
    const { events } = this.#accounting;
    this.#reader.push(chunk);
    if (this.#accounting.events > events) this.#lastEvent = this.#parts.host.clock.now();
    if (
      this.#reader.malformed > this.#malformedSaid &&
      this.#say("malformed", `${this.#reader.malformed} lines of the flow stream were not understood and are skipped.`)
    ) {
      this.#malformedSaid = this.#reader.malformed;
    }
  }

  connected(): void {
    this.#isConnected = true;
    void this.learnAddresses();
    this.#parts.host.log("info", `Connected to ${sourceName(this.#parts.settings)}.`);
    this.#writeStatus();
  }

  /** Learns the machine's own addresses; a failure is logged. */
  async learnAddresses(): Promise<void> {
    try {
      const own = await this.#parts.ownAddresses();
      this.#accounting.ownAddresses = new Set(own.map((address) => address.split("/", 1)[0] ?? ""));
      this.#ledger.setLanPrefixes(own.filter(isPublicPrefix));
    } catch (error) {
      this.#say("addresses", `The addresses of this machine are not known: ${messageOf(error)}`);
    }
  }

  disconnected(why: string, retryMs?: number): void {
    this.#reader.end();
    const was = this.#isConnected;
    this.#isConnected = false;
    const name = sourceName(this.#parts.settings);
    const what = was ? `The connection to ${name} ended` : `No connection to ${name}`;
    const next =
      retryMs === undefined ? "Waiting for it" : `Trying again in ${retryMs / 1000} s and for as long as it takes`;
    const text = `${what}: ${why}. ${next}.`;
    this.#say("connection", text);
    if (was) this.#writeStatus();
  }

  /** Returns the error of a failed dump; the counters then stay in memory. */
  async dump(yielding: boolean): Promise<Error | undefined> {
    const { clock, log } = this.#parts.host;
    this.#setTime();
    const began = clock.monotonic();
    let failed: Error | undefined;
    await this.#noteDevices();
    // Prefixes of providers change.
    if (this.#isConnected) await this.learnAddresses();
    try {
      await this.#store.write(yielding);
      if (this.#dumpError !== undefined) log("info", "The reports can be written again; nothing was lost.");
      this.#dumpError = undefined;
      this.#lastDump = clock.now();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failed = error;
      this.#dumpError = error.message;
      this.#say("dump", `The reports cannot be written: ${messageOf(error)} The numbers are kept in memory.`, "err");
    }
    this.#dumpTook = Math.round(clock.monotonic() - began);
    if (this.#parts.settings.debug)
      log(
        "debug",
        `Dump in ${this.#dumpTook} ms: ${this.#accounting.flows.size} flows, ${this.#accounting.events} events so far.`,
      );
    this.#writeStatus();
    return failed;
  }

  /** Notes which devices have the addresses of the open hours. Reports are written without it, too. */
  async #noteDevices(): Promise<void> {
    if (this.#ledger.hours.size === 0) return;
    try {
      const known = await this.#parts.devices();
      const now = hourKeyAt(this.#parts.host.clock.now());
      let isAll = true;
      for (const [key, { counters }] of this.#ledger.hours) {
        // Of an hour that is over, who has an address now says little about one that is noted already.
        const noted = key === now ? undefined : this.#devices.of(dayOf(key));
        const owners = [...counters.clients.keys()].flatMap((address) => {
          const device = noted?.(address, hourOf(key)) === undefined ? known.get(address) : undefined;
          return device === undefined ? [] : [[address, device] as const];
        });
        isAll = this.#devices.note(key, owners) && isAll;
      }
      this.#sayOfDevices(isAll ? "" : "There is no room for more changes of addresses this month.");
    } catch (error) {
      this.#sayOfDevices(messageOf(error));
    }
  }

  /** Logs why devices are not noted, once for each reason. */
  #sayOfDevices(why: string): void {
    if (why === this.#devicesSaid) return;
    this.#devicesSaid = why;
    if (why !== "")
      this.#parts.host.log("warning", `Which devices have the clients' addresses is not recorded: ${why}`);
  }

  /** Writes the live hour while a page or command has asked for it. */
  writeLive(): void {
    const { host, settings, pid } = this.#parts;
    const now = host.clock.now();
    try {
      if (!isLiveAsked(host.files, now)) return;
      this.#setTime();
      const hour = hourKeyAt(now);
      const counters = this.#store.hourNow(hour) ?? emptyHour();
      const unattributed = counters.unattributed + (this.#accounting.waitingByHour().get(hour) ?? 0);
      writeLive(host.files, { pid, hour, asOf: now, unattributed }, counters);
    } catch (error) {
      this.#say("live", `The live view of ${settings.base} cannot be written: ${messageOf(error)}`);
    }
  }

  #setTime(): void {
    const { clock } = this.#parts.host;
    this.#accounting.setTime(clock.now(), clock.monotonic());
  }

  #writeStatus(): void {
    try {
      writeStatus(this.#parts.host.files, this.#parts.settings.base, this.#status());
    } catch (error) {
      this.#say("status", `The status file cannot be written: ${messageOf(error)}`);
    }
  }

  #status(): DaemonStatus {
    const accounting = this.#accounting;
    const ledger = this.#ledger;
    const reader = this.#reader;
    const now = this.#parts.host.clock.now();
    let waiting = 0;
    for (const bytes of accounting.waitingByHour().values()) waiting += bytes;
    return {
      pid: this.#parts.pid,
      started: this.#started,
      written: now,
      source: sourceName(this.#parts.settings),
      connected: this.#isConnected,
      ...(this.#lastEvent === undefined ? {} : { last_event: this.#lastEvent }),
      ...(this.#lastDump === undefined ? {} : { last_dump: this.#lastDump }),
      ...(this.#dumpError === undefined ? {} : { dump_error: this.#dumpError }),
      dump_took: this.#dumpTook,
      events: accounting.events,
      malformed: reader.malformed,
      received: reader.received,
      understood: reader.understood,
      bytes: ledger.attributed,
      download: ledger.download,
      upload: ledger.upload,
      unattributed: { unknown_flow: ledger.unknownFlow, not_a_client: ledger.notAClient, no_room: ledger.folded },
      waiting,
      flows: accounting.flows.size,
      clients: ledger.hours.get(hourKeyAt(now))?.counters.clients.size ?? 0,
      lag: Math.max(0, Math.round(accounting.lag)),
      memory: this.#parts.memory(),
    };
  }

  /** Logs at most once a minute for each subject. Returns true when it logged. */
  #say(subject: string, text: string, level: "warning" | "err" = "warning"): boolean {
    const { clock, log } = this.#parts.host;
    const now = clock.monotonic();
    const last = this.#said.get(subject);
    if (last !== undefined && now - last < sayAgainMs) return false;
    this.#said.set(subject, now);
    log(level, text);
    return true;
  }
}

/** Of a global unicast address (RFC 4291, 2000::/3) whose prefix has room for a LAN. */
function isPublicPrefix(own: string): boolean {
  return /^[23][0-9a-f]{0,3}:.*\/(4[89]|5\d|6[0-4])$/i.test(own);
}

function sourceName({ source }: Settings): string {
  if (source.kind === "http") return `http://127.0.0.1:${source.port}`;
  return source.kind === "netifyd" ? source.socket : `ndpi:${source.device}`;
}
