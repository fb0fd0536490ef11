/**
 * Replays every recorded exchange of the real controller against the lab's: status, body and stored rows must be the same.
 * Certificates are made by the real openssl; the clock is virtual, so that only the exchanges that were rate-limited in the recording are here.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handle, handlePublic } from "./api.ts";
import type { Controller } from "./controller.ts";
import { Authority } from "./authority.ts";
import { memoryState, type ControllerState, type StateStore } from "./controller-state.ts";
import { MemoryReports } from "./memory-reports.ts";
import { RateLimit } from "./rate-limit.ts";
import { fill, ids, readExchanges, requestOf, type Exchange } from "./recording.ts";

const exchanges = readExchanges();
const folder = mkdtempSync(join(tmpdir(), "nethsec-controller-"));
const authority = new Authority(folder);
const state: StateStore = memoryState({ subscription: true });
const reports = new MemoryReports();
const secrets = { token: state.read().token, adminToken: state.read().adminToken };
let nowMs = 1_795_000_000_000;
let asked: unknown[] = [];
let answers: (object | undefined)[] = [];

const controller: Controller = {
  state,
  authority: {
    has: (id) => authority.has(id),
    issue: (id) => authority.issue(id),
    revoke: (id) => authority.revoke(id),
    disconnect: () => undefined,
    material: (id) => authority.material(id),
  },
  reports,
  limit: new RateLimit(),
  accepted: () => undefined,
  askUnit: async (_, path, body, token) => {
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const headers = { ...authorization, "Content-Type": "application/json", "User-Agent": "Go-http-client/1.1" };
    asked.push({ method: "POST", path, headers, body });
    const said = answers.shift();
    return said === undefined ? undefined : Buffer.from(JSON.stringify(said));
  },
  now: () => nowMs,
  nextAddress: (units) => `172.21.0.${units.length + 2}`,
};

beforeAll(() => authority.ensure(), 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

const exchangeNamed = (name: string): Exchange => {
  const found = exchanges.find((exchange) => exchange.name === name);
  if (found === undefined) throw new Error(`no exchange "${name}"`);
  return found;
};
const send = (exchange: Exchange): Promise<Response> => {
  nowMs += 1000;
  return handle(controller, requestOf(exchange, secrets));
};
const change = (part: (state: ControllerState) => Partial<ControllerState>): void =>
  state.update((before) => ({ ...before, ...part(before) }));
const addRow = (id: string, vpnAddress: string | null): void =>
  change(({ units }) => ({
    units: [...units.filter((row) => row.id !== id), { id, name: null, info: null, vpnAddress }],
  }));
const dropRow = (id: string): void => change(({ units }) => ({ units: units.filter((row) => row.id !== id) }));
const register2 = (): Promise<Response> =>
  send(exchangeNamed("register: unit added again after removal, other user name"));
const login = { code: 200, expire: "2026-11-28T22:00:00Z", token: "unit-token" };

/** Setup before an exchange, chosen by the recording's `given` text. Exchanges run in the order in which they were recorded. */
const preparations: readonly (readonly [given: RegExp, prepare: (exchange: Exchange) => unknown])[] = [
  [/^controller with a subscription; no unit/, () => change(() => ({ subscription: true }))],
  [/^controller with a subscription; unit/, () => change(() => ({ subscription: true }))],
  [/^after the registrations above/, () => (answers = [login])],
  [/the unit answers 401/, () => (answers = [{ code: 401, message: "incorrect Username or Password" }])],
  [/login and both calls/, ({ unit_answers = [] }) => (answers = unit_answers.map((said) => Object(said)))],
  [
    /ssh_port "22" \(text\)/,
    () =>
      (answers = [
        login,
        { data: { ssh_port: "22" } },
        { data: { currentVersion: "8.7.1", lastVersion: "", scheduledAt: -1 } },
      ]),
  ],
  [/no route to it in the proxy/, () => (answers = [])],
  [/^controller without subscription/, () => change(() => ({ subscription: false }))],
  [
    /^<UNIT2>: certificate issued, row/,
    () => {
      authority.issue(ids.unit2);
      dropRow(ids.unit2);
    },
  ],
  [/nothing pushed yet/, () => addRow(ids.unit, "172.21.0.2")],
  [/; tables empty$/, () => reports.clear()],
  [/before: wan\/eth1\/online/, () => replay("ingest dump-wan-config")],
  [/before: ns_roadwarrior1/, () => replay("ingest dump-ovpn-config")],
  [/before: the same row with 1234 bytes/, () => replay("ingest dump-dpi-stats")],
  [/before: the row of "dump-ovpn-connections"|before: user1/, () => replay("ingest dump-ovpn-connections")],
  [/before: event of eth1/, () => replay("ingest dump-mwan-events")],
  [/^unit <UNIT> added$/, () => dropRow(ids.unit2)],
  [
    /^<UNIT2> added, registered, one mwan event/,
    async () => {
      change(() => ({ subscription: true }));
      addRow(ids.unit2, "172.21.0.3");
      await register2();
      reports.clear();
      const event = exchangeNamed("ingest dump-mwan-events");
      const request = requestOf(event, secrets);
      const authorization = `Basic ${Buffer.from(`${ids.unit2}:${secrets.token}`).toString("base64")}`;
      nowMs += 1000;
      await handle(controller, { ...request, headers: { ...request.headers, authorization } });
    },
  ],
  [
    /then removed by the administrator, then added again$/,
    () =>
      handle(controller, {
        ...requestOf(exchangeNamed("administrator adds a unit"), secrets),
        body: Buffer.from(JSON.stringify({ unit_id: ids.unit2 })),
      }),
  ],
];

