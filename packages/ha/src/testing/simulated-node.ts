/**
 * One node of a simulated pair: a machine in memory with real files, running the real parts of the agent. Simulates power loss, a full disk, a kill
 * during any file operation, and a DHCP server that behaves like dnsmasq (reads its leases at start, and writes all of them from memory).
 */
import { type Conditions, conditions } from "@nethsec/host/conditions";
import { FileError } from "@nethsec/host/files/file-error";
import type { Clock, Files, Host, Services } from "@nethsec/host/host";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { History } from "../agent/history.ts";
import { type HaConfig, haPaths, readHaConfig, type Role } from "../cluster/config.ts";
import type { VrrpState } from "../cluster/state.ts";
import { hold } from "../cluster/tracked-priority.ts";

/** Thrown to simulate a kill: no cleanup takes effect, since every later file operation throws it again. */
export class Killed extends Error {}

export const leasesPath = "/tmp/dhcp.leases";
const leaseTimeMs = 12 * 3600 * 1000;

const keepalived = (role: Role): string => `
config globals 'globals'
	option enabled '1'

config ipaddress 'lan_ipaddress'
	option name 'lan_ha'
	option address '192.168.100.240/24'
	option device 'br-lan'
	option ns_link 'network/lan'

config peer 'ha_peer'
	option address '192.168.100.${role === "primary" ? 239 : 238}'
	list sync_list '/etc/ha'
	list sync_list '/srv/data'
	list exclude_list '/etc/config/network'

config vrrp_instance '${role}'
	option name 'master'
	option unicast_src_ip '192.168.100.${role === "primary" ? 238 : 239}'
`;
const lan = "config interface 'lan'\n\toption proto 'static'\n\toption device 'br-lan'\n";
export const firewall = (note: string): string =>
  `config zone 'ns_lan'\n\toption name 'lan'\n\tlist network 'lan'\n\nconfig zone 'ns_wan'\n\toption name 'wan'\n\tlist network 'wan'\n\nconfig rule 'r'\n\toption name '${note}'\n`;

/** A clock that advances when code sleeps, and whose wall time somebody may set. */
class SteppingClock implements Clock {
  #elapsed = 0;
  /** Milliseconds that the wall clock is ahead of where it began. */
  ahead = 0;
  now(): number {
    return Date.UTC(2026, 0, 1) + this.#elapsed + this.ahead;
  }
  monotonic(): number {
    return this.#elapsed;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#elapsed += Math.max(0, ms);
    return Promise.resolve();
  }
}

export class SimulatedNode implements Disposable {
  readonly role: Role;
  readonly machine: FakeHost;
  readonly clock = new SteppingClock();
  /** The host that the agent's parts use. */
  readonly host: Host;
  readonly conditions: Conditions;
  readonly history: History;
  readonly life = new AbortController().signal;
  state: VrrpState = "backup";
  powered = true;
  diskFull = false;
  /** Number of file operations before the process is killed; undefined: it is not killed. */
  killAfter: number | undefined;
  /** Leases in the memory of the DHCP server: address by client; undefined: it does not run. */
  #served: Map<string, { readonly address: string; readonly expiry: number }> | undefined;

  constructor(role: Role) {
    this.role = role;
    this.machine = fakeHost({
      files: {
        "/etc/config/keepalived": keepalived(role),
        "/etc/config/network":
          role === "primary" ? `${lan}\nconfig interface 'wan'\n\toption proto 'dhcp'\n\toption device 'eth1'\n` : lan,
        "/etc/config/firewall": firewall("at first"),
        "/etc/config/dhcp": `config dnsmasq 'd'\n\toption leasefile '${leasesPath}'\n`,
        "/srv/data/a": "a at first",
        "/srv/own/untouched": `of the ${role}`,
        "/etc/rc.d/S19dnsmasq": "",
      },
    });
    for (const name of ["network", "dnsmasq"]) this.machine.services.set(name, { enabled: true, running: true });
    this.machine.program("ping", () => ({ code: 0 }));
    this.host = {
      ...this.machine,
      clock: this.clock,
      files: this.#guarded(this.machine.files),
      services: this.#services(this.machine.services),
      net: this.machine.net,
    };
    this.conditions = conditions(this.host, "/var/run/ns-ha/conditions.json");
    this.history = new History(this.host);
  }

