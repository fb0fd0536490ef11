/**
 * Processes of a lab, seen from the host. Each has NETHSEC_LAB=<name> in its environment, so that leftovers of a crashed lab can be
 * found without any file. A PID alone is never trusted, since it may have been reused.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** PID and start time (clock ticks since boot), which together identify a process uniquely. */
export interface Identity {
  readonly pid: number;
  readonly start: string;
}

/** undefined when there is no such process. */
export function identify(pid: number): Identity | undefined {
  const stat = readProc(pid, "stat");
  // The program's name, in parentheses, may hold blanks; the start time is the 20th field after it (proc(5): field 22).
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const state = stat?.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  return start === undefined || state === "Z" ? undefined : { pid, start };
}

export function isAlive(identity: Identity): boolean {
  return identify(identity.pid)?.start === identity.start;
}

/** "PID START", as `lab/node/init` writes it. */
export function parseIdentity(text: string): Identity | undefined {
  const [pid, start] = text.trim().split(" ");
  return pid === undefined || start === undefined || !/^\d+$/.test(pid) ? undefined : { pid: Number(pid), start };
}

/** All processes started for the lab, except this process and its ancestors (e.g. a shell inside the lab). */
export function processesOfLab(lab: string): number[] {
  const own = ancestors();
  return processNumbers().filter((pid) => !own.has(pid) && labOf(pid) === lab);
}

/** Names of labs that have a process. */
export function labsWithProcesses(): string[] {
  return [...new Set(processNumbers().flatMap((pid) => labOf(pid) ?? []))];
}

/** Processes in the same PID namespace as `member` (process 1 of a node) that are called `name`: program or first argument. */
export function processesInNode(member: number, name: string): number[] {
  const namespace = pidNamespace(member);
  if (namespace === undefined) return [];
  return processNumbers().filter((pid) => pidNamespace(pid) === namespace && isCalled(pid, name));
}

/** All processes of the nodes with the given process 1, including those that cleared their environment. */
export function processesInNodes(members: readonly number[]): number[] {
  const namespaces = new Set(members.flatMap((pid) => pidNamespace(pid) ?? []));
  return processNumbers().filter((pid) => namespaces.has(pidNamespace(pid) ?? ""));
}

function isCalled(pid: number, name: string): boolean {
  const [first, second] = (readProc(pid, "cmdline") ?? "").split("\0");
  if (first === undefined || first === "") return false;
  const interpreted =
    ["sh", "bash", "dash", "ash", "bun", "busybox"].includes(basename(first)) &&
    second !== undefined &&
    basename(second) === name;
  return interpreted || basename(first) === name || readProc(pid, "comm")?.trim() === name.slice(0, 15);
}

/** Proportional set size of the processes: private memory plus their share of shared memory; bytes. */
export function memoryOf(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) kib += Number(/^Pss:\s+(\d+) kB/m.exec(readProc(pid, "smaps_rollup") ?? "")?.[1] ?? 0);
  return kib * 1024;
}

function labOf(pid: number): string | undefined {
  return /(?:^|\0)NETHSEC_LAB=([^\0]*)/.exec(readProc(pid, "environ") ?? "")?.[1];
}

/** The process' PID namespace, e.g. "pid:[4026531836]"; undefined when it has ended. */
function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function ancestors(): Set<number> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 0 && !found.has(pid);) {
    found.add(pid);
    pid = Number(/^PPid:\s+(\d+)/m.exec(readProc(pid, "status") ?? "")?.[1] ?? 0);
  }
  return found;
}

function processNumbers(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** undefined when the process has ended meanwhile. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return undefined;
  }
}
