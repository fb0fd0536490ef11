/**
 * A pair with real files, and simulated time, power, cables and disks. The real parts of the agent plan, send, restore, fetch and keep; only
 * VRRP, rsync and the DHCP server are models: VRRP by the priorities of render-keepalived.ts, rsync as a copy of the named files that may be
 * interrupted. Checked after every step, throwing if violated: no lease is lost unless power was lost, and no address is given twice by nodes
 * that receive each other's advertisements; the site moves for dead uplinks as simulated-uplinks.ts says.
 */
import { NethsecError } from "@nethsec/host/error";
import { FileError } from "@nethsec/host/files/file-error";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { ApplyQueue } from "../agent/apply-queue.ts";
import { BackupChangesPart } from "../agent/backup-changes-part.ts";
import { StateFlow } from "../agent/state-flow.ts";
import { UplinkPart } from "../agent/uplink-part.ts";
import { haPaths } from "../cluster/config.ts";
import { standBy } from "../cluster/tracked-priority.ts";
import type { VrrpState } from "../cluster/state.ts";
import type { UplinkAnswer } from "../cluster/uplinks.ts";
import { pin } from "../ssh/known-hosts.ts";
import { diffEntries } from "../sync/diff.ts";
import { heldEntries } from "../sync/held-entries.ts";
import { recoverRestore } from "../sync/restore-journal.ts";
import { run as syncReceive } from "../sync/sync-receive.ts";
import { type SyncOutcome, SyncSender } from "../sync/sync-sender.ts";
import { copyNamed } from "./copy-named.ts";
import { Killed, SimulatedNode } from "./simulated-node.ts";
import { SimulatedUplinks } from "./simulated-uplinks.ts";

/** The priorities that render-keepalived.ts produces for the default configuration. */
const priorities = { primary: 200, backup: 190 } as const;
const never = new AbortController().signal;

/** The real parts of one node's agent, recreated when the agent starts. */
interface Agent {
  readonly flow: StateFlow;
  readonly changes: BackupChangesPart;
  readonly queue: ApplyQueue;
  readonly sender: SyncSender;
  readonly uplinks: UplinkPart;
}

export class SimulatedPair implements Disposable {
  readonly primary = new SimulatedNode("primary");
  readonly backup = new SimulatedNode("backup");
  /** The link between the nodes; the nodes' own cables are in `cables`. */
  line = true;
  readonly cables = { primary: true, backup: true };
  /** Whether VRRP's advertisements pass: a switch or a rule may drop them and pass the rest. */
  adverts = true;
  /** The next answers of the backup that get lost, after it has done what it was asked. */
  answersLost = 0;
  /** Number of files the next transfer copies before it is interrupted; undefined: all. */
  cutAfter: number | undefined;
  /** Both nodes may have been master at once without a connection between them: the addresses they gave may collide. */
  diverged = false;
  lastSync: SyncOutcome | undefined;
  /** The lines of the WANs, and what moved because of them. */
  readonly uplinks = new SimulatedUplinks(this);
  #agents: Record<"primary" | "backup", Agent>;
  #known = new Map<string, string>();

