/** Each rule of the accounting (contract ns-report 1, contract netifyd) on its own. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { sectionNames } from "../store/hour-counters.ts";
import { hourKeyAt } from "../store/hour-key.ts";
import { Accounting } from "./accounting.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { maxLineBytes } from "./line-reader.ts";
import { StreamReader } from "./stream-reader.ts";

setDefaultTimeout(paced(900_000));

const start = Date.UTC(2026, 5, 10, 10, 0);
const second = 1000;

class Agent {
  readonly ledger = new Ledger();
  readonly accounting = new Accounting(this.ledger, start);
  readonly reader = new StreamReader(this.accounting, new InterfaceNumbers().of);
  #now = start;

  at(seconds: number): this {
    this.#now = start + seconds * second;
    this.accounting.setTime(this.#now, seconds * second);
    return this;
  }

  line(text: string): this {
    this.reader.push(new TextEncoder().encode(`${text}\n`));
    return this;
  }

  tell(type: string, flow: object, envelope: object = {}): this {
    return this.line(
      JSON.stringify({
        type,
        interface: "br-lan",
        internal: true,
        flow: { digest: "a".repeat(40), last_seen_at: this.#now, ...flow },
        ...envelope,
      }),
    );
  }

  flow(fields: object = {}, envelope: object = {}): this {
    return this.tell(
      "flow",
      {
        first_seen_at: this.#now,
        local_ip: "192.168.1.5",
        detected_protocol_name: "HTTP/S",
        detected_application_name: "netify.A",
        ...fields,
      },
      envelope,
    );
  }

  stats(increment: number, total: number, fields: object = {}, envelope: object = {}): this {
    return this.tell("flow_stats", { local_bytes: increment, other_bytes: 0, total_bytes: total, ...fields }, envelope);
  }

  purge(increment: number, total: number, fields: object = {}): this {
    return this.tell(
      "flow_purge",
      { local_bytes: increment, other_bytes: 0, total_bytes: total, ...fields },
      { reason: "closed" },
    );
  }

  /** Bytes by client over all hours. */
  get clients(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const { counters } of this.ledger.hours.values())
      for (const [client, { total }] of counters.clients) found[client] = (found[client] ?? 0) + total;
    return found;
  }

  get mine(): number {
    return this.clients["192.168.1.5"] ?? 0;
  }

  /** Bytes that are unattributed for good plus bytes still waiting for an identity. */
  get unattributed(): number {
    return (
      this.ledger.unknownFlow +
      this.ledger.notAClient +
      [...this.accounting.waitingByHour().values()].reduce((a, b) => a + b, 0)
    );
  }

  names(section: (typeof sectionNames)[number]): Record<string, number> {
    const found: Record<string, number> = {};
    for (const { counters } of this.ledger.hours.values())
      for (const client of counters.clients.values())
        for (const [name, { bytes }] of client[section]) found[name] = (found[name] ?? 0) + bytes;
    return found;
  }

  hours(): Record<number, number> {
    const found: Record<number, number> = {};
    for (const [key, { counters }] of this.ledger.hours)
      found[key] = [...counters.clients.values()].reduce((sum, { total }) => sum + total, 0);
    return found;
  }
}

