/** Turns the recorded exchanges (test-data/contracts/controller-http.json) into requests: fills in placeholders, generates bodies given by description. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiRequest } from "./answers.ts";

const unit = "0e1f2a3b-4c5d-4e7f-8091-a2b3c4d5e6f7";
const unit2 = "5d3c9a10-0b1e-4f7a-9c2d-1e2f3a4b5c6d";
export const ids = { unit, unit2 } as const;

export interface Exchange {
  readonly name: string;
  readonly source: "observed" | "read";
  readonly given: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly body_raw?: string;
    readonly body_base64?: string;
    readonly body_described?: string;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly body_raw?: string;
    readonly body_described?: string;
  };
  readonly stored?: Readonly<Record<string, unknown>>;
  readonly unit_is_asked?: readonly unknown[];
  readonly unit_answers?: readonly unknown[];
}

const path = join(import.meta.dir, "../../../test-data/contracts/controller-http.json");

/** The controller's secrets, which replace placeholders. */
export interface Secrets {
  readonly token: string;
  readonly adminToken: string;
}

export function readExchanges(): readonly Exchange[] {
  const recording: { exchanges: Exchange[] } = JSON.parse(readFileSync(path, "utf8"));
  return recording.exchanges;
}

/** `value` with its placeholders filled in. */
export function fill<Value>(value: Value, { token, adminToken }: Secrets): Value {
  const text = JSON.stringify(value)
    .replaceAll("<UNIT in capitals>", unit.toUpperCase())
    .replaceAll("<UNIT>", unit)
    .replaceAll("<UNIT2>", unit2)
    .replaceAll("<TOKEN>", token)
    .replaceAll("<administrator JWT>", adminToken);
  const filled: Value = JSON.parse(text);
  return filled;
}

function authorization(text: string, { adminToken }: Secrets): string {
  const credentials = /^Basic base64\((.*)\)$/.exec(text)?.[1];
  if (credentials !== undefined) return `Basic ${Buffer.from(credentials).toString("base64")}`;
  return text.replace("Basic <metrics user>", `Basic ${Buffer.from(`metrics:${adminToken}`).toString("base64")}`);
}

const registration = {
  unit_id: unit,
  username: "a1b2c3d4",
  password: "Secret,1234",
  unit_name: "fw.example.org",
  version: "NethSecurity 8.7.1",
  subscription_type: "enterprise",
  system_id: "AAAA-BBBB",
};
const dpiRow = {
  timestamp: 1790000000,
  client_address: "192.168.1.5",
  client_name: "pc5.lan",
  protocol: "",
  host: "",
  application: "netify.facebook",
  bytes: 1234,
};

/** JSON of exactly `bytes` bytes, with a space after colons and commas as in the recorded bodies. */
function padded(bytes: number, make: (padding: string) => unknown): string {
  const text = (padding: string): string =>
    JSON.stringify(make(padding)).replaceAll('":', '": ').replaceAll(',"', ', "');
  return text("x".repeat(bytes - Buffer.byteLength(text(""))));
}

/** Generates a body that the recording only describes. */
function described(name: string): string | Uint8Array {
  const dpi = (change: object): string => JSON.stringify({ data: [{ ...dpiRow, ...change }] });
  const longName = (bytes: number): string => padded(bytes, (client_name) => ({ data: [{ ...dpiRow, client_name }] }));
  const longId = (bytes: number): string => padded(bytes, (system_id) => ({ ...registration, system_id }));
  const plain = JSON.stringify(registration);
  const made: Readonly<Record<string, () => string | Uint8Array>> = {
    "register: body sent gzipped": () => Bun.gzipSync(Buffer.from(plain)),
    "register: body of exactly 8192 bytes": () => longId(8192),
    "register: body of 8193 bytes": () => longId(8193),
    "register: valid object, then blanks up to 9000 bytes": () => plain.padEnd(9000),
    "register: valid object, then other text": () => `${plain}garbage`,
    "ingest dpi: very long host (2704 bytes do not fit the index)": () =>
      dpi({ host: randomBytes(5000).toString("hex") }),
    "ingest body of exactly 8 MiB": () => longName(8 * 1024 ** 2),
    "ingest body of 8 MiB and 1 byte": () => longName(8 * 1024 ** 2 + 1),
    "ingest body of 8 MiB and 1 byte, to an unknown dump": () => longName(8 * 1024 ** 2 + 1),
    "ingest 5000 rows in one body": () =>
      JSON.stringify({
        data: Array.from({ length: 5000 }, (_, n) => ({ ...dpiRow, client_address: `10.1.${n >> 8}.${n & 255}` })),
      }),
    "ingest gzipped body": () => Bun.gzipSync(Buffer.from(dpi({}))),
  };
  const make = made[name];
  if (make === undefined) throw new Error(`nobody knows how the body of "${name}" was made`);
  return make();
}

export function requestOf(exchange: Exchange, secrets: Secrets): ApiRequest {
  const { method, path, headers, body, body_raw, body_base64, body_described } = fill(exchange.request, secrets);
  const sent =
    body_described !== undefined
      ? described(exchange.name)
      : body_base64 !== undefined
        ? Buffer.from(body_base64, "base64")
        : (body_raw ?? (body === null || body === undefined ? "" : JSON.stringify(body)));
  return {
    method,
    path: path.replace(/^\/api(?=\/)/, "").replace(/\?.*/, ""),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name.toLowerCase(),
        name === "Authorization" ? authorization(value, secrets) : value,
      ]),
    ),
    body: typeof sent === "string" ? Buffer.from(sent) : sent,
    address: "198.51.100.1",
  };
}
