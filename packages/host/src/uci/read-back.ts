/**
 * Making sure of a commit where the original's protocol can lose it: a committer of libuci's that waited for a lock goes on with the file it had
 * opened, and overwrites what others wrote since (spec "uci", 13.4). Who holds or wants an exclusive lock is to be seen in /proc/locks, and in /proc/PID/fd what
 * they have open: a file of this name, maybe one that has been replaced since. Whose files are not to be seen counts too.
 */
import { type BigIntStats, existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { LockedFile } from "./locked-file.ts";

type FileId = Pick<BigIntStats, "dev">;

/** Processes of other programs that may be committing an old state of the file. Our own look again after waiting, and do not count. */
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

/** The name that a file had when it was opened, without its folder: other processes may see that in another place. */
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
 * Waits until they have no lock any more and have ended; at most 2 seconds. One that lives on without a lock may be on its way from wanting to holding
 * one, which is not to be seen: it counts for another 200 ms.
 */
export function waitForCommitters(file: FileId, committers: ReadonlySet<string>): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + 2000;
  for (let since = performance.now(); performance.now() < deadline; Atomics.wait(pause, 0, 0, 1)) {
    if (exclusiveLocks(file).some((pid) => committers.has(pid))) since = performance.now();
    else if (performance.now() > since + 200 || ![...committers].some((pid) => existsSync(`/proc/${pid}`))) return;
  }
}

/** From lines such as "12: -> FLOCK  ADVISORY  WRITE 4711 00:2f:1234 0 EOF", the process; none where there is no such file. */
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