describe("accounting", () => {
  test("a long flow is counted as it goes, in the hour in which its bytes were reported", () => {
    const agent = new Agent().at(1).flow().at(10).stats(100, 100).at(3601).stats(50, 150).at(7201).purge(0, 175);
    expect(agent.hours()).toEqual({
      [hourKeyAt(start)]: 100,
      [hourKeyAt(start + 3_600_000)]: 50,
      [hourKeyAt(start + 7_200_000)]: 25,
    });
  });

  test("a flow told at its end only counts once, whole", () => {
    const agent = new Agent()
      .at(1)
      .flow()
      .at(300)
      .purge(0, 5000, { last_seen_at: start + 2000 })
      .purge(0, 5000, { last_seen_at: start + 2000 });
    expect(agent.mine).toBe(5000);
  });

  test("totals that repeat, come late, go down or are missing count nothing twice and nothing negative", () => {
    const agent = new Agent().at(1).flow().at(10).stats(100, 100).stats(100, 100);
    agent
      .at(25)
      .stats(100, 200)
      .stats(100, 100, { last_seen_at: start + 10_000 });
    expect(agent.mine).toBe(200);
    agent.at(40).tell("flow_stats", { local_bytes: 7, other_bytes: 3 });
    expect(agent.mine).toBe(210);
    agent.at(55).tell("flow_stats", { local_bytes: -5, other_bytes: 1.5, total_bytes: "many" }, {});
    expect(agent.mine).toBe(210);
    expect(agent.reader.malformed).toBe(1);
  });

  test("the directions of growth are those of the event: what the local end sent is upload", () => {
    const both = { local_bytes: 30, other_bytes: 70 };
    const agent = new Agent()
      .at(1)
      .flow({ host_server_name: "example.org" })
      .at(10)
      .tell("flow_stats", { ...both, total_bytes: 100 });
    const known = { download: 70, upload: 30 };
    const client = agent.ledger.hours.get(hourKeyAt(start))?.counters.clients.get("192.168.1.5");
    expect(client).toMatchObject({ total: 100, ...known });
    for (const section of sectionNames)
      expect([...(client?.[section].values() ?? [])]).toEqual([{ bytes: 100, ...known }]);
    // The event before was missed: of its 60 bytes nobody told the directions.
    agent.at(40).tell("flow_stats", { ...both, total_bytes: 260 });
    expect(client).toMatchObject({ total: 260, download: 140, upload: 60 });
    // Increments that do not fit the growth, or may be the last tick's once more, say nothing about it.
    agent.at(55).tell("flow_stats", { ...both, total_bytes: 300 });
    agent.at(70).purge(30, 400, { other_bytes: 10 });
    expect(client).toMatchObject({ total: 400, download: 140, upload: 60 });
  });

  test("bytes that wait for an identity keep their directions, also in the checkpoint", () => {
    const agent = new Agent().at(1).tell("flow_stats", { local_bytes: 3, other_bytes: 7, total_bytes: 10 });
    agent.at(2).tell("flow_stats", { local_bytes: 2, other_bytes: 3, total_bytes: 15 });
    expect(agent.accounting.waiting.get(0)).toEqual([hourKeyAt(start), 15, 10, 5]);
    const { accounting, ledger } = agent;
    const saved = decodeCheckpoint(encodeCheckpoint({ accounting, ledger, interfaces: ["br-lan"] }));
    const restored = new Accounting(new Ledger(), start);
    saved?.restoreFlows(restored, () => 0);
    expect(restored.waiting.get(0)).toEqual([hourKeyAt(start), 15, 10, 5]);
    agent.at(3).flow({ first_seen_at: start });
    expect(ledger.hours.get(hourKeyAt(start))?.counters.clients.get("192.168.1.5")).toMatchObject({
      total: 15,
      download: 10,
      upload: 5,
    });
  });

  test("what moved nothing is no entry: no client, no name", () => {
    const agent = new Agent()
      .at(1)
      .flow()
      .stats(0, 0)
      .flow({ digest: "b".repeat(40), local_ip: "192.168.1.6" });
    agent
      .at(2)
      .purge(0, 0)
      .stats(10, 10, { digest: "b".repeat(40) });
    agent.flow({ digest: "c".repeat(40), local_ip: "192.168.1.6", detected_protocol_name: "DNS" });
    agent.stats(0, 0, { digest: "c".repeat(40) });
    const clients = [...(agent.ledger.hours.get(hourKeyAt(start))?.counters.clients ?? [])];
    expect(clients.map(([address, { total, protocol }]) => [address, total, [...protocol.keys()]])).toEqual([
      ["192.168.1.6", 10, ["http/s"]],
    ]);
  });

  test("increments that are lost are in the total", () => {
    expect(new Agent().at(1).flow().at(10).stats(92, 336).at(25).stats(92, 1176).mine).toBe(1176);
  });

  test("an identity refined later takes what comes from then on", () => {
    const agent = new Agent()
      .at(1)
      .flow({ detected_application_name: "Unknown" })
      .at(10)
      .stats(100, 100)
      .at(11)
      .flow({ first_seen_at: start + 1000, host_server_name: "Example.ORG" })
      .at(25)
      .stats(40, 140);
    expect(agent.names("application")).toEqual({ unknown: 100, "netify.a": 40 });
    expect(agent.names("host")).toEqual({ "example.org": 40 });
    expect(agent.names("protocol")).toEqual({ "http/s": 140 });
  });

  test("bytes before any identity wait for it, in their own hour", () => {
    const agent = new Agent().at(3599).stats(60, 100);
    expect([agent.mine, agent.unattributed]).toEqual([0, 60]);
    agent.at(3601).flow({ first_seen_at: start + 3_590_000 });
    // The 40 bytes before the first increment count too: the flow began while the daemon was watching.
    expect(agent.hours()).toEqual({ [hourKeyAt(start)]: 100 });
    expect(agent.unattributed).toBe(0);
  });

  test("of a flow that began before the connection only what is surely new counts; without identity it is unattributed", () => {
    const old = { first_seen_at: start - 60_000 };
    expect(new Agent().at(1).flow(old).at(10).stats(100, 9000).at(25).stats(10, 9050).mine).toBe(150);
    const unknown = new Agent().at(10).stats(100, 9000).at(25).stats(10, 9050);
    expect([unknown.mine, unknown.unattributed]).toEqual([0, 150]);
  });

  test("unknown flows expire, their bytes stay unattributed", () => {
    const agent = new Agent().at(10).stats(100, 100).at(4000);
    agent.accounting.sweep(3600);
    expect([agent.accounting.flows.size, agent.unattributed, agent.ledger.unknownFlow]).toEqual([0, 100, 100]);
  });

  test("the same five-tuple again after a purge is another flow", () => {
    const agent = new Agent()
      .at(1)
      .flow()
      .at(10)
      .stats(100, 100)
      .at(40)
      .purge(0, 100, { last_seen_at: start + 10_000 });
    agent.at(50).flow().at(60).stats(300, 300).at(90).purge(0, 300);
    expect(agent.mine).toBe(400);
  });

  test("the same digest on two interfaces is two flows; external ones do not count beside internal ones", () => {
    const agent = new Agent()
      .at(1)
      .flow({}, { interface: "wg0" })
      .flow()
      .at(10)
      .stats(100, 100)
      .stats(30, 30, {}, { interface: "wg0" });
    agent
      .flow({ digest: "b".repeat(40) }, { interface: "eth1", internal: false })
      .stats(999, 999, { digest: "b".repeat(40) }, { interface: "eth1", internal: false });
    expect(agent.mine).toBe(130);
    expect(agent.unattributed).toBe(0);
  });

  test("with no internal interface external ones count, where the local end is a client", () => {
    const wan = { interface: "eth1", internal: false };
    const agent = new Agent().at(1).flow({}, wan).at(2).stats(100, 100, {}, wan);
    expect(agent.mine).toBe(0);
    agent.line(JSON.stringify({ type: "agent_status", interfaces: { eth1: { role: "WAN" } } }));
    expect(agent.mine).toBe(100);
    agent.flow({ digest: "c".repeat(40), local_ip: "198.51.100.2" }, wan).stats(7, 7, { digest: "c".repeat(40) }, wan);
    expect(agent.clients).toEqual({ "192.168.1.5": 100 });
    expect(agent.unattributed).toBe(7);
  });

  test("roles that never come: after a minute external ones count, but never the firewall's own address", () => {
    const wan = { interface: "wan", internal: false };
    const other = { digest: "b".repeat(40), local_ip: "192.168.1.77" };
    const agent = new Agent().at(1).flow({ local_ip: "192.168.1.2" }, wan).flow(other, wan);
    agent.stats(100, 100, {}, wan).stats(10, 10, { digest: other.digest }, wan);
    // While the machine's own addresses are unknown as well, nothing is decided and all bytes wait.
    agent.at(120).stats(100, 200, {}, wan);
    expect([agent.clients, agent.unattributed]).toEqual([{}, 210]);
    agent.accounting.ownAddresses = new Set(["127.0.0.1", "192.168.1.2"]);
    agent.at(130).stats(100, 300, {}, wan).stats(10, 20, { digest: other.digest }, wan);
    expect(Object.keys(agent.clients)).toEqual(["192.168.1.77"]);
    expect([agent.ledger.attributed, agent.ledger.notAClient]).toEqual([20, 300]);
    // The first event from an internal interface ends the guess: external interfaces stop counting.
    agent
      .at(140)
      .flow({ digest: "c".repeat(40) })
      .stats(5, 5, { digest: "c".repeat(40) });
    agent.stats(100, 400, {}, wan);
    expect([agent.ledger.attributed, agent.ledger.notAClient]).toEqual([25, 300]);
  });

  test("external events that came before the roles were known are dropped when there is an internal interface", () => {
    const wan = { interface: "eth1", internal: false };
    const agent = new Agent().at(1).flow({}, wan).stats(100, 100, {}, wan).at(2);
    agent.line(
      JSON.stringify({ type: "agent_status", interfaces: { "br-lan": { role: "LAN" }, eth1: { role: "WAN" } } }),
    );
    expect([agent.clients, agent.unattributed, agent.accounting.flows.size]).toEqual([{}, 0, 0]);
  });

  test("addresses that are no client are unattributed, whatever they look like", () => {
    const agent = new Agent();
    const odd = [
      "0.0.0.0",
      "::",
      "224.0.0.1",
      "ff02::1",
      "8.8.8.8",
      "127.0.0.1",
      "../../etc",
      "10.0.0.1/../..",
      "10.0.0.256",
      "fe80::1%eth0",
      "",
      "a".repeat(300),
      "192.168.1.5\u0000",
    ];
    for (const [index, local_ip] of odd.entries()) {
      const digest = index.toString(16).padStart(40, "0");
      agent.at(1).flow({ digest, local_ip }).at(2).stats(10, 10, { digest });
    }
    expect(agent.clients).toEqual({});
    expect(agent.unattributed).toBe(10 * odd.length);
    for (const [index, local_ip] of ["172.16.0.1", "100.64.0.1", "169.254.1.1", "fd00::1", "fe80::1"].entries()) {
      const digest = index.toString(16).padStart(40, "f");
      agent.at(3).flow({ digest, local_ip }).at(4).stats(10, 10, { digest });
    }
    expect(Object.keys(agent.clients)).toHaveLength(5);
  });

  test("the clock stepping back an hour loses and doubles nothing", () => {
    const agent = new Agent().at(7200).flow().at(7210).stats(100, 100).at(3610).stats(100, 200);
    agent
      .flow({ digest: "b".repeat(40) })
      .at(3620)
      .tell("flow_purge", { digest: "b".repeat(40), local_bytes: 0, other_bytes: 0, total_bytes: 50 });
    expect(agent.mine).toBe(250);
  });

  test("5.x: identity and counters in one event, the first digest stays the flow's name", () => {
    const agent = new Agent().at(1).tell("flow_dpi_complete", {
      first_seen_at: start + 500,
      local_ip: "192.168.1.5",
      detected_protocol_name: "TLS",
      detected_application_name: "x",
      local_bytes: 10,
      other_bytes: 20,
      total_bytes: 30,
    });
    agent.at(2).tell("flow_dpi_update", {
      digest: "b".repeat(40),
      digest_prev: ["a".repeat(40)],
      first_seen_at: start + 500,
      local_ip: "192.168.1.5",
      detected_protocol_name: "TLS",
      detected_application_name: "y",
      local_bytes: 5,
      other_bytes: 5,
      total_bytes: 40,
    });
    agent.at(3).tell("flow_stats", { digest: "b".repeat(40), local_bytes: 5, other_bytes: 5, total_bytes: 50 });
    agent.at(4).purge(0, 50);
    expect(agent.mine).toBe(50);
    expect(agent.names("application")).toEqual({ x: 30, y: 20 });
  });

  test("malformed lines, unknown types and a line of 64 MiB", () => {
    const agent = new Agent().at(1).line("{").line("[]").line('{"length": 12}').line('{"type":"new_thing"}').line("{}");
    expect(agent.reader.malformed).toBe(2);
    const chunk = new Uint8Array(65_536).fill(120);
    for (let sent = 0; sent < 64 * 1024 * 1024; sent += chunk.length) agent.reader.push(chunk);
    agent.line("").flow().at(2).stats(1, 1);
    expect([agent.reader.malformed, agent.mine]).toEqual([3, 1]);
    expect(maxLineBytes).toBeLessThan(64 * 1024 * 1024);
  });

  test("a flow that is silent holds on to nothing of an hour that is over", () => {
    const agent = new Agent().at(1).flow().stats(1, 1);
    const held = (): number[] =>
      agent.accounting.flows.identity.flatMap((identity) =>
        identity?.place === undefined ? [] : [identity.place.hour],
      );
    agent.accounting.sweep(7200);
    expect(held()).toEqual([hourKeyAt(start)]);
    agent.at(3601).ledger.close(hourKeyAt(start));
    agent.accounting.sweep(7200);
    expect([agent.accounting.flows.size, held()]).toEqual([1, []]);
  });

  test("a flood of short flows: each is its client's, and the table stays small", () => {
    const agent = new Agent().at(1);
    const end = (index: number): void => {
      const digest = index.toString(16).padStart(40, "0");
      agent.flow({ digest }).tell("flow_purge", { digest, local_bytes: 3, other_bytes: 0, total_bytes: 3 });
    };
    for (let index = 0; index < 100_000; index++) end(index);
    expect([agent.mine, agent.ledger.unknownFlow]).toEqual([300_000, 0]);
    expect(agent.accounting.flows.size).toBeLessThan(40_000);
    // Flows that ended a moment ago are still in the table, so repeating their events counts nothing.
    for (let index = 99_000; index < 100_000; index++) end(index);
    expect(agent.mine).toBe(300_000);
  });

  test("names are bounded: the smallest fold into `other`, the sums stay exact", () => {
    const agent = new Agent().at(1);
    const hosts = Number(process.env["DISTINCT_HOSTS"] ?? 100_000);
    let sum = 0;
    for (let index = 0; index < hosts; index++) {
      const digest = index.toString(16).padStart(40, "0");
      const bytes = index % 1000 === 0 ? 1_000_000 : 1 + (index % 7);
      sum += bytes;
      agent
        .flow({ digest, host_server_name: `h${index}.example` })
        .tell("flow_purge", { digest, local_bytes: bytes, other_bytes: 0, total_bytes: bytes });
      if (index % 20_000 === 19_999) agent.at(1 + Math.round((index / hosts) * 3000)).accounting.sweep(3600);
    }
    const names = agent.names("host");
    expect(Object.keys(names).length).toBeLessThanOrEqual(2048);
    expect(Object.values(names).reduce((a, b) => a + b, 0)).toBe(sum);
    expect(agent.mine).toBe(sum);
    expect(names["other"]).toBeGreaterThan(0);
    expect(names["h1000.example"]).toBe(hosts > 2_000_000 ? names["h1000.example"] : 1_000_000);
  });
});
