/**
 * Finds keepalived's VRRP process. No single source is reliable: checks pid files, then /proc, then procd; "gone" only when all three agree.
 * Invariant: processes of another network namespace (a container of this machine) do not count.
 */
import type { Host } from "@nethsec/host/host";
import { parseServiceList } from "./running-services.ts";

/**
 * Where keepalived writes the process id of its VRRP child. The folder is configure's --runstatedir: /var/run in OpenWrt's build, /run in Debian's,
 * and these may be different folders. Below it: vrrp.pid; keepalived/vrrp.pid with `use_pid_dir`, an instance name or a network namespace
 * (keepalived 2.2.7 to 2.4, core/main.c); keepalived(8) documents keepalived_vrrp.pid.
 */
export const pidFiles: readonly string[] = ["/var/run", "/run"].flatMap((folder) =>
  ["vrrp.pid", "keepalived/vrrp.pid", "keepalived_vrrp.pid", "keepalived/keepalived_vrrp.pid"].map(
    (name) => `${folder}/${name}`,
  ),
);

/** A process id; "gone": not running; "unsure": no process was found, but procd reports it as running. */
export type Found = number | "gone" | "unsure";

type Machine = Pick<Host, "files" | "run">;

export class KeepalivedProcess {
  readonly #host: Machine;
  #known: number | undefined;

  constructor(host: Machine) {
    this.#host = host;
  }

  /** The process found before, while it is alive, or that of a pid file. Cheap enough to call every second. */
  seen(): number | undefined {
    if (this.#known !== undefined && isKeepalived(this.#host, this.#known)) return this.#known;
    this.#known = this.#ofPidFiles();
    return this.#known;
  }

  /** Checks pid files, /proc and procd. Never throws. */
  async find(): Promise<Found> {
    this.#known = this.seen() ?? this.#ofProc();
    if (this.#known !== undefined) return this.#known;
    return (await this.#ofProcd()) ? "unsure" : "gone";
  }

  #ofPidFiles(): number | undefined {
    for (const path of pidFiles) {
      const pid = Number(this.#host.files.readText(path)?.trim());
      if (Number.isInteger(pid) && pid > 1 && isKeepalived(this.#host, pid)) return pid;
    }
    return undefined;
  }

  /** With `process_names` (our configuration has it) the child is called keepalived_vrrp; without, it is the first child of the parent. */
  #ofProc(): number | undefined {
    const pids = this.#host.files
      .list("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => isKeepalived(this.#host, pid))
      .toSorted((a, b) => a - b);
    const named = pids.find((pid) => commOf(this.#host, pid) === "keepalived_vrrp");
    return named ?? pids.find((pid) => pids.includes(parentOf(this.#host, pid)));
  }

  async #ofProcd(): Promise<boolean> {
    const argv = ["ubus", "call", "service", "list", '{"name":"keepalived"}'] as const;
    try {
      const { code, stdout } = await this.#host.run(argv, { timeoutMs: 3000, ok: "any" });
      return code === 0 && parseServiceList(stdout)?.get("keepalived") === true;
    } catch {
      return false; // no procd, or no answer: rely on /proc
    }
  }
}

function isKeepalived(host: Machine, pid: number): boolean {
  return /^keepalived(_vrrp)?$/.test(commOf(host, pid)) && sameNetwork(host, pid);
}

/** A file of /proc/PID; "" when the process has ended. */
function procText({ files }: Machine, pid: number, name: string): string {
  try {
    return files.readText(`/proc/${pid}/${name}`) ?? "";
  } catch {
    return "";
  }
}

function commOf(host: Machine, pid: number): string {
  return procText(host, pid, "comm").trim();
}

function parentOf(host: Machine, pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(procText(host, pid, "status"))?.[1]);
}

function sameNetwork({ files }: Machine, pid: number): boolean {
  try {
    return files.readlink(`/proc/${pid}/ns/net`) === files.readlink("/proc/self/ns/net");
  } catch {
    return true; // cannot be read: assume the same
  }
}

/** Signs of life of a process, from /proc/PID/status: whether it is stopped (SIGSTOP, a debugger), and its count of voluntary context switches. */
export interface Pulse {
  readonly pid: number;
  readonly stopped: boolean;
  readonly waits: number;
}

export function pulseOf(host: Machine, pid: number): Pulse {
  const status = procText(host, pid, "status");
  return {
    pid,
    stopped: /^State:\s+[TtZX]/m.test(status),
    waits: Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1] ?? 0),
  };
}

/** keepalived waits for network and timers in one loop, so unless it hangs, `waits` grows between two samples a second apart. Pure. */
export function isAlive(before: Pulse | undefined, now: Pulse): boolean {
  return before?.pid === now.pid && !now.stopped && now.waits > before.waits;
}

/** Where this process writes its dumps: keepalived takes TMPDIR from its environment, when that is an absolute path, else /tmp (lib/utils.c, set_tmp_dir). */
export function dumpPathOf(host: Machine, pid: number | undefined): string {
  const environment = pid === undefined ? "" : procText(host, pid, "environ");
  const folder = environment.split("\0").find((entry) => entry.startsWith("TMPDIR=/"));
  return `${folder === undefined ? "/tmp" : folder.slice("TMPDIR=".length).replace(/\/+$/, "")}/keepalived.json`;
}