async function replay(name: string): Promise<void> {
  reports.clear();
  expect((await send(exchangeNamed(name))).status).toBe(200);
}

/** `body` with the parts that differ between controllers replaced by the recording's placeholders. */
function withoutSecrets(body: unknown): unknown {
  const text = JSON.stringify(body) ?? "null";
  const known: unknown = JSON.parse(text, (name, value: unknown) => {
    if (typeof value !== "string") return value;
    if (name === "ca" && value.startsWith("-----BEGIN CERTIFICATE-----\n"))
      return "<CA certificate, see certificates.ca>";
    if (name === "cert" && value.startsWith("Certificate:\n")) return "<unit certificate, see certificates.cert>";
    if (name === "key" && value.startsWith("-----BEGIN PRIVATE KEY-----\n"))
      return "<private key, see certificates.key>";
    if (name === "join_code" && value !== "<base64>") {
      expect(JSON.parse(Buffer.from(value, "base64").toString())).toEqual(
        fill({ fqdn: "controller.nethsec.test", token: "<TOKEN>", unit_id: "<UNIT>" }, secrets),
      );
      return "<base64>";
    }
    return value;
  });
  return known;
}

const tablesOfReports = [
  "mwan_events",
  "ts_attacks",
  "ts_malware",
  "ovpnrw_connections",
  "dpi_stats",
  "wan_config",
  "openvpn_config",
];

/** Compares the rows that the recording lists after an exchange with those that the imitation stored. */
function expectStored(exchange: Exchange, credentialsBefore: string): void {
  const stored = fill(exchange.stored ?? {}, secrets);
  const id =
    exchange.request.path.includes("<UNIT2>") || JSON.stringify(exchange.request).includes("UNIT2")
      ? ids.unit2
      : ids.unit;
  const row = state.read().units.find((unit) => unit.id === id);
  const registered = state.read().credentials[id];
  if (exchange.stored !== undefined && Object.keys(stored).length === 0)
    for (const table of tablesOfReports) expect([table, reports.rows(table)]).toEqual([table, []]);
  for (const [table, expected] of Object.entries(stored)) {
    if (table === "units.info") expect(row?.info).toEqual(expected as NonNullable<typeof row>["info"]);
    else if (table === "units" || table === "unit_credentials") {
      const current =
        table === "units"
          ? row === undefined
            ? { rows: 0 }
            : { uuid: row.id, name: row.name, info: row.info, vpn_address: row.vpnAddress, vpn_connected_since: null }
          : registered === undefined
            ? { rows: 0 }
            : {
                uuid: id,
                username: registered.username,
                password: "encrypted",
                changed_by_this_request: `${registered.username} ${registered.password}` !== credentialsBefore,
              };
      if (expected === null) expect(current).toEqual({ rows: 0 });
      else expect(current).toMatchObject(Object(expected));
    } else if (typeof expected === "number") expect(reports.rows(table)).toHaveLength(expected);
    else if (Array.isArray(expected) && typeof expected[0] === "number")
      expect(reports.rows(table).map((found) => String(found["client_name"]).length)).toEqual(expected);
    else if (Array.isArray(expected)) {
      const rows = reports
        .rows(table)
        .map((found) => ("created_at" in found ? { ...found, created_at: "<time of the request>" } : found));
      expect(rows).toEqual(expected);
    } else expect({ rows: reports.rows(table).length }).toEqual(expected as { rows: number });
  }
}

