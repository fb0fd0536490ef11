/**
 * The real firewall behind the reconciler: the desired state by configuration, the observed state, and the execution of steps.
 * Invariants: every program has a deadline; a step that cannot be verified is judged by the program's exit code alone; nothing here decides what to do.
 */
import type { Host } from "@nethsec/host/host";
import { sendFrames } from "@nethsec/host/ffi/raw-frames";
import { NethsecError } from "@nethsec/host/error";
import { hotplugCall } from "@nethsec/host/local/hotplug";
import type { HaConfig } from "../cluster/config.ts";
import { enabledServices } from "../cluster/enabled-services.ts";
import { readExport } from "../sync/export-files.ts";
import { announcements } from "../cluster/announce.ts";
import { Semaphore } from "./semaphore.ts";
import { followingInterfaces } from "../cluster/following-interfaces.ts";
import { HotspotMac } from "./hotspot-mac.ts";
import { NetworkSteps } from "./network-steps.ts";
import {
  type ConntrackdAction,
  type Desired,
  type Observed,
  servicesToLookAt,
  type Situation,
  type Step,
} from "./plan.ts";
import { RunningServices } from "./running-services.ts";
import { stateFiles } from "../cluster/state-files.ts";
import { readServiceTable, switchedOn, yields } from "../cluster/service-table.ts";
import type { World } from "./reconciler.ts";

export const marksPath = "/var/run/ns-ha/marks.json";
const natHelpersPath = "/etc/modules.d/ns-nathelpers";
/** The WAN waits for the connection table, so a conntrackd that does not answer gets little time. */
const conntrackdTimeoutMs = 2000;
/** Like the primary-backup script of conntrackd(8). share: flush the caches, resync from the kernel, bulk send; release: shorten timers, request a resync. */
const conntrackdFlags: Record<ConntrackdAction, readonly string[]> = {
  commit: ["-c"],
  share: ["-f", "-R", "-B"],
  release: ["-t", "-n"],
};
const restartTimeoutMs = 60_000;
/** A stop that takes longer is considered hung: its process group is killed, and the stop is retried. Other stops are not delayed. */
const stopTimeoutMs = 15_000;
const runningTimeoutMs = 3000;
const runningPollMs = 200;
/** Concurrent init scripts: more than cores, since many only wait. */
const scriptsAtATime = 6;
/** How long the check of a service's process waits for the init scripts still running. */
const quietTimeoutMs = 1500;
/** Repeats of an announcement, milliseconds after the first: switches and neighbours lose some. */
const announceAgainMs = [300, 2000];

export class FirewallWorld implements World {
  readonly #host: Host;
  readonly #config: () => HaConfig;
  readonly #mac: HotspotMac;
  readonly #life: AbortSignal;
  readonly #takeState: (signal: AbortSignal) => Promise<void>;
  readonly #running: RunningServices;
  readonly #network: NetworkSteps;
  readonly #scripts = new Semaphore(scriptsAtATime);

  /** `config` returns the current configuration; `life` aborts when the agent stops; `takeState` fetches the state that the backup collected. */
  constructor(
    host: Host,
    config: () => HaConfig,
    life: AbortSignal,
    takeState: (signal: AbortSignal) => Promise<void>,
  ) {
    this.#takeState = takeState;
    this.#host = host;
    this.#config = config;
    this.#mac = new HotspotMac(host);
    this.#life = life;
    this.#running = new RunningServices(host);
    this.#network = new NetworkSteps(host);
  }

