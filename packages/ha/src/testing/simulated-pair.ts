/**
 * A pair whose files are real and whose time, power, cables and disks are simulated. The agent's real parts plan, send, restore, fetch and keep; only
 * VRRP, rsync and the DHCP server are models: VRRP by priorities as render-keepalived.ts sets them, rsync as a copy of the named files that may be cut.
 * What must never happen is checked after every step and throws: a lease that nobody has any more although no power was lost, an address given twice by nodes
 * that hear each other.
 */
import { FileError } from "@nethsec/host/files/file-error";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { ApplyQueue } from "../agent/apply-queue.ts";
import { BackupChangesPart } from "../agent/backup-changes-part.ts";
import { StateFlow } from "../agent/state-flow.ts";
import { haPaths } from "../cluster/config.ts";
import { standBy } from "../cluster/tracked-priority.ts";
import type { VrrpState } from "../cluster/state.ts";
import { pin } from "../ssh/known-hosts.ts";
import { diffEntries } from "../sync/diff.ts";
import { heldEntries } from "../sync/held-entries.ts";
import { recoverRestore } from "../sync/restore-journal.ts";
import { run as syncReceive } from "../sync/sync-receive.ts";
import { type SyncOutcome, SyncSender } from "../sync/sync-sender.ts";
import { copyNamed } from "./copy-named.ts";
import { Killed, SimulatedNode } from "./simulated-node.ts";

/** As render-keepalived.ts makes them of the default configuration. */
const priorities = { primary: 200, backup: 190 } as const;
const never = new AbortController().signal;

/** The real parts of one node's agent, made anew when the agent starts. */
interface Agent {
  readonly flow: StateFlow;
  readonly changes: BackupChangesPart;
  readonly queue: ApplyQueue;
  readonly sender: SyncSender;
}

export class SimulatedPair implements Disposable {
  readonly primary = new SimulatedNode("primary");
  readonly backup = new SimulatedNode("backup");
  /** The line between the nodes; their own cables are in `cables`. */
  line = true;
  readonly cables = { primary: true, backup: true };
  /** Files that the next transfer gets through before it is cut; undefined: all. */
  cutAfter: number | undefined;
  /** The nodes did not hear each other while both may have served: what they gave then may collide. */
  diverged = false;
  lastSync: SyncOutcome | undefined;
  #agents: Record<"primary" | "backup", Agent>;
  #known = new Map<string, string>();

  constructor() {
    this.#agents = { primary: agentOf(this.primary), backup: agentOf(this.backup) };
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

  /** keepalived of both nodes decides, the agents hear of it, and what follows from it happens. */
  async vote(): Promise<void> {
    for (let round = 0; round < 4; round += 1) {
      const before = this.nodes.map(({ state }) => state);
      const after = [this.#stateOf(this.primary, this.backup), this.#stateOf(this.backup, this.primary)];
      if (after.every((state, index) => state === before[index])) return;
      this.nodes.forEach((node, index) => (node.state = after[index] ?? "unknown"));
      // The node that lets go is first: its DHCP server has stopped when the other's starts.
      const order = this.nodes.map((node, index) => ({ node, before: before[index] ?? "unknown" }));
      for (const { node, before: old } of order.toSorted((a) => (a.node.state === "master" ? 1 : -1)))
        if (node.powered && node.state !== old) await this.#entered(node, old);
      if (this.masters.length > 1) this.diverged = true;
    }
  }

  /** Some seconds pass: each part has its turn, and the primary sends what changed. */
  async pass(): Promise<void> {
    for (const node of this.nodes) await node.clock.sleep(4000);
    for (const node of this.nodes) if (node.powered) await this.#alive(node, () => this.#turn(node));
    await this.vote();
    if (this.primary.powered && this.primary.state === "master") await this.#alive(this.primary, () => this.#sync());
    this.check();
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
    if (!this.linked || this.primary.state === "fault") return;
    if (to === "backup" && this.primary.state === "master") {
      // As switchover.ts: first the backup gets what changed; an agent that is killed meanwhile hands over nothing.
      const before = this.#agents.primary;
      await this.#alive(this.primary, () => this.#sync());
      if (this.#agents.primary !== before || this.lastSync?.ok !== true) return;
    }
    this.primary.priority = to === "backup" ? standBy : 0;
    return this.vote();
  }

  /** A client with this MAC address asks whoever serves; undefined: nobody does. */
  lease(mac: string): void {
    const server = this.nodes.find((node) => node.powered && node.serves);
    if (server === undefined) return;
    if (!this.linked) this.diverged = true;
    const address = server.lease(mac);
    const holder = [...this.#known].find(([client, given]) => given === address && client !== mac)?.[0];
    if (holder !== undefined && !this.diverged)
      throw new Error(`${address} was given to ${mac} and belongs to ${holder}`);
    this.#known.set(mac, address);
  }

  /** Every lease that somebody with power should know, by client. */
  get known(): ReadonlyMap<string, string> {
    return this.#known;
  }

  /** What differs between the nodes, as `ns-ha-config diff` tells it. */
  async differences(): Promise<readonly string[]> {
    const { manifest, withheld } = await this.#agents.primary.sender.describe(this.primary.config, never);
    const held = await heldEntries(this.backup.host, this.backup.config);
    return diffEntries(manifest.entries, held, withheld).map(({ path, change }) => `${change} ${path}`);
  }

  /** No lease is lost while its node has power. */
  check(): void {
    const held = this.held();
    for (const [mac, address] of this.#known) {
      if (!held.has(mac) && !this.diverged) throw new Error(`the lease of ${address} for ${mac} is lost`);
    }
  }

  /** What nodes with power have in their files, by client. */
  held(): Map<string, string> {
    const lines = this.nodes.filter(({ powered }) => powered).flatMap((node) => node.leaseLines());
    return new Map(lines.map(([, mac = "", address = ""]) => [mac, address]));
  }

  /** What only the node without power knew is known to nobody. */
  #forget(): void {
    const held = this.held();
    for (const mac of this.#known.keys()) if (!held.has(mac)) this.#known.delete(mac);
  }

  #stateOf(node: SimulatedNode, other: SimulatedNode): VrrpState {
    if (!node.powered) return "unknown";
    if (!this.cables[node.role]) return "fault";
    const heard = this.linked && other.powered;
    return !heard || this.#weight(node) > this.#weight(other) ? "master" : "backup";
  }

  #weight(node: SimulatedNode): number {
    return priorities[node.role] + node.priority;
  }

  async #entered(node: SimulatedNode, before: VrrpState): Promise<void> {
    await this.#alive(node, async () => {
      const { flow, changes } = this.#agents[node.role];
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

  /** A process that was killed is started again by procd, and mends what it was in the middle of. */
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
    this.#agents = { ...this.#agents, [node.role]: agentOf(node) };
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
    return answer;
  }
}

/** As the agent does: one part's trouble with the disk is its own. A kill is not its to survive. */
function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
  }
}

function agentOf(node: SimulatedNode): Agent {
  return {
    flow: new StateFlow(node),
    changes: new BackupChangesPart(node),
    queue: new ApplyQueue(node, { lookAgain: () => undefined }),
    sender: new SyncSender(node.host),
  };
}
