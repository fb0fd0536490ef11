/**
 * Parses events of other programs in /var/log/messages (formats recorded in test-data/contracts/loglines.json): packets refused by banIP's rules,
 * addresses blocked by banIP, WANs that went up or down according to mwan3track. Pure.
 */

export interface LogEvents {
  /** `category` is empty for the flood protections, which have no feed. */
  readonly malware: readonly { timestamp: number; src: string; dst: string; category: string; chain: string }[];
  readonly attacks: readonly { timestamp: number; ip: string }[];
  readonly wans: readonly { timestamp: number; wan: string; interface: string; event: string }[];
}

/** Matches the program's tag as well, so that text injected into another program's log line is not taken for an event. */
const tagged = (tag: string, text: string): RegExp => new RegExp(`^(?:.{15}|\\S+) \\S+ ${tag}: ${text}`);
const address = String.raw`[\da-fA-F.:]+`;

const malwareLine = tagged(
  "kernel",
  String.raw`.*?\bbanIP/([a-z]+-[a-z]+)/(?:drop|reject)(?:/([^\s:]+))?: .*?\bSRC=(${address}) DST=(${address})`,
);
/** The rest of the line differs between versions of banIP. */
const attackLine = tagged(String.raw`banIP\S*`, `add IP '(${address})'`);
const wanLine = tagged(String.raw`mwan3track\S*`, String.raw`Interface (\w+) \(([^)]*)\) is (online|offline)$`);

/** `nowMs`: wall clock, to infer the year. Timestamps are seconds since 1970. */
export function readLogEvents(lines: Iterable<string>, nowMs: number): LogEvents {
  const events = {
    malware: [] as LogEvents["malware"][number][],
    attacks: [] as LogEvents["attacks"][number][],
    wans: [] as LogEvents["wans"][number][],
  };
  for (const line of lines) {
    if (!line.includes("banIP") && !line.includes("mwan3track")) continue;
    const timestamp = timeOf(line, nowMs);
    if (timestamp === undefined) continue;
    const [malware, attack, wan] = [malwareLine.exec(line), attackLine.exec(line), wanLine.exec(line)];
    if (malware !== null) {
      const [, chain = "", category = "", src = "", dst = ""] = malware;
      events.malware.push({ timestamp, src, dst, category, chain });
    } else if (attack !== null) events.attacks.push({ timestamp, ip: attack[1] ?? "" });
    else if (wan !== null) {
      const [, name = "", device = "", event = ""] = wan;
      events.wans.push({ timestamp, wan: name, interface: device, event });
    }
  }
  return events;
}

/** Seconds since 1970 of "Apr 23 09:48:49" (local time), or of an ISO 8601 time at the line's beginning. */
function timeOf(line: string, nowMs: number): number | undefined {
  const iso = /^\d{4}-\d\d-\d\dT\S+/.exec(line)?.[0];
  const year = new Date(nowMs).getFullYear();
  const at = (text: string): number => Date.parse(text);
  let ms = iso === undefined ? at(`${line.slice(0, 6)} ${year} ${line.slice(7, 15)}`) : at(iso);
  if (iso === undefined && ms > nowMs + 86_400_000) ms = at(`${line.slice(0, 6)} ${year - 1} ${line.slice(7, 15)}`);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