  constructor() {
    this.#agents = { primary: this.#agentOf(this.primary), backup: this.#agentOf(this.backup) };
    pin(this.primary.machine.files, "192.168.100.239", { algorithm: "ssh-ed25519", blob: "AAAA" });
    this.primary.machine.program("rsync", async ({ stdin }) => this.#rsync(await stdin));
    this.primary.machine.program("dbclient", async ({ args, stdin }) => this.#ssh(args.at(-1) ?? "", await stdin));
  }

  [Symbol.dispose](): void {
    this.primary[Symbol.dispose]();
    this.backup[Symbol.dispose]();
  }

  get nodes(): readonly SimulatedNode[] {
    return [this.primary, this.backup];
  }
  get linked(): boolean {
    const { primary, backup, cables, line } = this;
    return primary.powered && backup.powered && cables.primary && cables.backup && line;
  }
  get masters(): readonly SimulatedNode[] {
    return this.nodes.filter(({ powered, state }) => powered && state === "master");
  }

  /** keepalived on both nodes elects a master; the agents react, until no state changes any more. */
  async vote(): Promise<void> {
    for (let round = 0; round < 4; round += 1) {
      const before = this.nodes.map(({ state }) => state);
      const after = [this.#stateOf(this.primary, this.backup), this.#stateOf(this.backup, this.primary)];
      if (after.every((state, index) => state === before[index])) return;
      this.nodes.forEach((node, index) => (node.state = after[index] ?? "unknown"));
      // The node that gives up the master role goes first: its DHCP server has stopped before the other's starts.
      const order = this.nodes.map((node, index) => ({ node, before: before[index] ?? "unknown" }));
      for (const { node, before: old } of order.toSorted((a) => (a.node.state === "master" ? 1 : -1)))
        if (node.powered && node.state !== old) await this.#entered(node, old);
      if (this.masters.length > 1) this.diverged = true;
    }
  }

  /** Advances the clocks by some seconds: each part runs once, and the primary sends changes. */
  async pass(): Promise<void> {
    for (const node of this.nodes) await node.clock.sleep(4000);
    for (const node of this.nodes) if (node.powered) await this.#alive(node, () => this.#turn(node));
    await this.#uplinkTurn();
    if (this.primary.powered && this.primary.state === "master") await this.#alive(this.primary, () => this.#sync());
    this.check();
  }

  /** Some seconds of nothing but mwan3's words and the nodes' talk about them: for hours that would take long with everything else. */
  async passUplinks(): Promise<void> {
    for (const node of this.nodes) await node.clock.sleep(10_000);
    await this.#uplinkTurn();
  }

  /** The nodes meet, then each looks at its uplinks. */
  async #uplinkTurn(): Promise<void> {
    const { primary, backup } = this.#agents;
    if (this.linked) {
      const [here, there] = [primary.uplinks.report, backup.uplinks.report];
      await this.#alive(this.backup, async () => backup.uplinks.learn(this.primary.state, here));
      await this.#alive(this.primary, async () => this.#agents.primary.uplinks.learn(this.backup.state, there));
    }
    for (const node of this.nodes)
      if (node.powered) await this.#alive(node, async () => this.#agents[node.role].uplinks.tick.run());
    await this.vote();
  }

  /** Backup: the primary's question. Throws like the link. */
  askUplinks(): Promise<UplinkAnswer> {
    if (!this.linked)
      throw new NethsecError({ code: "ssh_connection_failed", message: "The backup node does not answer." });
    return this.#agents.backup.uplinks.answer();
  }

  power(node: SimulatedNode, on: boolean): Promise<void> {
    if (on && !node.powered) {
      node.boot();
      this.#restart(node);
    } else if (!on) {
      node.cutPower();
      this.#forget();
    }
    return this.vote();
  }

  /** `switch`: the primary hands over, or takes back. */
  async switchTo(to: "primary" | "backup"): Promise<void> {
    const before = this.primary.state;
    await this.#switch(to, () => undefined);
    if (this.primary.state === before || this.primary.state === "unknown") return;
    await this.#alive(this.primary, async () => this.#agents.primary.uplinks.movedByHand(to));
    this.uplinks.movedByHand();
  }

  /** For dead uplinks: like `switch`. Throws a refusal. */
  async handOver(to: "primary" | "backup", begin: () => void): Promise<void> {
    if (!(await this.#switch(to, begin)))
      throw new NethsecError({
        code: "switch_refused",
        message: "No switchover: the backup node lacks the newest state.",
      });
  }

  async #switch(to: "primary" | "backup", begin: () => void): Promise<boolean> {
    if (!this.linked || this.primary.state === "fault") return false;
    if (to === "backup" && this.primary.state === "master") {
      // Like switchover.ts: sends changes to the backup first; if the agent is killed meanwhile, there is no switchover.
      const before = this.#agents.primary;
      await this.#alive(this.primary, () => this.#sync());
      if (this.#agents.primary !== before || this.lastSync?.ok !== true) return false;
    }
    begin();
    this.primary.priority = to === "backup" ? standBy : 0;
    await this.vote();
    return true;
  }

  /** A client with this MAC address requests a lease from the node that serves; without such a node nothing happens. */
  lease(mac: string): void {
    const server = this.nodes.find((node) => node.powered && node.serves);
    if (server === undefined) return;
    if (!this.linked || !this.adverts) this.diverged = true;
    const address = server.lease(mac);
    const holder = [...this.#known].find(([client, given]) => given === address && client !== mac)?.[0];
    if (holder !== undefined && !this.diverged)
      throw new Error(`${address} was given to ${mac} and belongs to ${holder}`);
    this.#known.set(mac, address);
  }

  /** Every lease that a node with power should have, by client. */
  get known(): ReadonlyMap<string, string> {
    return this.#known;
  }

  /** Differences between the nodes, as in `ns-ha-config diff`. */
  async differences(): Promise<readonly string[]> {
    const { manifest, withheld } = await this.#agents.primary.sender.describe(this.primary.config, never);
    const held = await heldEntries(this.backup.host, this.backup.config);
    return diffEntries(manifest.entries, held, withheld).map(({ path, change }) => `${change} ${path}`);
  }

  /** Throws if a lease is lost although its node has power. */
  check(): void {
    const held = this.held();
    for (const [mac, address] of this.#known) {
      if (!held.has(mac) && !this.diverged) throw new Error(`the lease of ${address} for ${mac} is lost`);
    }
  }

  /** The leases in the files of nodes with power, by client. */
  held(): Map<string, string> {
    const lines = this.nodes.filter(({ powered }) => powered).flatMap((node) => node.leaseLines());
    return new Map(lines.map(([, mac = "", address = ""]) => [mac, address]));
  }

  /** Drops leases that only the node without power had. */
  #forget(): void {
    const held = this.held();
    for (const mac of this.#known.keys()) if (!held.has(mac)) this.#known.delete(mac);
  }

  #stateOf(node: SimulatedNode, other: SimulatedNode): VrrpState {
    if (!node.powered) return "unknown";
    if (!this.cables[node.role]) return "fault";
    const heard = this.linked && this.adverts && other.powered;
    return !heard || this.#weight(node) > this.#weight(other) ? "master" : "backup";
  }

  #weight(node: SimulatedNode): number {
    return priorities[node.role] + node.priority;
  }

  async #entered(node: SimulatedNode, before: VrrpState): Promise<void> {
    await this.#alive(node, async () => {
      const { flow, changes, uplinks } = this.#agents[node.role];
      this.uplinks.entered(node);
      uplinks.onState();
      if (node.state !== "master") node.stopServing();
      guarded(() => flow.onState({ before, state: node.state }));
      guarded(() => changes.onState());
      if (node.state !== "master") return;
      if (node.role === "primary") await flow.take(never);
      node.serve();
    });
  }

