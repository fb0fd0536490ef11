/** The recorded answers of OpenWrt's programs (test-data/contracts/openwrt.json), and how an answer of the lab is held against one. */
import { readFileSync } from "node:fs";

export interface Entry {
  readonly command: string;
  readonly given?: string;
  readonly stdout?: string;
  readonly stdout_json?: unknown;
  readonly stderr?: string;
  /** Standard error goes on after `stderr`. */
  readonly stderr_then?: string;
  readonly exit?: number;
  readonly notes?: string;
}
interface File {
  readonly topics: readonly { readonly id: string; readonly entries: readonly Entry[] }[];
}

const path = new URL("../../../../test-data/contracts/openwrt.json", import.meta.url);
const file = JSON.parse(readFileSync(path, "utf8")) as File;
export const recorded: ReadonlyMap<string, readonly Entry[]> = new Map(
  file.topics.map(({ id, entries }) => [id, entries]),
);

/** One entry played on a node. */
export interface Play {
  /** Index in the topic. */
  readonly entry: number;
  /** Sets the scene: shell text, run to its end before. */
  readonly before?: string;
  /** What is run where the entry's command is prose, or would take too long. */
  readonly run?: string;
  /** What `run` prints, for an entry that has only notes: the notes, as figures of the shell. */
  readonly prints?: string;
  /** The state comes by itself: the command is repeated until it is there. */
  readonly awaited?: true;
}
/** Entry → why the lab cannot play it. */
export type NotPlayable = Readonly<Record<number, string>>;
export interface Topic {
  readonly id: string;
  readonly plays: readonly Play[];
  readonly notPlayable: NotPlayable;
}

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What differs from the entry, as text; undefined: nothing. Numbers that differ from run to run (uptime, process ids, counters) are not compared. */
export function difference(entry: Entry, play: Play, answer: Answer): string | undefined {
  const wrong: string[] = [];
  const expect = (what: string, wanted: string | number | undefined, got: string | number | null): void => {
    if (wanted !== undefined && wanted !== got)
      wrong.push(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
  };
  expect("printed", play.prints, answer.stdout.trim());
  expect("exit code", entry.exit, answer.code);
  if (play.prints === undefined) expect("stdout", masked(entry.stdout), masked(answer.stdout) ?? "");
  if (entry.stdout_json !== undefined)
    wrong.push(...unlike("stdout", canonical(entry.stdout_json), parsed(answer.stdout)));
  if (entry.stderr_then === undefined) expect("stderr", entry.stderr, answer.stderr);
  else if (!answer.stderr.startsWith(`${entry.stderr ?? ""}Usage: ubus `)) wrong.push(`stderr: ${answer.stderr}`);
  return wrong.length === 0 ? undefined : wrong.join("\n");
}

/** The number of an ubus object, and process ids by the order in which they come. */
function masked(text: string | undefined): string | undefined {
  const ids: string[] = [];
  return text?.replace(/@[0-9a-f]{8}$/gm, "@").replace(/^\d{2,5}$/gm, (id) => {
    if (!ids.includes(id)) ids.push(id);
    return `process ${ids.indexOf(id)}`;
  });
}

function parsed(text: string): unknown {
  try {
    return canonical(JSON.parse(text));
  } catch {
    return `no JSON: ${text}`;
  }
}

/** Where two values of JSON differ, a line a place. */
function unlike(where: string, wanted: unknown, got: unknown): string[] {
  const members = (value: unknown): ReadonlyMap<string, unknown> | undefined =>
    typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
  const [here, there] = [members(wanted), members(got)];
  if (here === undefined || there === undefined || Array.isArray(wanted) !== Array.isArray(got))
    return Object.is(wanted, got) ? [] : [`${where}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`];
  const names = new Set([...here.keys(), ...there.keys()]);
  return [...names].flatMap((name) => unlike(`${where}.${name}`, here.get(name), there.get(name)));
}

const volatile = new Set(["uptime", "pid", "macaddr"]);

/** Volatile values masked. An error that repeats with each try counts once. */
function canonical(value: unknown, key = ""): unknown {
  if (volatile.has(key)) return key;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item));
    return key === "errors" ? [...new Set(items.map((item) => JSON.stringify(item)))] : items;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, key === "statistics" ? 0 : canonical(member, name)]),
  );
}
