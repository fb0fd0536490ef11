/**
 * The demo: builds a cluster from two firewalls with factory settings by the documented commands, then cuts the primary's power. Takes half a
 * minute. Output goes through `tell`; this module does not depend on a terminal.
 */
import { Fleet } from "../fleet.ts";
import { forward } from "../forward.ts";
import { makeCluster } from "../ha-cluster.ts";
import type { Lab } from "../lab.ts";
import { until } from "@nethsec/host/testing/until";
import { measureFailover, type Failover } from "./failover.ts";

export interface Demo {
  readonly failover: Failover;
  /** Milliseconds from a change on the primary until it was applied on the backup. */
  readonly syncMs: number;
  readonly reportUrl: string;
  /** Clients and bytes in today's report. */
  readonly report: { readonly clients: number; readonly bytes: number };
}

export interface Teller {
  /** A chapter. */
  chapter(title: string): void;
  /** A line within it. */
  line(text: string): void;
}

const reportPort = 8098;

export async function playDemo(lab: Lab, tell: Teller): Promise<Demo> {
  tell.chapter("Traffic reports: nDPI looks at what the clients do");
  await startReports(lab);
  await using traffic = new ClientTraffic(lab);
  tell.line("ns-report follows br-lan; client1 fetches pages through the firewall");

  tell.chapter("The primary joins its controller");
  const fleet = new Fleet(lab);
  const join = await fleet.addUnit("fw1");
  await fleet.controller("approve", "fw1");
  await fleet.join("primary", join);
  await fleet.untilConnected("primary");
  tell.line(`ns-plug: connected by OpenVPN, address ${(await fleet.status("primary")).address ?? ""}`);

  tell.chapter("High availability, by the documented commands");
  await makeCluster(lab, { timing: "fast", say: (line) => tell.line(line) });
  const syncMs = await measureSync(lab);
  tell.line(`a change on the primary is applied on the backup after ${syncMs} ms`);

  tell.chapter("Failover: the primary loses its power");
  const failover = await measureFailover(lab, (text) => tell.line(text));

  await traffic.stop();
  const report = await readReport(lab);
  const reportUrl = await forward(lab, "primary", reportPort);
  return { failover, syncMs, reportUrl, report };
}

/** Stores reports on the node's disk, so that they survive the power cut. */
async function startReports(lab: Lab): Promise<void> {
  await lab.sh(
    "primary",
    "mkdir -p /mnt/data/dpireport; uci set ns-report.config.source=ndpi; uci set ns-report.config.ndpi_device=br-lan; " +
      "uci set ns-report.config.dump_path=/mnt/data/dpireport; uci commit ns-report; /etc/init.d/dpireport restart; /etc/init.d/ns-report restart",
  );
}

/** Restarts dpireport, which makes it write the current counters, until the report has clients. */
async function readReport(lab: Lab): Promise<Demo["report"]> {
  return until(
    async () => {
      await lab.sh("primary", "/etc/init.d/dpireport restart");
      const summary: { readonly total?: number; readonly clients?: readonly unknown[] } = JSON.parse(
        await lab.sh("primary", "ns-report summary --json"),
      );
      const clients = summary.clients?.length ?? 0;
      return clients > 0 ? { clients, bytes: summary.total ?? 0 } : undefined;
    },
    { what: "a report with clients", timeoutMs: 40_000, everyMs: 2000 },
  );
}

async function measureSync(lab: Lab): Promise<number> {
  const began = performance.now();
  const mark = `demo-${Date.now()}`;
  await lab.sh("primary", `uci set objects.demo=host; uci set objects.demo.name=${mark}; uci commit objects`);
  await until(async () => (await lab.sh("backup", "uci -q get objects.demo.name || true")) === mark, {
    what: "the change on the backup",
    timeoutMs: 30_000,
    everyMs: 50,
  });
  return Math.round(performance.now() - began);
}

/** Background traffic of a client: a few DNS queries and page requests per second, like web browsing. */
class ClientTraffic implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #browsing: Promise<void>;
  constructor(lab: Lab) {
    this.#browsing = this.#browse(lab);
    // Disposal reports the error. Avoids an unhandled rejection when an interrupted demo takes the lab down.
    this.#browsing.catch(() => undefined);
  }
  async #browse(lab: Lab): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await lab.exec(
        "client1",
        [
          "curl",
          "--silent",
          "--max-time",
          "2",
          "--range",
          "0-200000",
          "--output",
          "/dev/null",
          "http://www.example.com/big",
        ],
        { ok: "any" },
      );
      await lab.exec(
        "client1",
        ["curl", "--silent", "--max-time", "2", "--output", "/dev/null", "https://www.example.com/"],
        { ok: "any" },
      );
      await Bun.sleep(200);
    }
  }
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#browsing;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
