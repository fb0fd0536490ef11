/**
 * Measures how slow this machine is now, for the deadlines of the lab and of the tests. Deadlines are written for an idle machine of the reference
 * speed; `paced` stretches them.
 *
 * Measured work: 30 program starts by a shell, which is most of what a booting node does and is slowest on small or busy machines. A process measures
 * at the first use, and again when a deadline passes (another load may have started since). NETHSEC_PACE=4 in the environment replaces the first
 * measurement; scripts/test.ts sets it for each test file.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Milliseconds that the measured work takes on the reference machine (2 cores of an AMD EPYC, idle). */
const referenceMs = 48;
/** Maximum stretch of a deadline: a test that hangs has to end within the hour. */
const maxPace = 40;

/** A measurement: wall-clock and processor time in milliseconds, and the load average of the last minute per core. */
export interface Measured {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly loadPerCore: number;
}

/** The factor for deadlines, 1 to 40: the larger of wall-clock time and processor time scaled by the load. */
export function paceOf({ wallMs, cpuMs, loadPerCore }: Measured): number {
  // The measured work competes with the load: at a load of one per core it gets half of a core.
  const factor = Math.max(wallMs, cpuMs * (1 + loadPerCore)) / referenceMs;
  return Math.round(Math.min(maxPace, Math.max(1, factor)) * 10) / 10;
}

/** Measures now; takes a twentieth of a second times the returned factor. */
export function measurePace(): number {
  const script = "n=0; while [ $n -lt 30 ]; do /bin/true; n=$((n + 1)); done";
  const cpuBefore = childrenCpuMs();
  const began = performance.now();
  const { status } = spawnSync("/bin/sh", ["-c", script], { stdio: ["ignore", "ignore", "ignore"] });
  const wallMs = performance.now() - began;
  if (status !== 0) throw new Error("the machine's speed cannot be measured: /bin/sh does not run /bin/true");
  const load = Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
  return paceOf({ wallMs, cpuMs: childrenCpuMs() - cpuBefore, loadPerCore: load / availableParallelism() });
}

/** Processor time of this process's ended children: fields 16 and 17 of proc(5) stat, in ticks of 10 ms. */
function childrenCpuMs(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

let known: number | undefined;

/** The machine's factor, 1 or more: from NETHSEC_PACE, or measured at the first call; raised by {@link paceAgain}. */
export function pace(): number {
  known ??= paceFrom(process.env["NETHSEC_PACE"]) ?? measurePace();
  return known;
}

/** Measures again after a deadline has passed; returns the factor, which never decreases. */
export function paceAgain(): number {
  known = Math.max(pace(), measurePace());
  return known;
}

/** Parses NETHSEC_PACE; undefined when it is not set. Throws when it is not a valid factor. */
export function paceFrom(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const factor = Number(text);
  if (!(factor >= 1 && factor <= 1000)) throw new Error(`NETHSEC_PACE=${text}: it must be a number of 1 or more.`);
  return factor;
}

/** Stretches a deadline written for the reference machine; milliseconds. */
export function paced(ms: number): number {
  return Math.round(ms * pace());
}
