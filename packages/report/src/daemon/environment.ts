/**
 * The daemon's settings: environment variables as documented, else /etc/config/ns-report, else defaults. An invalid value is an error at the start,
 * not a silent default. Pure except for reading UCI.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Files } from "@nethsec/host/host";
import type { UciStore } from "@nethsec/host/uci-store";
import { defaultHttpPort, defaultSocket } from "../feed/feed-source.ts";
import { reportGroup } from "../store/report-access.ts";
import { reportPath } from "../store/report-path.ts";

export interface Settings {
  readonly source:
    | { readonly kind: "netifyd"; readonly socket: string }
    | { readonly kind: "http"; readonly port: number; readonly path: string }
    | { readonly kind: "ndpi"; readonly device: string };
  readonly staleSeconds: number;
  readonly dumpSeconds: number;
  readonly base: string;
  /** Id of the group that may read the reports; undefined: root only. */
  readonly group: number | undefined;
  /** Percent of the file system that one day of reports may take. */
  readonly maxDayPercent: number;
  readonly debug: boolean;
}

const oneWeek = 604_800;

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `bad_environment` or `bad_setting`, naming the value. */
export function readSettings(env: Environment, uci: Pick<UciStore, "read">, files: Pick<Files, "readText">): Settings {
  return {
    source: sourceOf(env, uci),
    staleSeconds: seconds(env, "FLOW_STALE_TIMEOUT", 3600),
    dumpSeconds: seconds(env, "DUMP_TIMEOUT", 120),
    base: reportPath(env, uci),
    group: reportGroup(files, uci),
    maxDayPercent: dayPercent(uci),
    debug: logLevel(env),
  };
}

function sourceOf(env: Environment, uci: Pick<UciStore, "read">): Settings["source"] {
  const socket = env["NETIFYD_SOCKET"];
  if (socket !== undefined) {
    if (!isPath(socket))
      throw badEnvironment("NETIFYD_SOCKET", socket, "an absolute path, such as /var/run/netifyd/netifyd.sock");
    return { kind: "netifyd", socket };
  }
  const config = uci.read("ns-report");
  const kind = config.get("config", "source") ?? "netifyd";
  if (kind === "ndpi") {
    const device = config.get("config", "ndpi_device") ?? "br-lan";
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(device))
      throw badSetting("ndpi_device", device, "the name of a network device, such as br-lan");
    return { kind, device };
  }
  if (kind === "http") return httpOf(config.get("config", "http_port"), config.get("config", "http_secret"));
  if (kind !== "netifyd")
    throw badSetting("source", kind, "netifyd, http or ndpi (with ns-stats, dpireport does not run)");
  const path = config.get("config", "netifyd_socket") ?? defaultSocket;
  if (!isPath(path)) throw badSetting("netifyd_socket", path, "an absolute path");
  return { kind, socket: path };
}

function httpOf(port = String(defaultHttpPort), secret = ""): Settings["source"] {
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw badSetting("http_port", port, "a number from 1 to 65535");
  if (!/^[A-Za-z0-9]{16,128}$/.test(secret))
    throw badSetting("http_secret", "(hidden)", 'what "ns-report source http" writes');
  return { kind: "http", port: Number(port), path: `/flows/${secret}` };
}

function seconds(env: Environment, name: string, fallback: number): number {
  const text = env[name];
  if (text === undefined) return fallback;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > oneWeek) throw badEnvironment(name, text, `a number of seconds from 1 to ${oneWeek}`);
  return value;
}

function dayPercent(uci: Pick<UciStore, "read">): number {
  const text = uci.read("ns-report").get("config", "max_day_percent") ?? "10";
  const value = /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value <= 0 || value > 100) throw badSetting("max_day_percent", text, "a percentage over 0, 100 at the most");
  return value;
}

function logLevel(env: Environment): boolean {
  const level = env["LOG_LEVEL"] ?? "INFO";
  if (level !== "INFO" && level !== "DEBUG") throw badEnvironment("LOG_LEVEL", level, "INFO or DEBUG");
  return level === "DEBUG";
}

// A UNIX socket's path has 107 bytes at the most (unix(7)).
function isPath(text: string): boolean {
  return /^\/[^\0]{1,106}$/.test(text);
}

function badEnvironment(name: string, value: string, wanted: string): NethsecError {
  return new NethsecError({
    code: "bad_environment",
    message: `The environment variable ${name} is ${JSON.stringify(value.slice(0, 200))}; it must be ${wanted}.`,
    advice: `Correct ${name}, or leave it out for the default.`,
  });
}

function badSetting(option: string, value: string, wanted: string): NethsecError {
  return new NethsecError({
    code: "bad_setting",
    message: `ns-report.config.${option} is ${JSON.stringify(value.slice(0, 200))}; it must be ${wanted}.`,
    advice: `uci set ns-report.config.${option}=…; uci commit ns-report; /etc/init.d/dpireport restart`,
  });
}
