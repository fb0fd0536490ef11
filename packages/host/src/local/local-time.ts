/**
 * The machine's local time. OpenWrt keeps its zone in /etc/config/system, where the runtime does not look: without this, days would begin
 * at midnight UTC. The runtime knows zones by name only ("Europe/Rome"); a POSIX text ("CET-1CEST,M3.5.0,M10.5.0/3"), which OpenWrt's own
 * programs use, is replaced by a zone whose clock changes at the same moments.
 */
import type { Files, Host } from "../host.ts";
import type { UciStore } from "../uci-store.ts";
import { NethsecError } from "../error.ts";
import { changesOf, offsetAt, parsePosixZone, type PosixZone } from "./posix-zone.ts";

/** Asked first: the zones of most firewalls. All others are asked after them. */
const frequentZones = [
  "Europe/Rome",
  "Europe/London",
  "Europe/Lisbon",
  "Europe/Athens",
  "America/New_York",
  "America/Chicago",
  "America/Denver",
  "America/Los_Angeles",
] as const;

/**
 * Sets the process' time zone from `system.@system[0]`: `zonename`, else `timezone`; a `TZ` in the environment goes first, and is replaced
 * when it is a POSIX text. Answers what is wrong with the setting, as a sentence; undefined when nothing is. Then hours are those of UTC.
 */
export function useLocalTime(
  { uci, files }: LocalTimeHost,
  env: Record<string, string | undefined> = process.env,
): string | undefined {
  const given = env["TZ"];
  const { zone, problem } = given === undefined ? configuredZone(uci) : givenZone(given);
  // Without TZ the runtime looks for the zone's name in all of /usr/share/zoneinfo, for 20 ms.
  const set = zone ?? (given === undefined ? linkedZone(files) : undefined);
  if (set !== undefined && set !== given) env["TZ"] = set;
  return problem;
}

type LocalTimeHost = Pick<Host, "uci" | "files">;

/** Debian's way: /etc/localtime is a link into /usr/share/zoneinfo. UTC where there is no such file, as for every program. */
function linkedZone(files: Pick<Files, "readlink" | "exists">): string | undefined {
  const [, name] = /\/zoneinfo\/(.+)$/.exec(files.readlink("/etc/localtime") ?? "") ?? [];
  return name ?? (files.exists("/etc/localtime") ? undefined : "UTC");
}

/** A name is the runtime's affair, as ever; a POSIX text it would not understand. */
function givenZone(text: string): Zone {
  return parsePosixZone(text) === undefined ? {} : zoneOf(text, "The environment variable TZ");
}

interface Zone {
  readonly zone?: string;
  readonly problem?: string;
}

function configuredZone(uci: Pick<UciStore, "read">): Zone {
  let section;
  try {
    section = uci.read("system").ofType("system")[0];
  } catch (error) {
    // Other readers of that file report what is wrong with it.
    if (error instanceof NethsecError) return { problem: `The time zone is not known: ${error.message}` };
    throw error;
  }
  // LuCI writes "America/New York".
  const named = section?.get("zonename")?.replaceAll(" ", "_");
  if (named !== undefined && isZone(named)) return { zone: named };
  const posix = section?.get("timezone");
  if (posix !== undefined) {
    const found = zoneOf(posix, "system.@system[0].timezone");
    if (found.zone !== undefined || named === undefined) return found;
  }
  return named === undefined ? {} : { problem: unknown("system.@system[0].zonename", named) };
}

/** Of a zone's name or POSIX text; `setting` is its name in messages. */
function zoneOf(text: string, setting: string): Zone {
  if (text === "" || isZone(text.replace(/^:/, ""))) return { zone: text };
  const posix = parsePosixZone(text);
  const zone = posix === undefined ? undefined : zoneLike(posix, new Date().getUTCFullYear());
  return zone === undefined ? { problem: unknown(setting, text) } : { zone };
}

function unknown(setting: string, value: string): string {
  return `${setting} is ${JSON.stringify(value.slice(0, 80))}, which is no time zone that is known here: hours are those of UTC. Set system.@system[0].zonename to a name such as Europe/Rome.`;
}

/** The runtime takes a zone that it does not know for UTC without a word: only known ones are set. */
function isZone(name: string): boolean {
  // Intl takes 20 ms to load: only zones that show the time of UTC are looked up there.
  if (/^[A-Za-z0-9_+/-]{1,64}$/.test(name) && differsFromUtc(name)) return true;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function differsFromUtc(name: string): boolean {
  return inZone(() => {
    process.env["TZ"] = name;
    const year = new Date().getUTCFullYear();
    return [0, 6].some((month) => new Date(Date.UTC(year, month, 15)).getTimezoneOffset() !== 0);
  });
}

/** Work that sets the process' zone, which is put back. */
function inZone<T>(work: () => T): T {
  const before = process.env["TZ"];
  try {
    return work();
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
}

/** A zone whose clock shows the same as the POSIX zone's in two years from `year` on. */
export function zoneLike(posix: PosixZone, year: number): string | undefined {
  const moments = [year, year + 1].flatMap((each) => [
    Date.UTC(each, 0, 15),
    Date.UTC(each, 6, 15),
    ...changesOf(posix, each).flatMap((change) => [change - 1000, change]),
  ]);
  const offsets = moments.map((at) => -offsetAt(posix, at) / 60_000);
  const hours = posix.standard / 3_600_000;
  // Their names count westwards.
  const fixed = `Etc/GMT${hours > 0 ? "-" : "+"}${Math.abs(hours)}`;
  return inZone(() =>
    [fixed, ...frequentZones, ...Intl.supportedValuesOf("timeZone")].find((zone) => {
      if (zone === fixed && !isZone(zone)) return false;
      // Four hundred zones this way take a tenth of the time of four hundred Intl.DateTimeFormat.
      process.env["TZ"] = zone;
      return moments.every((at, index) => new Date(at).getTimezoneOffset() === offsets[index]);
    }),
  );
}
