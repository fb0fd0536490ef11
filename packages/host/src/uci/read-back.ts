/**
 * Detects commits that the original's protocol may lose: a libuci committer that waited for a lock continues with the file it had opened, and
 * overwrites what others wrote since (spec "uci", 13.4). /proc/locks lists the processes that hold or wait for an exclusive lock, and /proc/PID/fd
 * the files that they have open: one of this name may be an older version. A process whose /proc/PID/fd is unreadable counts too.
 */
import { type BigIntStats, existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { LockedFile } from "./locked-file.ts";

type FileId = Pick<BigIntStats, "dev">;

/** Processes of other programs that may commit an outdated state of the file. Our own program rereads the file after waiting and does not count. */
export function foreignCommitters({ fd, stat }: Pick<LockedFile, "fd" | "stat">): ReadonlySet<string> {
  const locking = exclusiveLocks(stat);
  if (locking.length === 0) return new Set();
  const own = programOf("self");
  const name = openName(`/proc/self/fd/${fd}`);
  return new Set(locking.filter((pid) => programOf(pid) !== own && mayHaveOpen(pid, name)));
}

function mayHaveOpen(pid: string, name: string | undefined): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => openName(`/proc/${pid}/fd/${fd}`) === name);
  } catch {
    return true;
  }
}

/** The name of an open file without its folder, which may have another path in another process's mount namespace. */
function openName(link: string): string | undefined {
  try {
    return readlinkSync(link)
      .replace(/ \(deleted\)$/, "")
      .replace(/^.*\//, "");
  } catch {
    return undefined;
  }
}

function programOf(process: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/exe`);
  } catch {
    return undefined;
  }
}

/**
 * Waits until the committers neither hold nor await a lock and have ended; at most 2 seconds. A process that lives on without a lock may be changing from
 * waiting to holding, which /proc/locks does not show: wait another 200 ms for it.
 */
export function waitForCommitters(file: FileId, committers: ReadonlySet<string>): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + 2000;
  for (let since = performance.now(); performance.now() < deadline; Atomics.wait(pause, 0, 0, 1)) {
    if (exclusiveLocks(file).some((pid) => committers.has(pid))) since = performance.now();
    else if (performance.now() > since + 200 || ![...committers].some((pid) => existsSync(`/proc/${pid}`))) return;
  }
}

/** The processes from lines such as "12: -> FLOCK  ADVISORY  WRITE 4711 00:2f:1234 0 EOF"; empty if /proc/locks does not exist. */
function exclusiveLocks({ dev }: FileId): string[] {
  const major = ((dev >> 8n) & 0xfffn).toString(16).padStart(2, "0");
  const minor = ((dev & 0xffn) | ((dev >> 12n) & 0xfff00n)).toString(16).padStart(2, "0");
  const lock = new RegExp(` FLOCK +ADVISORY +WRITE +(\\d+) ${major}:${minor}:`);
  try {
    const lines = readFileSync("/proc/locks", "latin1").split("\n");
    return lines.flatMap((line) => lock.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}