  desired(situation: Situation): Desired {
    const { uci, files } = this.#host;
    const services = readServiceTable(uci.load("ns-ha"));
    const interfaces = followingInterfaces(uci, situation.role);
    const hotspot = situation.role === "backup" ? exportedHotspot(files) : undefined;
    const stateServices = new Set(
      situation.role === "primary" ? stateFiles(this.#host).flatMap((row) => row.services) : [],
    );
    return { situation, services, interfaces, hotspot, stateServices };
  }

  async observe(desired: Desired, marks: ReadonlyMap<string, string>, signal: AbortSignal): Promise<Observed> {
    const { uci, files, services } = this.#host;
    const linked = enabledServices(files);
    const enabled = (name: string): boolean => services.exists(name) && linked(name);
    const available = desired.services.filter(
      (row) => enabled(row.name) && switchedOn(row, (pkg) => uci.load(pkg)) && !yields(row, enabled),
    );
    const names = new Set(available.map(({ name }) => name));
    const look = servicesToLookAt(marks, desired).filter((name) => names.has(name));
    const [interfaces, running, hotspotMac] = await Promise.all([
      this.#network.interfaces(),
      look.length === 0 ? new Map<string, boolean>() : this.#running.look(look),
      desired.hotspot === undefined ? undefined : this.#mac.observe(desired.hotspot.device),
    ]);
    signal.throwIfAborted();
    const routes = uci.read("network").sections.filter(({ type }) => type === "route" || type === "route6");
    return {
      interfaces: new Map(interfaces.map(({ name, up }) => [name, up])),
      available: names,
      running,
      dhcpForce: uci
        .read("dhcp")
        .ofType("dnsmasq")
        .map((section) => section.get("force") ?? "0"),
      routes: routes
        .filter((section) => section.get("ns_tag") === "ha" && !section.bool("ns_disabled", false))
        .map((section) => ({ interface: section.get("interface") ?? "", disabled: section.bool("disabled", false) })),
      hotspotMac,
      conntrackd: services.exists("conntrackd"),
      natHelpers: files.exists(natHelpersPath),
      marks,
    };
  }

  saveMarks(marks: ReadonlyMap<string, string>): void {
    this.#host.files.write(marksPath, JSON.stringify([...marks]), { mode: 0o600 });
  }

  async perform(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.kind) {
      case "interface":
        return this.#network.switchInterface(step.name, step.up, signal);
      case "announce":
        return this.#announce(step.name, signal);
      case "conntrackd":
        return this.#conntrackd(step.action, signal);
      case "service":
        return this.#service(step.name, step.action, signal);
      case "cron":
        return this.#cron(step.action, step.words);
      case "dhcp-force":
        return this.#dhcpForce(step.value);
      case "take-state":
        return this.#takeState(signal);
      case "nat-helpers":
        return this.#natHelpers(signal);
      case "routes":
        return this.#network.switchRoutes(step.enabled, step.interface);
      case "hotspot-mac":
        return this.#mac.set(step.device, step.mac, step.original);
      case "hotplug":
        return hotplugCall(this.#host.run, "keepalived", {
          ACTION: step.action,
          TYPE: "INSTANCE",
          NAME: this.#config().instance,
          NS_HA_AGENT: "1",
        });
    }
  }

  async #announce(name: string, signal: AbortSignal): Promise<void> {
    const found = await this.#network.interface(name);
    if (found?.up !== true)
      throw new NethsecError({ code: "interface_down", message: `${name} is not up, nothing was announced` });
    const device = (await this.#host.net.addresses()).find((each) => each.device === found.device);
    signal.throwIfAborted();
    if (device === undefined) return; // an interface without addresses, e.g. that of a bond
    const frames = announcements(
      device.mac,
      device.addresses.map(({ address }) => address),
    );
    sendFrames(device.device, frames);
    void this.#announceAgain(device.device, frames, signal);
  }

  async #announceAgain(device: string, frames: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#life]);
    try {
      for (const delay of announceAgainMs) {
        await this.#host.clock.sleep(delay, either);
        sendFrames(device, frames);
      }
    } catch (error) {
      if (!either.aborted) this.#host.log("debug", `announcing on ${device}: ${String(error)}`);
    }
  }

  async #conntrackd(action: ConntrackdAction, signal: AbortSignal): Promise<void> {
    for (const flag of conntrackdFlags[action]) {
      await this.#host.run(["conntrackd", "-C", "/etc/conntrackd/conntrackd.conf", flag], {
        timeoutMs: conntrackdTimeoutMs,
        signal,
      });
    }
  }

  async #service(name: string, action: "restart" | "reload" | "stop", signal: AbortSignal): Promise<void> {
    const { services, uci } = this.#host;
    if (action === "stop") this.#running.forget(name);
    const timeoutMs = action === "stop" ? stopTimeoutMs : restartTimeoutMs;
    await this.#scripts.run(async () => {
      signal.throwIfAborted();
      await services.call(name, action, { timeoutMs, signal });
    });
    const row = readServiceTable(uci.load("ns-ha")).find((found) => found.name === name);
    if (row?.process !== true || action === "reload") return;
    await Promise.race([this.#scripts.whenIdle(), this.#host.clock.sleep(quietTimeoutMs, signal)]);
    // A service with nothing to run (undefined) passes both after a restart and after a stop.
    const wrong = action === "stop";
    const right = async (): Promise<boolean> => (await this.#running.look([name])).get(name) !== wrong;
    const settled = await this.#until(runningTimeoutMs, runningPollMs, signal, right);
    if (settled) return;
    throw new NethsecError({
      code: "service_not_switched",
      message: `${name} is ${wrong ? "still running" : "not running"} after ${action}`,
    });
  }

  async #cron(action: "resume" | "suspend", words: readonly string[]): Promise<void> {
    const { cron, services } = this.#host;
    const changed = action === "resume" ? cron.resume(words) : cron.suspend(words);
    if (changed && services.exists("cron")) await services.call("cron", "restart");
  }

  async #dhcpForce(value: "0" | "1"): Promise<void> {
    this.#host.uci.change((transaction) => {
      for (const section of transaction.load("dhcp").ofType("dnsmasq"))
        transaction.set("dhcp", section.name, "force", value);
    });
    return Promise.resolve();
  }

  /** Lines of /etc/modules.d: a module and its options, or a comment. */
  async #natHelpers(signal: AbortSignal): Promise<void> {
    const lines = (this.#host.files.readText(natHelpersPath) ?? "").split("\n").map((line) => line.trim());
    for (const line of lines) {
      const [name, ...options] = line.split(/\s+/);
      if (name === undefined || name === "" || name.startsWith("#")) continue;
      const loaded = await this.#host
        .run(["modprobe", name, ...options], { timeoutMs: 10_000, ok: "any", signal })
        .then(({ code }) => code === 0)
        .catch(() => false);
      signal.throwIfAborted();
      // Not an error of the step: a retry does not help when the kernel lacks the helper.
      if (!loaded) this.#host.log("warning", `the NAT helper ${name} cannot be loaded`);
    }
  }

  /** False when `holds` did not become true in time. */
  async #until(
    timeoutMs: number,
    everyMs: number,
    signal: AbortSignal,
    holds: () => Promise<boolean>,
  ): Promise<boolean> {
    const { clock } = this.#host;
    const end = clock.monotonic() + timeoutMs;
    while (!(await holds())) {
      if (clock.monotonic() >= end) return false;
      await clock.sleep(everyMs, signal);
    }
    return true;
  }
}

function exportedHotspot(files: Host["files"]): Desired["hotspot"] {
  const { hotspot } = readExport(files);
  return "device" in hotspot ? { device: hotspot.device, mac: hotspot.mac_address } : undefined;
}
