/**
 * Measures outages from a user's view behind the firewall: ping every 10 ms, a TCP stream through NAT, DNS, web pages. probe-worker.ts
 * sends the requests from the node's network; outage.ts computes the outages.
 */
import type { Process } from "@nethsec/host/host";
import { NethsecError } from "@nethsec/host/error";
import { checkout } from "./layer.ts";
import type { LabView } from "./lab-view.ts";
import { inNetwork, labEnvironment, run } from "./namespace.ts";
import {
  outages,
  probedServices,
  report,
  type Outage,
  type ProbedService,
  type Sample,
  type ServiceReport,
} from "./outage.ts";
import { webAddress, type NodeName } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

export interface ProbeOptions {
  readonly from: NodeName;
  /** Target of ping; default: the node's gateway. */
  readonly to?: string;
  /** Server for web pages and the TCP stream; default: the web server of the lab's internet. */
  readonly web?: string;
}

export interface WorkerOptions {
  readonly to: string;
  readonly web: string;
  readonly dns?: string;
  readonly name: string;
}

/** A line of the worker: the outcome of a request, or a broken TCP stream. */
export type WorkerLine =
  | { readonly service: ProbedService; readonly sent: number; readonly got?: number }
  | { readonly broken: number };

export interface ProbeReport {
  readonly from: NodeName;
  readonly to: string;
  /** Milliseconds. */
  readonly lasted: number;
  readonly services: readonly ServiceReport[];
  /** How often the TCP stream broke. */
  readonly streamsBroken: number;
}

const now = (): number => performance.timeOrigin + performance.now();

export class Probe implements AsyncDisposable {
  readonly from: NodeName;
  readonly to: string;
  readonly samples: Sample[] = [];
  #broken = 0;
  #ended: number | undefined;
  readonly #started: number = now();
  readonly #seen = new Map<ProbedService, number>();
  readonly #worker: Process;
  readonly #reading: Promise<void>;

  private constructor(from: NodeName, to: string, worker: Process) {
    this.from = from;
    this.to = to;
    this.#worker = worker;
    this.#reading = this.#read();
  }

  /** Starts probing and waits until each of `services` (default: ping) has answered once. */
  static async start(
    lab: LabView,
    options: ProbeOptions,
    services: readonly ProbedService[] = ["ping"],
  ): Promise<Probe> {
    const node = lab.node(options.from);
    const init = node.init();
    if (init === undefined) throw new NethsecError({ code: "node_is_off", message: `${options.from} is off.` });
    const facts = await lab.sh(
      options.from,
      "ip -4 route show default | awk '{ print $3; exit }'; awk '$1 == \"nameserver\" { print $2; exit }' /etc/resolv.conf",
    );
    const [gateway, dns] = facts.split("\n");
    const to = options.to ?? gateway;
    if (to === undefined || to === "")
      throw new NethsecError({
        code: "no_gateway",
        message: `${options.from} has no default gateway to ping.`,
        advice: "Say what to ping: --to ADDRESS",
      });
    const worker: WorkerOptions = {
      to,
      web: options.web ?? webAddress,
      name: "www.example.com",
      ...(dns === undefined || dns === "" ? {} : { dns }),
    };
    const child = run.spawn(
      inNetwork(init, [process.execPath, `${checkout}/lab/src/probe-worker.ts`, JSON.stringify(worker)]),
      { env: labEnvironment(lab.name), stderr: "inherit" },
    );
    const probe = new Probe(options.from, to, child);
    try {
      await until(() => services.every((service) => probe.answered(service)), {
        what: `${options.from} gets answers: ${services.join(", ")}`,
        timeoutMs: 10_000,
      });
    } catch (thrown) {
      await probe.stop();
      throw thrown;
    }
    return probe;
  }

  answered(service: ProbedService): boolean {
    return this.samples.some((sample) => sample.service === service && sample.got !== undefined);
  }

  outages(service: ProbedService): Outage[] {
    return outages(this.samples, service, this.#ended ?? now());
  }

  /** The next outage of the service not yet returned; waits until it has ended. */
  async outage(service: ProbedService = "ping", timeoutMs = 15_000): Promise<Outage> {
    const seen = this.#seen.get(service) ?? 0;
    const found = await until(() => this.outages(service).filter((outage) => outage.to !== undefined)[seen], {
      what: `${this.from} notices an outage of ${service} and its end`,
      timeoutMs,
    });
    this.#seen.set(service, seen + 1);
    return found;
  }

  /** Stops probing and returns the report. */
  async stop(): Promise<ProbeReport> {
    if (this.#ended === undefined) {
      this.#ended = now();
      await this.#worker.kill("SIGTERM", 1000);
      await this.#reading;
    }
    return this.report();
  }

  report(): ProbeReport {
    const end = this.#ended ?? now();
    return {
      from: this.from,
      to: this.to,
      lasted: end - this.#started,
      services: report(this.samples, end),
      streamsBroken: this.#broken,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#worker.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line) as WorkerLine);
    }
  }

  #take(line: WorkerLine): void {
    if ("broken" in line) this.#broken++;
    else this.samples.push({ service: line.service, sent: line.sent, got: line.got });
  }
}

/** Human-readable table: one line per service, and each outage with its times. */
export function describeReport(found: ProbeReport): string {
  const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 23);
  const lines = [
    `From ${found.from} to ${found.to}, ${(found.lasted / 1000).toFixed(1)} s`,
    "",
    "service  answered  lost  outages  longest",
  ];
  for (const each of found.services) {
    lines.push(
      [
        each.service.padEnd(7),
        String(each.answered).padStart(9),
        String(each.lost).padStart(5),
        String(each.outages.length).padStart(8),
        (each.answered === 0 ? "never answered" : `${each.longestMs.toFixed(0)} ms`).padStart(9),
      ]
        .join(" ")
        .trimEnd(),
    );
  }
  for (const service of probedServices) {
    for (const outage of found.services.find((each) => each.service === service)?.outages ?? []) {
      const until = outage.to === undefined ? "still out" : clock(outage.to);
      lines.push(
        `${service}: out from ${clock(outage.from)} to ${until}, ${outage.ms.toFixed(0)} ms, ${outage.lost} lost`,
      );
    }
  }
  if (found.streamsBroken > 0) lines.push(`tcp: the stream broke ${found.streamsBroken} times and was opened anew`);
  return `${lines.join("\n")}\n`;
}
