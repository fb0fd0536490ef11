/** Deliveries that mix acceptable rows with rows that a controller always refuses (rules recorded: controller-http.json, names with "U+0000"). */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { NethsecError } from "@nethsec/host/error";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import fc from "fast-check";
import { pushReports } from "./push.ts";
import { refusedRows } from "./refusals.ts";
import { moveApart } from "./seconds.ts";

setDefaultTimeout(paced(60_000));

const now = new Date(2026, 4, 5, 12, 30).getTime();
const { signal } = new AbortController();
let server: Bun.Server<undefined>;
let requests = 0;
let databaseIsAway = false;
/** A dump that is unknown to the controller, as to an older version. */
let unknownDump = "";
/** The controller's database fails when this dump arrives. */
let breaksAt = "";
/** Rows by dump, as the controller stores them. */
let stored: Record<string, object[]> = {};
const replaces = (dump: string): boolean => dump.endsWith("-config");

/** Stores one body like the controller: an adding dump completely or not at all, a replacing dump up to the refused row. */
function take(dump: string, data: readonly object[]): Response {
  const isBad = (row: object): boolean => databaseIsAway || JSON.stringify(row).includes("\\u0000");
  const refused = Response.json({ code: 500, data: null, message: "error inserting data" }, { status: 400 });
  const first = data.findIndex(isBad);
  if (replaces(dump)) stored[dump] = data.slice(0, first < 0 ? data.length : first);
  else if (first < 0) stored[dump] = [...(stored[dump] ?? []), ...data];
  return first < 0 ? Response.json({ code: 200, data: null, message: "success" }) : refused;
}

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      requests += 1;
      const dump = new URL(request.url).pathname.replace("/ingest/", "");
      if (dump === unknownDump)
        return Response.json({ code: 404, data: null, message: "metric not found" }, { status: 400 });
      if (dump === breaksAt) databaseIsAway = true;
      const body: { data?: object[] } = JSON.parse(await request.text());
      if (dump === "dump-nsplug-config")
        return databaseIsAway
          ? Response.json({ code: 500, data: null, message: "error updating unit name" }, { status: 400 })
          : Response.json({ code: 200, data: null, message: "success" });
      return take(dump, body.data ?? []);
    },
  });
});
afterAll(() => server.stop(true));
beforeEach(() => {
  [requests, stored, databaseIsAway] = [0, {}, false];
});

function unit(files: Readonly<Record<string, string>> = {}): FakeHost {
  const host = fakeHost({
    now,
    files: {
      "/etc/config/ns-plug": `config main 'config'\n\toption server 'https://c.example'\n\toption unit_id 'u'\n\toption token 't'\n\toption vpn_address '127.0.0.1'\n\toption api_port '${server.port}'\n`,
      ...files,
    },
  });
  host.net.setDevice({ device: "tun-nsplug", addresses: [{ address: "172.21.0.2", prefix: 16, label: undefined }] });
  return host;
}

const hourFile = (hosts: readonly string[]): string =>
  JSON.stringify({ total: 1, protocol: {}, application: {}, host: Object.fromEntries(hosts.map((name) => [name, 5])) });

test("bad rows anywhere among good ones: every good one arrives once, every bad one is named once and counted", async () => {
  const name = fc.integer({ min: 0, max: 1 }).map((bad) => bad === 1);
  await fc.assert(
    fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 40 }), async (bad) => {
      stored = {};
      const hosts = bad.map((isBad, index) => (isBad ? `h${index}\0.example` : `h${index}.example`));
      using host = unit({ "/var/run/dpireport/2026/05/05/10.0.0.1/09.json": hourFile(hosts) });
      const good = hosts.filter((each) => !each.includes("\0"));
      // Left out: no good row, or 20 bad ones, where the controller may be taken for faulty and everything waits.
      fc.pre(good.length > 0 && bad.length - good.length < 20);
      await pushReports(host, signal);
      await pushReports(host, signal);
      expect((stored["dump-dpi-stats"] ?? []).map((row) => String(Object(row).host)).toSorted()).toEqual(
        good.toSorted(),
      );
      expect(refusedRows(host)["dump-dpi-stats"] ?? 0).toBe(hosts.length - good.length);
      expect(host.logged.filter((line) => line.includes("set aside"))).toHaveLength(hosts.length - good.length);
    }),
    { numRuns: 25 },
  );
});

test("a dump that replaces: the good rows stand at the controller afterwards", async () => {
  using host = unit({
    "/etc/config/openvpn": ["a", "b", "c"]
      .map((name) => `config openvpn 'ns_${name}'\n\toption ns_name '${name}'\n\toption dev 'tun${name}'\n`)
      .join(""),
  });
  await pushReports(host, signal);
  expect(stored["dump-ovpn-config"]).toHaveLength(3);
  expect(refusedRows(host)).toEqual({});
});

test("while the controller's database is away nothing is set aside, and everything arrives later", async () => {
  using host = unit({ "/var/run/dpireport/2026/05/05/10.0.0.1/09.json": hourFile(["a.example", "b.example"]) });
  // The database fails when the traffic dump arrives.
  breaksAt = "dump-dpi-stats";
  await expect(pushReports(host, signal)).rejects.toThrow(NethsecError);
  expect(refusedRows(host)).toEqual({});
  [breaksAt, databaseIsAway] = ["", false];
  await pushReports(host, signal);
  expect(stored["dump-dpi-stats"]).toHaveLength(2);
});

test("a dump that the controller does not know waits, the others arrive; when it knows it, it gets it", async () => {
  using host = unit({
    "/var/log/messages": "May  5 11:00:00 fw mwan3track[1]: Interface wan2 (eth2) is offline\n",
    "/var/run/dpireport/2026/05/05/10.0.0.1/09.json": hourFile(["a.example"]),
  });
  unknownDump = "dump-mwan-events";
  await expect(pushReports(host, signal)).rejects.toThrow("400");
  expect(stored["dump-dpi-stats"]).toHaveLength(1);
  expect(refusedRows(host)).toEqual({});
  unknownDump = "";
  await pushReports(host, signal);
  expect(stored["dump-mwan-events"]).toMatchObject([{ wan: "wan2", event: "offline" }]);
});

test("one bad row of five thousand costs few requests", async () => {
  const hosts = Array.from({ length: 5000 }, (_, index) => (index === 1234 ? "x\0" : `h${index}`));
  using host = unit({ "/var/run/dpireport/2026/05/05/10.0.0.1/09.json": hourFile(hosts) });
  await pushReports(host, signal);
  expect(stored["dump-dpi-stats"]).toHaveLength(4999);
  expect(requests).toBeLessThan(45);
});

test("events of one second are moved apart, in order, without touching a second that is taken; equal ones are one", () => {
  const event = fc.record({ timestamp: fc.integer({ min: 1000, max: 1010 }), wan: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(fc.array(fc.array(event, { maxLength: 12 }), { maxLength: 4 }), (pushes) => {
      let taken: readonly number[] = [];
      const seen: number[] = [];
      for (const events of pushes) {
        const apart = moveApart(events, taken);
        taken = apart.taken;
        seen.push(...apart.events.map(({ timestamp }) => timestamp));
        expect(apart.crowded).toBe(0);
        expect(apart.events).toHaveLength(new Set(events.map((each) => JSON.stringify(each))).size);
      }
      expect(new Set(seen).size).toBe(seen.length);
    }),
  );
  const flood = Array.from({ length: 400 }, (_, n) => ({ timestamp: 1000, src: String(n) }));
  expect(moveApart(flood, [])).toMatchObject({ crowded: 400 - 301 });
});
