/**
 * Making sure of a commit where the original's protocol can lose it: a committer of libuci's that waited for a lock goes on with the file it had
 * opened, and overwrites what others wrote since (spec "uci", 13.4). Who holds or wants an exclusive lock is to be seen in /proc/locks. Which path a lock is
 * on is not, if the file has been replaced: so every other program with an exclusive lock on that file system counts.
 */
import { type BigIntStats, existsSync, readFileSync, readlinkSync } from "node:fs";

type FileId = Pick<BigIntStats, "dev">;

/** Processes of other programs that may be committing an old state of the file. Our own look again after waiting, and do not count. */
export function foreignCommitters(file: FileId): ReadonlySet<string> {
  const own = programOf("self");
  return new Set(exclusiveLocks(file).filter((pid) => programOf(pid) !== own));
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
