/**
 * Converts windows of `ndpiReader` (nDPI's example program; CSV, one row per flow) to messages of the flow stream, for routers without netifyd. Pure.
 *
 * A window contains only its own packets: for a flow that continues from the previous window the handshake is missing, so it is often "Unknown" and
 * without a name. Totals and identity are therefore carried over by five-tuple. Invariants: a flow's total only grows; a known identity is not
 * overwritten by a window that does not have it; memory is bounded.
 */
import { sha1 } from "@nethsec/host/files/digests";
import { isClientAddress } from "../store/client-address.ts";

/** A five-tuple absent for this long counts as a new flow when it reappears. */
const forgetMs = 300_000;
const maxFlows = 100_000;

interface NdpiFlow {
  readonly digest: string;
  readonly local: string;
  readonly firstSeen: number;
  lastSeen: number;
  total: number;
  protocol: string;
  application: string;
  host: string;
}

interface Row {
  readonly key: string;
  readonly source: string;
  readonly sourcePort: number;
  readonly target: string;
  readonly targetPort: number;
  readonly protocol: string;
  readonly application: string;
  readonly host: string;
  readonly up: number;
  readonly down: number;
  readonly lastSeen: number;
}

export class NdpiFlows {
  /** Rows that could not be parsed. */
  malformed = 0;
  readonly #device: string;
  readonly #flows = new Map<string, NdpiFlow>();

  constructor(device: string) {
    this.#device = device;
  }

  /** The messages of one window, one per line; `now`: Unix ms at its end. */
  window(csv: string, now: number): string {
    const lines: string[] = [];
    for (const line of csv.split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const row = parseRow(line);
      if (row === undefined) this.malformed++;
      else this.#add(row, lines);
    }
    for (const [key, flow] of this.#flows) {
      if (now - flow.lastSeen <= forgetMs && this.#flows.size <= maxFlows) continue;
      this.#flows.delete(key);
      lines.push(
        this.#message("flow_purge", {
          digest: flow.digest,
          last_seen_at: flow.lastSeen,
          local_bytes: 0,
          other_bytes: 0,
          total_bytes: flow.total,
        }),
      );
    }
    return lines.map((line) => `${line}\n`).join("");
  }

  #add(row: Row, lines: string[]): void {
    let flow = this.#flows.get(row.key);
    const isNew = flow === undefined;
    flow ??= begin(row);
    this.#flows.set(row.key, flow);
    const better = isNew || improve(flow, row);
    flow.total += row.up + row.down;
    flow.lastSeen = Math.max(flow.lastSeen, row.lastSeen);
    if (better) {
      lines.push(
        this.#message("flow", {
          digest: flow.digest,
          first_seen_at: flow.firstSeen,
          last_seen_at: flow.lastSeen,
          local_ip: flow.local,
          detected_protocol_name: flow.protocol,
          detected_application_name: flow.application,
          ...(flow.host === "" ? {} : { host_server_name: flow.host }),
        }),
      );
    }
    const fromLocal = flow.local === row.source;
    lines.push(
      this.#message("flow_stats", {
        digest: flow.digest,
        last_seen_at: flow.lastSeen,
        local_bytes: fromLocal ? row.up : row.down,
        other_bytes: fromLocal ? row.down : row.up,
        total_bytes: flow.total,
      }),
    );
  }

  #message(type: string, flow: object): string {
    return JSON.stringify({ flow, interface: this.#device, internal: true, type });
  }
}

function begin(row: Row): NdpiFlow {
  return {
    // The first-seen time distinguishes two flows with the same five-tuple.
    digest: sha1(`${row.key} ${row.lastSeen}`),
    local: localEnd(row),
    // Not the time of the flow's first packet but the time since which it is counted.
    firstSeen: row.lastSeen,
    lastSeen: row.lastSeen,
    total: 0,
    protocol: row.protocol,
    application: row.application,
    host: row.host,
  };
}

/** The end with a private address; if both or neither have one, the end that opened the connection, usually the one with the higher port. */
function localEnd({ source, sourcePort, target, targetPort }: Row): string {
  const [sourceIsLocal, targetIsLocal] = [isClientAddress(source), isClientAddress(target)];
  if (sourceIsLocal !== targetIsLocal) return sourceIsLocal ? source : target;
  return sourcePort < 1024 && targetPort >= 1024 ? target : source;
}

/** Updates the flow's names from the row where the row has better ones. True when anything changed. */
function improve(flow: NdpiFlow, row: Row): boolean {
  let better = false;
  if (row.host !== "" && row.host !== flow.host) {
    flow.host = row.host;
    better = true;
  }
  if (
    row.protocol !== "Unknown" &&
    (flow.protocol === "Unknown" || (row.application !== "Unknown" && row.application !== flow.application))
  ) {
    better ||= row.protocol !== flow.protocol || row.application !== flow.application;
    flow.protocol = row.protocol;
    flow.application = row.application;
  }
  return better;
}

/** Columns of nDPI 4.2's CSV up to the name; a name may have commas, then six counters follow. */
const beforeName = 11;

function parseRow(line: string): Row | undefined {
  const fields = line.split(",");
  const [, transport = "", , last = "", , source = "", sourcePort = "", target = "", targetPort = "", , detected = ""] =
    fields;
  const afterName = countersAt(fields);
  if (afterName === undefined || !/^\d+$/.test(transport) || !/^\d+(\.\d+)?$/.test(last)) return undefined;
  if (!/^[0-9a-fA-F:.]+$/.test(source) || !/^[0-9a-fA-F:.]+$/.test(target)) return undefined;
  const [protocol = "Unknown", ...rest] = detected.split(".");
  const ends = [`${source} ${sourcePort}`, `${target} ${targetPort}`].sort();
  return {
    key: `${transport} ${ends.join(" ")}`,
    source,
    sourcePort: Number(sourcePort),
    target,
    targetPort: Number(targetPort),
    protocol: protocol === "" ? "Unknown" : protocol,
    application: rest.length === 0 ? "Unknown" : rest.join("."),
    host: fields.slice(beforeName, afterName).join(","),
    up: Number(fields[afterName + 1]),
    down: Number(fields[afterName + 4]),
    lastSeen: Math.round(Number(last) * 1000),
  };
}

/** Index where packets, bytes and goodput of both directions begin; a ratio and its name follow them. */
function countersAt(fields: readonly string[]): number | undefined {
  for (let at = beforeName + 1; at + 8 <= fields.length; at++) {
    const isCounters = fields.slice(at, at + 6).every((field) => /^\d{1,15}$/.test(field));
    if (isCounters && /^-?\d+\.\d+$/.test(fields[at + 6] ?? "") && /^\D*$/.test(fields[at + 7] ?? "")) return at;
  }
  return undefined;
}