const burst = "burst: more than 100 requests from one address";
const allowList = "requests to the public address when an allow list of addresses is set";

test.each(
  exchanges.filter(({ name }) => name !== burst && name !== allowList).map((each) => [each.name, each] as const),
)(
  "%s",
  async (_, exchange) => {
    for (const [given, prepare] of preparations) if (given.test(exchange.given)) await prepare(exchange);
    asked = [];
    const id = JSON.stringify(exchange.request).includes("UNIT2") ? ids.unit2 : ids.unit;
    const before = state.read().credentials[id];
    const response = await send(exchange);
    const expected = exchange.response;
    expect(response.status).toBe(expected.status);
    for (const [name, value] of Object.entries(expected.headers)) expect(response.headers.get(name)).toBe(value);
    const text =
      response.headers.get("Content-Encoding") === "gzip"
        ? Buffer.from(Bun.gunzipSync(new Uint8Array(await response.arrayBuffer()))).toString()
        : await response.text();
    if (expected.body_raw !== undefined) expect(text).toBe(expected.body_raw);
    else if (expected.body_described !== undefined)
      expect(withoutSecrets(JSON.parse(text))).toEqual(exchangeNamed("register: accepted").response.body);
    else expect(withoutSecrets(JSON.parse(text))).toEqual(fill(expected.body, secrets));
    if (exchange.unit_is_asked !== undefined) expect(asked).toEqual(fill([...exchange.unit_is_asked], secrets));
    expectStored(exchange, `${before?.username} ${before?.password}`);
  },
  30_000,
);

test(burst, async () => {
  const request = requestOf(exchangeNamed(burst), secrets);
  const statuses = async (count: number): Promise<number[]> => {
    const seen: number[] = [];
    for (let n = 0; n < count; n += 1)
      seen.push((await handle(controller, { ...request, address: "203.0.113.7" })).status);
    return seen;
  };
  nowMs += 60_000;
  const first = await statuses(200);
  expect(first.indexOf(429)).toBe(100);
  const refused = await handle(controller, { ...request, address: "203.0.113.7" });
  expect(await refused.json()).toEqual(Object(exchangeNamed(burst).response.body));
  expect((await handle(controller, { ...request, address: "203.0.113.8" })).status).toBe(401);
  nowMs += 2000;
  expect((await statuses(120)).filter((status) => status !== 429)).toHaveLength(50);
});

test(allowList, async () => {
  nowMs += 1000;
  change(() => ({ allowList: ["203.0.113.9"] }));
  const { request: recorded, response } = exchangeNamed(allowList);
  const request = { ...requestOf(exchangeNamed(allowList), secrets), path: recorded.path };
  const refused = await handlePublic(controller, request);
  expect([refused.status, await refused.text()]).toEqual([response.status, ""]);
  expect((await handlePublic(controller, { ...request, path: "/api/units/register" })).status).toBe(401);
  expect((await handlePublic(controller, { ...request, address: "203.0.113.9" })).status).toBe(400);
  expect((await handle(controller, { ...request, path: "/ingest/info" })).status).toBe(400);
});

test("certificates have the recorded form", () => {
  const { ca, cert, key } = authority.material(ids.unit);
  expect(cert).toMatch(/^Certificate:\n[\s\S]+-----BEGIN CERTIFICATE-----\n[\s\S]+-----END CERTIFICATE-----$/);
  const lines = cert.slice(0, cert.indexOf("-----BEGIN")).trimEnd().split("\n");
  expect(lines).toHaveLength(64);
  expect(lines.filter((line) => line.startsWith(" ")).length).toBeGreaterThan(60);
  const [own, root] = [new X509Certificate(cert.slice(cert.indexOf("-----BEGIN"))), new X509Certificate(ca)];
  expect(own.subject).toBe(`CN=${ids.unit}`);
  expect(own.verify(root.publicKey)).toBe(true);
  expect([own.publicKey.asymmetricKeyType, root.publicKey.asymmetricKeyType]).toEqual(["rsa", "rsa"]);
  expect(own.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  expect(own.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  const days = (certificate: X509Certificate): number =>
    (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000;
  expect([days(own), days(root)]).toEqual([825, 3650]);
  expect(own.serialNumber.length).toBeGreaterThan(28);
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n[\s\S]+-----END PRIVATE KEY-----$/);
});