  [Symbol.dispose](): void {
    this.machine[Symbol.dispose]();
  }

  get config(): HaConfig {
    const config = readHaConfig(this.machine.uci);
    if (config === undefined) throw new Error("the node lost its cluster");
    return config;
  }

  /** Loses everything in memory, including the DHCP server's leases. */
  cutPower(): void {
    this.powered = false;
    this.#served = undefined;
    for (const folder of ["/tmp", "/var/run", "/run"]) this.machine.files.remove(folder, { recursive: true });
  }

  /** At start keepalived writes the initial number to the tracked file (`init_file … overwrite`). */
  boot(): void {
    this.powered = true;
    this.killAfter = undefined;
    this.priority = this.role === "primary" ? hold : 0;
  }

  get priority(): number {
    return Number(this.machine.files.readText(haPaths.priorityFile)?.trim() ?? "0");
  }
  set priority(value: number) {
    this.machine.files.write(haPaths.priorityFile, `${value}\n`);
  }

  /** Starts dnsmasq, which loads the leases in its file. */
  serve(): void {
    this.#served = new Map(
      this.leaseLines().map(([expiry = "", mac = "", address = ""]) => [mac, { address, expiry: Number(expiry) }]),
    );
  }
  stopServing(): void {
    this.#served = undefined;
  }
  get serves(): boolean {
    return this.#served !== undefined;
  }

  /** Answers a client: its present address, or the first one that this server considers free. */
  lease(mac: string): string {
    const served = this.#served;
    if (served === undefined) throw new Error("no DHCP server runs here");
    const taken = new Set([...served.values()].map(({ address }) => address));
    let last = 100;
    while (taken.has(`192.168.100.${last}`)) last += 1;
    const address = served.get(mac)?.address ?? `192.168.100.${last}`;
    served.set(mac, { address, expiry: Math.floor((this.clock.now() + leaseTimeMs) / 1000) });
    const lines = [...served].map(([client, { address: given, expiry }]) => `${expiry} ${client} ${given} * *\n`);
    this.machine.files.write(leasesPath, lines.join(""));
    return address;
  }

  leaseLines(): string[][] {
    const lines = (this.machine.files.readText(leasesPath) ?? "").split("\n");
    return lines.filter((line) => line !== "").map((line) => line.split(" "));
  }

  #services(services: Services): Services {
    return {
      ...services,
      exists: (name) => services.exists(name),
      call: async (name, action, options) => {
        if (name === "dnsmasq" && action === "stop") this.stopServing();
        if (name === "dnsmasq" && action === "restart" && this.state === "master") this.serve();
        await services.call(name, action, options);
      },
    };
  }

  #guarded(files: Files): Files {
    const changing = new Set(["write", "append", "mkdir", "rename", "symlink", "chmod", "remove"]);
    const growing = new Set(["write", "append", "mkdir"]);
    return new Proxy(files, {
      get: (target, name, receiver) => {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== "function" || typeof name !== "string" || !changing.has(name)) return member;
        return (...args: unknown[]): unknown => {
          this.#operation();
          const path = String(args[0]);
          // The disk being full does not affect tmpfs.
          if (this.diskFull && growing.has(name) && !/^\/(?:tmp|var\/run)\//.test(path))
            throw new FileError({ path, code: "disk_full", message: `Cannot write ${path}: the disk is full` });
          return Reflect.apply(member, target, args);
        };
      },
    });
  }

  #operation(): void {
    if (this.killAfter === undefined) return;
    this.killAfter -= 1;
    if (this.killAfter < 0) throw new Killed("killed");
  }
}
