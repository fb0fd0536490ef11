/**
 * Measures one failover from three sides: the client (probe) and both firewalls (VRRP state of each agent). `describe.ts` renders the
 * result for the terminal, `picture.ts` as SVG.
 */
import { agentView, inPlace, vip, type Firewall } from "../ha-cluster.ts";
import type { Lab } from "../lab.ts";
import { until } from "@nethsec/host/testing/until";

/** State of a firewall at one moment. */
export type NodeState = "off" | "backup" | "master" | "other";

export interface Failover {
  /** Length of a slot of the lanes, milliseconds. */
  readonly slotMs: number;
  /** Slots before the power cut. */
  readonly before: number;
  readonly primary: readonly NodeState[];
  readonly backup: readonly NodeState[];
  /** Share of the client's pings that were answered, by slot; undefined: none was sent. */
  readonly client: readonly (number | undefined)[];
  /** Outage in milliseconds of the virtual address (ping), the TCP stream through NAT, DNS and web pages. */
  readonly outageMs: Readonly<Record<"ping" | "tcp" | "dns" | "http", number>>;
  readonly streamSurvived: boolean;
  /** Milliseconds from the power cut until every service ran on the backup. */
  readonly inPlaceMs: number;
  /** Outage of the virtual address when the primary took over again. */
  readonly takeBackMs: number;
}

const slotMs = 100;
const before = 10;

/** Cuts the primary's power, waits until the backup is in place, boots the primary and waits until it is master again. */
export async function measureFailover(lab: Lab, say: (text: string) => void): Promise<Failover> {
  await using probe = await lab.probe({ from: "client1", to: vip }, ["ping", "tcp", "dns", "http"]);
  await using states = new StateWatch(lab);
  const began = Date.now();
  await until(() => Date.now() - began >= before * slotMs, { what: "a second of normal life", everyMs: 10 });
  const cut = Date.now();
  const since = (): string => `t + ${((Date.now() - cut) / 1000).toFixed(2)} s`;
  say("t            primary   loses its power");
  await lab.kill("primary");
  const [ping, , inPlaceMs] = await Promise.all([
    probe.outage("ping", 20_000).then((outage) => {
      say(`${since()}   client    the virtual address answers again`);
      return outage;
    }),
    probe.outage("tcp", 30_000).then(() => say(`${since()}   client    its TCP stream through NAT moves on`)),
    inPlace(lab, "backup", "master").then(() => {
      say(`${since()}   backup    every service runs`);
      return Date.now() - cut;
    }),
  ]);
  const calmUntil = Date.now() + 1000;
  await until(() => Date.now() >= calmUntil, { what: "a second of life with the backup", everyMs: 10 });
  const survived = probe.report().streamsBroken === 0;
  const [tcp, dns, http] = (["tcp", "dns", "http"] as const).map((service) =>
    Math.max(0, ...probe.outages(service).map(({ ms }) => ms)),
  );
  const lanes = states.lanes(cut - before * slotMs, Date.now(), slotMs);
  const client = answered(probe.samples, cut - before * slotMs, lanes.backup.length);
  const outagesBefore = probe.outages("ping").length;
  await lab.boot("primary");
  say(`${since()}   primary   has power again`);
  await inPlace(lab, "primary", "master", 60_000);
  say(`${since()}   primary   has taken back`);
  await inPlace(lab, "backup", "backup", 30_000);
  const takeBack = probe.outages("ping").slice(outagesBefore);
  return {
    slotMs,
    before,
    ...lanes,
    client,
    outageMs: { ping: ping.ms, tcp: tcp ?? 0, dns: dns ?? 0, http: http ?? 0 },
    streamSurvived: survived,
    inPlaceMs,
    takeBackMs: Math.max(0, ...takeBack.map(({ ms }) => ms)),
  };
}

function answered(
  samples: readonly { readonly service: string; readonly sent: number; readonly got: number | undefined }[],
  from: number,
  slots: number,
): (number | undefined)[] {
  const sent = Array.from({ length: slots }, () => 0);
  const got = Array.from({ length: slots }, () => 0);
  for (const sample of samples) {
    const slot = Math.floor((sample.sent - from) / slotMs);
    if (sample.service !== "ping" || slot < 0 || slot >= slots) continue;
    sent[slot] = (sent[slot] ?? 0) + 1;
    if (sample.got !== undefined) got[slot] = (got[slot] ?? 0) + 1;
  }
  return sent.map((count, slot) => (count === 0 ? undefined : (got[slot] ?? 0) / count));
}

/** Polls both agents for their state. */
class StateWatch implements AsyncDisposable {
  readonly #seen: { readonly at: number; readonly node: Firewall; readonly state: NodeState }[] = [];
  readonly #stop = new AbortController();
  readonly #watching: Promise<unknown>;

  constructor(lab: Lab) {
    this.#watching = Promise.all((["primary", "backup"] as const).map((node) => this.#watch(lab, node)));
  }

  async #watch(lab: Lab, node: Firewall): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const view = lab.isOn(node) ? await agentView(lab, node).catch(() => undefined) : undefined;
      const state = view?.state ?? "off";
      this.#seen.push({
        at: Date.now(),
        node,
        state: state === "master" || state === "backup" || state === "off" ? state : "other",
      });
      await Bun.sleep(40);
    }
  }

  lanes(from: number, to: number, slot: number): { readonly primary: NodeState[]; readonly backup: NodeState[] } {
    const slots = Math.ceil((to - from) / slot);
    const lane = (node: Firewall): NodeState[] =>
      Array.from({ length: slots }, (_, index) => this.#stateAt(node, from + (index + 1) * slot));
    return { primary: lane("primary"), backup: lane("backup") };
  }

  #stateAt(node: Firewall, at: number): NodeState {
    return this.#seen.findLast((each) => each.node === node && each.at <= at)?.state ?? "other";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }
}
