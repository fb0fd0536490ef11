/**
 * What keepalived says. A line of its FIFO is a hint that something happened; its JSON dump is the truth (design decision 3): lines are
 * dropped when the FIFO is full.
 * Invariants: a dump is only believed when it is newer than the question; a keepalived that does not answer is told apart from one that
 * does not run.
 */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import type { VrrpState } from "../cluster/state.ts";

/** Where keepalived 2.2 to 2.4 write the process id of their VRRP child: with process_names and without, OpenWrt and Debian. */
const pidFiles = [
  "/var/run/keepalived/vrrp.pid",
  "/var/run/keepalived_vrrp.pid",
  "/run/keepalived/vrrp.pid",
  "/run/keepalived_vrrp.pid",
  "/var/run/vrrp.pid",
];
export const dumpPath = "/tmp/keepalived.json";

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
  /** Changes whenever keepalived was started again or became master once more. */
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

/** `INSTANCE "master" MASTER 100` → master; undefined for lines about others. Pure. */
export function parseFifoLine(line: string, instance: string): VrrpState | undefined {
  const found = /^INSTANCE "([^"]*)" ([A-Z_]+)(?: \d+)?\s*$/.exec(line);
  return found?.[1] === instance ? words[found[2] ?? ""] : undefined;
}

/** The instance in a dump; undefined when the text is no dump or does not have it. Pure. */
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
 * `INSTANCE "master" MASTER_RX_LOWER_PRI 200`: this master heard another one, of lower priority, which gives way now. Its addresses were ours:
 * neighbours that learnt them from it must be told. Pure.
 */
export function isRivalLine(line: string, instance: string): boolean {
  return line.startsWith(`INSTANCE "${instance}" MASTER_RX_LOWER_PRI`);
}

const signalNumbers = new Map<string, string>();
/** The number of `keepalived --signum=JSON`: a real-time signal, and which one depends on the C library. */
async function jsonSignal(host: Pick<Host, "run">): Promise<string> {
  const known = signalNumbers.get("JSON");
  if (known !== undefined) return known;
  const { stdout } = await host.run(["keepalived", "--signum=JSON"], { timeoutMs: 5000 });
  signalNumbers.set("JSON", stdout.trim());
  return stdout.trim();
}

/** keepalived's VRRP process; undefined when it does not run. */
export function vrrpPid(host: Pick<Host, "files">): number | undefined {
  for (const path of pidFiles) {
    const pid = Number(host.files.readText(path)?.trim());
    if (Number.isInteger(pid) && pid > 1 && /keepalived/.test(host.files.readText(`/proc/${pid}/comm`) ?? ""))
      return pid;
  }
  return undefined;
}

/**
 * Compares `state` with what /proc shows, without a question to keepalived (each is a line in its log): keepalived runs and is not stopped, and
 * this node has the VIP exactly when it is master. False: ask keepalived.
 */
export function matchesKernel(host: Pick<Host, "files">, state: VrrpState, vip: string): boolean {
  const pid = vrrpPid(host);
  if (pid === undefined) return state === "unknown";
  if (/^State:\s+[Tt]/m.test(host.files.readText(`/proc/${pid}/status`) ?? "")) return false;
  const local = host.files.readText("/proc/net/fib_trie");
  const present =
    local === undefined || new RegExp(`\\|-- ${vip.replaceAll(".", "\\.")}\\s+/32 host LOCAL`).test(local);
  return state !== "unknown" && present === (state === "master");
}

const answerTimeoutMs = 1000;
const pollMs = 5;

/** undefined: keepalived runs, but does not answer (paused, or very busy). Not running: state "unknown". */
export async function readVrrp(
  host: Pick<Host, "files" | "run" | "clock">,
  instance: string,
  signal?: AbortSignal,
): Promise<VrrpView | undefined> {
  const pid = vrrpPid(host);
  if (pid === undefined) return { state: "unknown", stats: {}, life: "none" };
  const number = await jsonSignal(host);
  const before = host.files.stat(dumpPath);
  // Taking it away makes the next one certainly newer than the question.
  if (before !== undefined) host.files.remove(dumpPath);
  await host.run(["kill", `-${number}`, String(pid)], { timeoutMs: 2000, ok: "any" });
  const until = host.clock.monotonic() + answerTimeoutMs;
  while (host.clock.monotonic() < until) {
    const text = host.files.readText(dumpPath);
    const dump = text === undefined ? undefined : parseDump(text, instance);
    if (dump !== undefined) return { ...dump, life: `${pid} ${dump.stats["become_master"] ?? 0}` };
    await host.clock.sleep(pollMs, signal);
  }
  return vrrpPid(host) === pid ? undefined : { state: "unknown", stats: {}, life: "none" };
}
