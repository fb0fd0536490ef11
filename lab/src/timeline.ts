/** Timeline of a lab: actions on the lab and log lines of all nodes, in order. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import type { LabView } from "./lab-view.ts";
import { parseServiceEvents, type ServiceEvent } from "./service-events.ts";
import type { NodeName } from "./topology.ts";

export interface Event {
  /** Wall clock of the host, milliseconds since 1970. */
  readonly at: number;
  /** A node's name, or "lab". */
  readonly who: string;
  readonly text: string;
}

/** Bytes read from the end of a log. */
const maxLog = 1024 * 1024;
const maxLines = 400;

/** Service actions of a firewall since its last boot, with a resolution of 10 ms. */
export function serviceEvents(lab: LabView, name: NodeName): ServiceEvent[] {
  const [uptime] = readFileSync("/proc/uptime", "utf8").split(" ");
  return parseServiceEvents(
    tail(lab.node(name).volatilePath("/var/log/service-events")),
    Date.now() - Number(uptime) * 1000,
  );
}

/**
 * Events since `since` (milliseconds since 1970; default: the start of the lab). Logs have a resolution of 1 s: within a
 * second, only the order of lines of the same node is known.
 */
export function timeline(lab: LabView, options: { readonly since?: number } = {}): Event[] {
  const since = Math.floor((options.since ?? lab.started) / 1000) * 1000;
  const events: Event[] = lab.steps.map(({ at, text }) => ({ at, who: "lab", text }));
  for (const { name, kind } of lab.plans) {
    if (kind === "firewall") {
      for (const { at, service, action, ended } of serviceEvents(lab, name))
        events.push({
          at,
          who: name,
          text: `${service}: ${action} ${ended === undefined ? "begins" : `ended with ${ended}`}`,
        });
    }
    for (const file of lab.node(name).logFiles()) events.push(...parseLog(tail(file), name, since));
  }
  return events.filter((event) => event.at >= since).toSorted((a, b) => a.at - b.at);
}

/** Human-readable timeline: one line per event; repeated lines of a node are merged with a count, and a long timeline is cut in its middle. */
export function describeTimeline(events: readonly Event[]): string {
  const lines: { readonly event: Event; times: number }[] = [];
  const last = new Map<string, { readonly event: Event; times: number }>();
  for (const event of events) {
    const before = last.get(event.who);
    if (before?.event.text === event.text) {
      before.times++;
      continue;
    }
    const line = { event, times: 1 };
    lines.push(line);
    last.set(event.who, line);
  }
  const shown = lines.map(
    ({ event: { at, who, text }, times }) =>
      `${new Date(at).toISOString().slice(11, 23)}  ${who.padEnd(10)} ${text}${times > 1 ? `  (${times} times)` : ""}\n`,
  );
  if (shown.length <= maxLines) return shown.join("");
  const head = shown.slice(0, maxLines / 4);
  const tailOf = shown.slice(-(maxLines * 3) / 4);
  return [...head, `… ${shown.length - head.length - tailOf.length} lines left out …\n`, ...tailOf].join("");
}

/**
 * Lines of a syslog file: "Nov 22 01:22:43 host …" (RFC 3164, the year is taken from `reference`) or with an RFC 3339 time.
 * A line without a time continues the line before.
 */
export function parseLog(text: string, who: string, reference: number): Event[] {
  const events: Event[] = [];
  let at = reference;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const classic = /^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (.*)$/.exec(line);
    const precise = /^(\d{4}-\d\d-\d\dT\S+) (.*)$/.exec(line);
    const time =
      classic === null
        ? precise === null
          ? Number.NaN
          : Date.parse(precise[1] ?? "")
        : classicTime(classic[1] ?? "", reference);
    if (!Number.isNaN(time)) at = time;
    events.push({ at, who, text: (classic ?? precise)?.[2] ?? line });
  }
  return events;
}

function classicTime(text: string, reference: number): number {
  const year = new Date(reference).getUTCFullYear();
  const time = Date.parse(`${text} ${year} UTC`);
  // Lines of December, read in January.
  return time > reference + 180 * 86_400_000 ? Date.parse(`${text} ${year - 1} UTC`) : time;
}

function tail(path: string): string {
  if (!existsSync(path)) return "";
  const file = openSync(path, "r");
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(size, maxLog));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8");
  } finally {
    closeSync(file);
  }
}
