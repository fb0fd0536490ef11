/**
 * Parses one JSON message into what the accounting needs. The plain way, by `JSON.parse`; `event-scanner.ts` is the fast one and must give the same
 * result. Pure. Messages are untrusted input: a field of an unexpected type counts as missing.
 */
import { sha1 } from "@nethsec/host/files/digests";
import { maxOthers, withHash, type FlowEvent, type FlowIdentity } from "./flow-event.ts";

export type Message =
  /** `event` was filled. */
  | "flow"
  /** A message without use for the accounting. */
  | "other"
  /** Not JSON, or a flow event without the flow's digest. */
  | "malformed"
  | StatusMessage;

/** The full form of `agent_status`. */
export interface StatusMessage {
  /** Whether any interface has the role LAN. */
  readonly hasInternal: boolean;
}

/** Longest name kept; netifyd cuts host names at 79 characters, RFC 1035 allows 253. */
const maxNameLength = 253;

const identityTypes = new Set(["flow", "flow_dpi_complete", "flow_dpi_update"]);
const counterTypes = new Set(["flow_stats", "flow_status", "flow_purge", "flow_dpi_complete", "flow_dpi_update"]);

/** `interfaceNumber` gives each interface name its number. */
export function parseEvent(text: string, event: FlowEvent, interfaceNumber: (name: string) => number): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "malformed";
  }
  if (!isRecord(value)) return "malformed";
  const type = value["type"];
  if (type === "agent_status") return statusOf(value);
  if (type === "interfaces") return interfacesOf(value);
  if (typeof type !== "string") return "other";
  const hasIdentity = identityTypes.has(type);
  const hasCounters = counterTypes.has(type);
  if (!hasIdentity && !hasCounters) return "other";
  const flow = value["flow"];
  const name = value["interface"];
  // A null counts as absent (contract netifyd5).
  if (flow === null || flow === undefined) return "other";
  if (!isRecord(flow) || typeof name !== "string" || typeof flow["digest"] !== "string") return "malformed";
  event.interface = interfaceNumber(name);
  event.internal = value["internal"] === true;
  digestWords(flow["digest"], event.digest);
  readOthers(flow["digest_prev"], event);
  event.firstSeen = positive(flow["first_seen_at"]) ?? 0;
  event.lastSeen = positive(flow["last_seen_at"]) ?? 0;
  event.identity = hasIdentity ? identityOf(flow) : undefined;
  const local = positive(flow["local_bytes"]);
  const other = positive(flow["other_bytes"]);
  event.increment =
    hasCounters && (local !== undefined || other !== undefined) ? (local ?? 0) + (other ?? 0) : Number.NaN;
  event.upload = hasCounters ? (local ?? 0) : 0;
  event.total = hasCounters ? (positive(flow["total_bytes"]) ?? Number.NaN) : Number.NaN;
  event.purge = type === "flow_purge";
  if (event.identity === undefined && Number.isNaN(event.increment) && Number.isNaN(event.total) && !event.purge)
    return "malformed";
  return "flow";
}

function statusOf(value: Record<string, unknown>): Message {
  const interfaces = value["interfaces"];
  if (!isRecord(interfaces)) return "other";
  return { hasInternal: Object.values(interfaces).some((one) => isRecord(one) && one["role"] === "LAN") };
}

/** 5.x with an HTTP sink: the object has a member for each interface. */
function interfacesOf(value: Record<string, unknown>): Message {
  const roles = Object.values(value).flatMap((one) =>
    isRecord(one) && typeof one["role"] === "string" ? [one["role"]] : [],
  );
  return roles.length === 0 ? "other" : { hasInternal: roles.some((role) => role.toLowerCase() === "lan") };
}

function identityOf(flow: Record<string, unknown>): FlowIdentity | undefined {
  const client = flow["local_ip"];
  if (typeof client !== "string") return undefined;
  return withHash({
    client: client.slice(0, 64).toLowerCase(),
    protocol: nameOf(flow["detected_protocol_name"]) ?? "unknown",
    application: nameOf(flow["detected_application_name"]) ?? "unknown",
    host: nameOf(flow["host_server_name"]) ?? nameOf(flow["dns_host_name"]),
  });
}

function nameOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, maxNameLength).toLowerCase() : undefined;
}

/** 40 hexadecimal digits are used as they are, 16 (agents after 5.2) are padded with zeros; any other digest is replaced by its SHA-1, which has 40. */
export function digestWords(digest: string, into: Uint32Array): void {
  const hex = /^[0-9a-f]{40}$/.test(digest)
    ? digest
    : /^[0-9a-f]{16}$/.test(digest)
      ? digest.padEnd(40, "0")
      : sha1(digest);
  for (let word = 0; word < 5; word++) into[word] = Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16);
}

/** `digest_prev` of 5.x. */
function readOthers(list: unknown, event: FlowEvent): void {
  event.othersCount = 0;
  if (!Array.isArray(list)) return;
  const texts = list.filter((one): one is string => typeof one === "string" && one !== "");
  const half = maxOthers / 2;
  for (const text of texts.length > maxOthers ? [...texts.slice(0, half), ...texts.slice(-half)] : texts) {
    const from = 5 * event.othersCount++;
    digestWords(text, event.others.subarray(from, from + 5));
  }
}

/** A number that is valid as a counter. */
function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
