import { describe, expect, test } from "bun:test";
import { Accounting } from "./accounting.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { NdpiFlows } from "./ndpi-flows.ts";
import { StreamReader } from "./stream-reader.ts";

const header =
  "#flow_id,protocol,first_seen,last_seen,duration,src_ip,src_port,dst_ip,dst_port,ndpi_proto_num,ndpi_proto,server_name_sni,c_to_s_pkts,…\n";

/** A row as ndpiReader 4.2 prints it. */
function row(at: number, ends: string, detected: string, name: string, up: number, down: number): string {
  return `0,6,${at - 1}.472,${at}.474,0.002,${ends},7,${detected},${name},6,${up},79,6,${down},449,-0.277,Download,16.3,52.6,0,0.0\n`;
}

function count(windows: readonly (readonly [csv: string, at: number])[]): Record<string, unknown> {
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, 1000);
  const reader = new StreamReader(accounting, new InterfaceNumbers().of);
  const flows = new NdpiFlows("br-lan");
  for (const [csv, at] of windows) {
    accounting.setTime(at * 1000, at * 1000);
    reader.push(new TextEncoder().encode(flows.window(header + csv, at * 1000)));
  }
  const found: Record<string, unknown> = { malformed: flows.malformed + reader.malformed };
  for (const { counters } of ledger.hours.values()) {
    for (const [client, { total, ...sections }] of counters.clients) {
      found[client] = {
        total,
        ...Object.fromEntries(
          Object.entries(sections)
            .filter(([, sums]) => sums instanceof Map)
            .map(([name, sums]) => [
              name,
              Object.fromEntries([...(sums as Map<string, { bytes: number }>)].map(([key, cell]) => [key, cell.bytes])),
            ]),
        ),
      };
    }
  }
  return found;
}

const up = "192.168.1.7,50000,203.0.113.9,443";

describe("NdpiFlows", () => {
  test("a flow that goes on into windows which do not know it keeps its identity", () => {
    const found = count([
      [row(10, up, "TLS.Google", "www.Example.org", 100, 900), 11],
      [row(20, up, "Unknown", "", 10, 90), 21],
      [row(30, "203.0.113.9,443,192.168.1.7,50000", "TLS", "", 40, 5), 31],
    ]);
    expect(found).toEqual({
      malformed: 0,
      "192.168.1.7": {
        total: 1145,
        protocol: { tls: 1145 },
        application: { google: 1145 },
        host: { "www.example.org": 1145 },
      },
    });
  });

  test("a name found later counts from then on", () => {
    const found = count([
      [row(10, up, "Unknown", "", 1, 2), 11],
      [row(20, up, "TLS.Netflix", "nflx.example", 10, 20), 21],
    ]);
    expect(found["192.168.1.7"]).toEqual({
      total: 33,
      protocol: { unknown: 3, tls: 30 },
      application: { unknown: 3, netflix: 30 },
      host: { "nflx.example": 30 },
    });
  });

  test("between two private ends the one with the higher port is the client", () => {
    expect(Object.keys(count([[row(10, "192.168.1.1,53,192.168.1.7,40000", "DNS", "a.example", 1, 1), 11]]))).toContain(
      "192.168.1.7",
    );
  });

  test("five-tuples used again after five silent minutes are counted anew", () => {
    const found = count([
      [row(10, up, "TLS", "", 100, 0), 11],
      ["", 400],
      [row(500, up, "TLS", "", 7, 0), 501],
    ]);
    expect(found["192.168.1.7"]).toMatchObject({ total: 107 });
  });

  test("names with commas, and rows that are none", () => {
    const found = count([
      [
        row(10, up, "HTTP", "a,1,2,b", 5, 5) + "garbage\n1,2,3\n" + row(11, "<script>,1,2.2.2.2,2", "HTTP", "", 1, 1),
        12,
      ],
    ]);
    expect(found).toMatchObject({ malformed: 3, "192.168.1.7": { total: 10, host: { "a,1,2,b": 10 } } });
  });
});
