/** The artificial streams of netifyd 5 (test-data/contracts, see its README) and the expected counters. For tests and benches. */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import type { HourCounters } from "../src/store/hour-counters.ts";
import { sectionNames } from "../src/store/hour-counters.ts";

const folder = new URL("../test-data/contracts/", import.meta.url).pathname;

const sums = v.record(v.string(), v.number());
const clientSums = v.object({ total: v.number(), protocol: sums, application: sums, host: sums });
const clientTable = v.record(v.string(), clientSums);
type ClientTable = v.InferOutput<typeof clientTable>;

const socketAnswer = v.object({
  connect_at: v.number(),
  restart_after_event: v.number(),
  clients: clientTable,
  unattributed: v.number(),
  not_clients: v.optional(sums, {}),
});

const httpAnswer = v.object({
  connect_at: v.number(),
  flows: v.object({ clients: clientTable, unattributed: v.number() }),
});

function contractText(name: string): string {
  return readFileSync(`${folder}${name}`, "utf8");
}

export function contractStream(name: "netifyd5-socket" | "netifyd5-digests") {
  const answer = v.parse(socketAnswer, JSON.parse(contractText(`${name}.expected.json`)));
  const messages = contractText(`${name}.jsonl`)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith('{"length"'));
  return { answer, messages };
}

/** The bodies that netifyd posts to /flows. */
export function contractPosts() {
  const answer = v.parse(httpAnswer, JSON.parse(contractText("netifyd5-http.expected.json")));
  const bodies = contractText("netifyd5-http.jsonl")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => v.parse(v.object({ path: v.string(), body: v.record(v.string(), v.unknown()) }), JSON.parse(line)))
    .flatMap(({ path, body }) => (path === "/flows" ? [JSON.stringify(body)] : []));
  return { answer, bodies };
}

/** The ledger's counters of all hours together, in the form of the expected counters. */
export function clientTableOf(hours: Iterable<HourCounters>): ClientTable {
  const table: ClientTable = {};
  for (const hour of hours) {
    for (const [address, client] of hour.clients) {
      const own = (table[address] ??= { total: 0, protocol: {}, application: {}, host: {} });
      own.total += client.total;
      for (const section of sectionNames)
        for (const [name, { bytes }] of client[section]) own[section][name] = (own[section][name] ?? 0) + bytes;
    }
  }
  return table;
}
