/**
 * The machine's local time. OpenWrt keeps its zone in /etc/config/system, which the runtime does not read: without this module, days would begin at
 * midnight UTC. The runtime supports zones by name only ("Europe/Rome"). A POSIX text ("CET-1CEST,M3.5.0,M10.5.0/3"), which OpenWrt's own programs
 * use, is replaced by a named zone whose clock changes at the same moments.
 */
import type { Files, Host } from "../host.ts";
import type { UciStore } from "../uci-store.ts";
import { NethsecError } from "../error.ts";
import { changesOf, offsetAt, parsePosixZone, type PosixZone } from "./posix-zone.ts";

/** Tried first, since most firewalls are in these zones; all others are tried after them. */
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
 * Sets the process' time zone from `system.@system[0]`: `zonename`, else `timezone`. A `TZ` in the environment takes precedence; if it is a POSIX
 * text, it is replaced by a named zone. Returns the problem with the setting as a sentence, or undefined. With a problem, times are UTC.
 */
export function useLocalTime(
  { uci, files }: LocalTimeHost,
  env: Record<string, string | undefined> = process.env,
): string | undefined {
  const given = env["TZ"];
  const { zone, problem } = given === undefined ? configuredZone(uci) : givenZone(given);
  // Without TZ the runtime searches all of /usr/share/zoneinfo for the zone's name, which takes 20 ms.
  const set = zone ?? (given === undefined ? linkedZone(files) : undefined);
  if (set !== undefined && set !== given) env["TZ"] = set;
  return problem;
}

type LocalTimeHost = Pick<Host, "uci" | "files">;

/** Debian: /etc/localtime is a link into /usr/share/zoneinfo. Without that file the zone is UTC, as for all programs. */
function linkedZone(files: Pick<Files, "readlink" | "exists">): string | undefined {
  const [, name] = /\/zoneinfo\/(.+)$/.exec(files.readlink("/etc/localtime") ?? "") ?? [];
  return name ?? (files.exists("/etc/localtime") ? undefined : "UTC");
}

/** A name is left to the runtime; a POSIX text is converted, since the runtime does not support it. */
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
    // Other readers of that file report its errors in detail.
    if (error instanceof NethsecError) return { problem: `The time zone is not known: ${error.message}` };
    throw error;
  }
  // LuCI writes spaces: "America/New York".
  const named = section?.get("zonename")?.replaceAll(" ", "_");
  if (named !== undefined && isZone(named)) return { zone: named };
  const posix = section?.get("timezone");
  if (posix !== undefined) {
    const found = zoneOf(posix, "system.@system[0].timezone");
    if (found.zone !== undefined || named === undefined) return found;
  }
  return named === undefined ? {} : { problem: unknown("system.@system[0].zonename", named) };
}

/** Resolves a zone's name or POSIX text; `setting` is the name of the setting in messages. */
function zoneOf(text: string, setting: string): Zone {
  if (text === "" || isZone(text.replace(/^:/, ""))) return { zone: text };
  const posix = parsePosixZone(text);
  const zone = posix === undefined ? undefined : zoneLike(posix, new Date().getUTCFullYear());
  return zone === undefined ? { problem: unknown(setting, text) } : { zone };
}

function unknown(setting: string, value: string): string {
  return `${setting} is ${JSON.stringify(value.slice(0, 80))}, which is no time zone that is known here: hours are those of UTC. Set system.@system[0].zonename to a name such as Europe/Rome.`;
}

/** The runtime silently treats an unknown zone as UTC: only known ones are set. */
function isZone(name: string): boolean {
  // Intl takes 20 ms to load: only names whose clock equals UTC are looked up there.
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

/** Runs `work`, which may change the process' zone, and restores the zone. */
function inZone<T>(work: () => T): T {
  const before = process.env["TZ"];
  try {
    return work();
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
}

/** A zone with the same UTC offsets as the POSIX zone in the years `year` and `year` + 1. */
export function zoneLike(posix: PosixZone, year: number): string | undefined {
  const moments = [year, year + 1].flatMap((each) => [
    Date.UTC(each, 0, 15),
    Date.UTC(each, 6, 15),
    ...changesOf(posix, each).flatMap((change) => [change - 1000, change]),
  ]);
  const offsets = moments.map((at) => -offsetAt(posix, at) / 60_000);
  const hours = posix.standard / 3_600_000;
  // The signs of the Etc names are reversed: Etc/GMT-1 is one hour east.
  const fixed = `Etc/GMT${hours > 0 ? "-" : "+"}${Math.abs(hours)}`;
  return inZone(() =>
    [fixed, ...frequentZones, ...Intl.supportedValuesOf("timeZone")].find((zone) => {
      if (zone === fixed && !isZone(zone)) return false;
      // Trying 400 zones this way takes a tenth of the time of creating 400 Intl.DateTimeFormat.
      process.env["TZ"] = zone;
      return moments.every((at, index) => new Date(at).getTimezoneOffset() === offsets[index]);
    }),
  );
}
