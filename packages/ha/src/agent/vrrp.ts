/**
 * keepalived's output. A FIFO line is only a hint that something happened, since lines are dropped when the FIFO is full; the JSON dump is
 * authoritative (design decision 3).
 * Invariant: a dump counts only when it is newer than the query.
 */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import type { VrrpState } from "../cluster/state.ts";

const dumpSchema = v.array(
  v.object({
    data: v.looseObject({ iname: v.string(), state: v.number() }),
    stats: v.optional(v.record(v.string(), v.unknown())),
  }),
);

export interface VrrpView {
  readonly state: VrrpState;
  /** keepalived's counters; empty when it does not run. */
  readonly stats: Readonly<Record<string, number>>;
  /** Changes whenever keepalived was restarted or became master again. */
  readonly life: string;
}

const words: Readonly<Record<string, VrrpState>> = {
  MASTER: "master",
  BACKUP: "backup",
  FAULT: "fault",
  STOP: "unknown",
  DELETED: "unknown",
};
const numbers: readonly VrrpState[] = ["init", "backup", "master", "fault"];

/** `INSTANCE "master" MASTER 100` → master; undefined for other instances and other lines. Pure. */
export function parseFifoLine(line: string, instance: string): VrrpState | undefined {
  const found = /^INSTANCE "([^"]*)" ([A-Z_]+)(?: \d+)?\s*$/.exec(line);
  return found?.[1] === instance ? words[found[2] ?? ""] : undefined;
}

/** The instance in a dump; undefined when the text is no dump or lacks the instance. Pure. */
export function parseDump(text: string, instance: string): Omit<VrrpView, "life"> | undefined {
  let parsed;
  try {
    parsed = v.safeParse(dumpSchema, JSON.parse(text));
  } catch {
    return undefined; // half-written: read again
  }
  const found = parsed.success ? parsed.output.find(({ data }) => data.iname === instance) : undefined;
  if (found === undefined) return undefined;
  const stats = Object.fromEntries(
    Object.entries(found.stats ?? {}).flatMap(([name, value]) => (typeof value === "number" ? [[name, value]] : [])),
  );
  return { state: numbers[found.data.state] ?? "unknown", stats };
}

/**
 * `INSTANCE "master" MASTER_RX_LOWER_PRI 200`: this master received an advertisement of another one with lower priority, which gives way now. It had
 * the same addresses, so this node must announce them again. Pure.
 */
export function isRivalLine(line: string, instance: string): boolean {
  return line.startsWith(`INSTANCE "${instance}" MASTER_RX_LOWER_PRI`);
}

/** Whether this node has the address, read from the kernel without starting a program; undefined: cannot be determined. */
export function hasAddress(host: Pick<Host, "files">, address: string): boolean | undefined {
  const local = host.files.readText("/proc/net/fib_trie");
  if (local === undefined) return undefined;
  return new RegExp(`\\|-- ${address.replaceAll(".", "\\.")}\\s+/32 host LOCAL`).test(local);
}

/** The signal number from `keepalived --signum=JSON`: a real-time signal that depends on the C library. */
export async function jsonSignal(host: Pick<Host, "run">): Promise<string> {
  const { stdout } = await host.run(["keepalived", "--signum=JSON"], { timeoutMs: 5000 });
  return stdout.trim();
}

const answerTimeoutMs = 1000;
const pollMs = 5;

export interface DumpQuestion {
  /** keepalived's VRRP process. */
  readonly pid: number;
  /** Where keepalived writes the dump (see `dumpPathOf`). */
  readonly path: string;
  /** Name of the VRRP instance. */
  readonly instance: string;
  /** Of `jsonSignal`. */
  readonly signal: string;
}

/**
 * Requests a dump from keepalived. undefined: no answer in time (paused, very busy, or it cannot write there).
 * keepalived writes a temporary file and renames it: a dump with a new inode is newer than the request.
 */
export async function askDump(
  host: Pick<Host, "files" | "run" | "clock">,
  { pid, path, instance, signal }: DumpQuestion,
): Promise<VrrpView | undefined> {
  const before = host.files.stat(path)?.ino;
  await host.run(["kill", `-${signal}`, String(pid)], { timeoutMs: 2000, ok: "any" });
  const until = host.clock.monotonic() + answerTimeoutMs;
  while (host.clock.monotonic() < until) {
    const now = host.files.stat(path);
    const text = now?.type === "file" && now.ino !== before ? host.files.readText(path) : undefined;
    const dump = text === undefined ? undefined : parseDump(text, instance);
    if (dump !== undefined) return { ...dump, life: `${pid} ${dump.stats["become_master"] ?? 0}` };
    await host.clock.sleep(pollMs);
  }
  return undefined;
}