  async #turn(node: SimulatedNode): Promise<void> {
    const { flow, changes } = this.#agents[node.role];
    await flow.tick.run();
    guarded(() => changes.tick.run());
  }

  async #sync(): Promise<void> {
    const { sender, flow } = this.#agents.primary;
    this.lastSync = await sender.run(this.primary.config, {
      onlyIfChanged: false,
      force: [],
      signal: never,
      before: (signal) => flow.beforeSend(signal),
      progress: () => undefined,
    });
    if (this.lastSync.ok && this.masters.length === 1) {
      this.diverged = false;
      this.#known = this.held();
    }
  }

  /** Runs `work`; if its process is killed, restarts it as procd does, with the recovery of interrupted work. */
  async #alive(node: SimulatedNode, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (node.killAfter === undefined || node.killAfter >= 0) return;
    } catch (error) {
      if (!(error instanceof Killed) && (node.killAfter ?? 0) >= 0) throw error;
    }
    this.#restart(node);
    if (node.state !== "master" || node.serves) return;
    if (node.role === "primary") await this.#agents.primary.flow.take(never);
    node.serve();
  }

  #restart(node: SimulatedNode): void {
    node.killAfter = undefined;
    recoverRestore(node.host.files);
    this.uplinks.restarted(node);
    this.#agents = { ...this.#agents, [node.role]: this.#agentOf(node) };
  }

  #agentOf(node: SimulatedNode): Agent {
    return {
      flow: new StateFlow(node),
      changes: new BackupChangesPart(node),
      queue: new ApplyQueue(node, { lookAgain: () => undefined }),
      sender: new SyncSender(node.host),
      uplinks: new UplinkPart(node, this.uplinks.needs),
    };
  }

  #rsync(names: string): { code: number; stderr?: string } {
    if (!this.linked)
      return { code: 12, stderr: "dbclient: Connection to root@x:65022 exited: Connect failed: No route to host\n" };
    const paths = names
      .split("\0")
      .filter((name) => name !== "")
      .map((name) => `/${name}`);
    const cut = this.cutAfter;
    this.cutAfter = undefined;
    const through = cut === undefined ? paths : paths.slice(0, cut);
    copyNamed(this.primary.machine.files, this.backup.machine.files, haPaths.stagingDir, through);
    return { code: cut === undefined || cut >= paths.length ? 0 : 12 };
  }

  async #ssh(command: string, stdin: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const silent = {
      code: 1,
      stdout: "",
      stderr: "dbclient: Connection to root@x:65022 exited: Connect failed: No route to host\n",
    };
    if (!this.linked) return silent;
    let answer = silent;
    await this.#alive(this.backup, async () => {
      const id = /^apply ([0-9a-f]{64})$/.exec(command)?.[1];
      if (id !== undefined) {
        answer = { code: 0, stdout: JSON.stringify(await this.#agents.backup.queue.apply(id)), stderr: "" };
        return;
      }
      const { call, output } = fakeCall(this.backup.host, { stdin, env: { SSH_ORIGINAL_COMMAND: command } });
      const code = await syncReceive(call);
      answer = { code, stdout: output.out, stderr: output.err };
    });
    if (this.answersLost === 0) return answer;
    this.answersLost -= 1;
    return { ...silent, stderr: "dbclient: Connection to root@x:65022 exited: Remote closed the connection\n" };
  }
}

/** Like the agent, ignores a part's disk errors, so that the other parts go on. A simulated kill propagates. */
function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
  }
}
