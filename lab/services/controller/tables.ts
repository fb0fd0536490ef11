/** The controller's tables of reports, and the dumps that fill them, as recorded (test-data/contracts/controller-http.json: `tables`, `rules`). */
import type { Fields, Kind } from "./go-json.ts";

export interface Table {
  readonly name: string;
  /** Members of one entry of the dump. Each is stored in the column of its name, `timestamp` in the column `time`. */
  readonly entry: Readonly<Record<string, Kind>>;
  /** An entry without one of these is skipped silently. */
  readonly required: readonly string[];
  /** Key columns, besides the unit. Empty: the dump replaces all rows of the unit. */
  readonly key: readonly string[];
  /** Columns updated by a second row with the same key. Empty: the first row stays as it is. */
  readonly replaced: readonly string[];
  /** Whether rows have a column for the country (empty without a GeoIP database). */
  readonly country: boolean;
}

const table = (name: string, entry: Readonly<Record<string, Kind>>, rest: Partial<Table>): Table => ({
  name,
  entry,
  required: [],
  key: [],
  replaced: [],
  country: false,
  ...rest,
});

const text = "string" as const;
const number = "int64" as const;

export const tables: Readonly<Record<string, Table>> = {
  "dump-wan-config": table("wan_config", { interface: text, device: text, status: text }, {}),
  "dump-ovpn-config": table("openvpn_config", { instance: text, name: text, device: text, type: text }, {}),
  "dump-mwan-events": table(
    "mwan_events",
    { timestamp: number, wan: text, event: text, interface: text },
    { required: ["timestamp", "wan", "event"], key: ["timestamp"] },
  ),
  "dump-ts-attacks": table(
    "ts_attacks",
    { timestamp: number, ip: text },
    { required: ["timestamp", "ip"], key: ["timestamp", "ip"], country: true },
  ),
  "dump-ts-malware": table(
    "ts_malware",
    { timestamp: number, src: text, dst: text, category: text, chain: text },
    { required: ["timestamp", "src", "dst", "category", "chain"], key: ["timestamp"], country: true },
  ),
  "dump-ovpn-connections": table(
    "ovpnrw_connections",
    {
      timestamp: number,
      instance: text,
      common_name: text,
      virtual_ip_addr: text,
      remote_ip_addr: text,
      start_time: number,
      duration: number,
      bytes_received: number,
      bytes_sent: number,
    },
    {
      required: ["timestamp", "instance", "common_name", "start_time"],
      key: ["timestamp", "instance", "common_name"],
      replaced: ["duration", "bytes_received", "bytes_sent"],
      country: true,
    },
  ),
  "dump-dpi-stats": table(
    "dpi_stats",
    {
      timestamp: number,
      client_address: text,
      client_name: text,
      protocol: text,
      host: text,
      application: text,
      bytes: number,
    },
    {
      required: ["timestamp", "client_address", "bytes"],
      key: ["timestamp", "client_address", "protocol", "host", "application"],
      replaced: ["bytes"],
    },
  ),
};

export const isSkipped = ({ required }: Table, entry: Fields): boolean =>
  required.some((name) => entry[name] === "" || entry[name] === 0n);

/** Where an API stores what units report. */
export interface Reports {
  /** Stores the entries of one dump; false when the database refuses one of them. */
  ingest(table: Table, unit: string, entries: readonly Fields[]): Promise<boolean>;
}
