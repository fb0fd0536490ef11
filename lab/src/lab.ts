/**
 * A lab: nodes, switches, faults, from `up` to `down`. Tests, benches, scenarios and the `lab` command all use this class.
 *
 * Invariants: `up` and `down` may be repeated, interrupted and run after a crash; `down` leaves no process, namespace, mount or file;
 * nothing outside the lab's own processes and /run/nethsec-lab/NAME is changed.
 */
import { NethsecError } from "@nethsec/host/error";
import { labCommand } from "./lab-name.ts";
import type { Argv, RunResult } from "@nethsec/host/host";
import { applyFaults, bytesOnDisks, plug, startFabric } from "./fabric.ts";
import { type Change, cutting, type Faults, healing, losing, noFaults, parting } from "./faults.ts";
import { builtExecutable, writeLayers } from "./layer.ts";
import { Node, type ExecOptions } from "./node.ts";
import { keepLogs, removeKeptLogs } from "./kept-logs.ts";
import { explainStartFailure, requireRoot } from "./prerequisites.ts";
import { inMounts, run } from "./namespace.ts";
import { orAborted } from "./or-aborted.ts";
import type { ProbedService } from "./outage.ts";
import { Probe, type ProbeOptions } from "./probe.ts";
import { isAlive, labsWithProcesses, memoryOf, processesInNode, processesInNodes, processesOfLab } from "./process.ts";
import { labsWithState, State, type ClockOffset, type Settings } from "./state.ts";
import { failedStory } from "./failed-story.ts";
import { sweep } from "./sweep.ts";
import {
  cable,
  nodeName,
  nodeNames,
  portName,
  topology,
  wired,
  type NodeName,
  type NodePlan,
  type WanProto,
} from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

export interface UpOptions {
  /** Default "lab". */
  readonly name?: string;
  /** How the primary gets its WAN addresses; default static. */
  readonly wan?: WanProto;
  /** Requires factory settings: throws if the lab is already up, and leaves that lab alone. */
  readonly fresh?: boolean;
  /** When `up` fails, leave the partly started lab for inspection. */
  readonly keep?: boolean;
  /** Receives progress messages, one line each. */
  readonly say?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export class Lab implements AsyncDisposable {
  readonly name: string;
  /** Wall clock, milliseconds since 1970. */
  readonly started: number;
  readonly plans: readonly NodePlan[];
  readonly #state: State;
  readonly #nodes: ReadonlyMap<NodeName, Node>;
  /** Actions on the lab, for the timeline. */
  readonly steps: { readonly at: number; readonly text: string }[] = [];

  private constructor(state: State, nodes: ReadonlyMap<NodeName, Node>, plans: readonly NodePlan[], started: number) {
    this.#state = state;
    this.#nodes = nodes;
    this.plans = plans;
    this.name = state.name;
    this.started = started;
  }

  /** Starts a lab. If it is already up, boots the nodes that are off. Removes leftovers of a crashed lab of that name first. */
  static async up(options: UpOptions = {}): Promise<Lab> {
    requireRoot();
    const state = new State(options.name ?? "lab");
    return state.locked(async () => {
      const running = Lab.#running(state);
      // A lab whose start never completed is replaced.
      if (running !== undefined && state.settings()?.complete === true) {
        const wan = state.settings()?.wan;
        if (options.fresh === true)
          throw new NethsecError({
            code: "lab_is_up",
            message: `Lab "${state.name}" is up, and this starts from nothing.`,
            advice: `End it: ${labCommand(state.name)} down. Or play beside it: ${labCommand("second")} demo`,
          });
        if (options.wan !== undefined && options.wan !== wan)
          throw new NethsecError({
            code: "lab_is_up",
            message: `Lab "${state.name}" is up with --wan ${wan}.`,
            advice: `Take it down first: ${labCommand(state.name)} down`,
          });
        await running.#powerOn([...running.#nodes.values()].filter((node) => node.init() === undefined));
        return running;
      }
      await sweep(state);
      removeKeptLogs(state.name);
      const starting = Lab.#start(state, options);
      try {
        return await orAborted(starting, options.signal);
      } catch (cause) {
        if (options.keep === true) throw await explainStartFailure(cause);
        const interrupted = options.signal?.aborted === true;
        const logs = interrupted ? undefined : keepLogs(state, topology({ wan: options.wan ?? "static" }));
        await sweep(state);
        // An interrupted start may still have spawned processes: wait for its end, sweep again if it fails.
        await starting.catch(() => sweep(state));
        throw interrupted ? cause : withKeptLogs(await explainStartFailure(cause), state.name, logs);
      }
    });
  }

  /** The lab of that name; throws when it is not up. */
  static attach(name = "lab"): Lab {
    const lab = Lab.#running(new State(name));
    if (lab === undefined)
      throw new NethsecError({
        code: "lab_is_down",
        message: `Lab "${name}" is not up.`,
        advice: `Start it: ${labCommand(name)} up`,
      });
    requireRoot();
    return lab;
  }

  /** Ends a lab, or cleans up the remains of one. False if there was nothing to end. */
  static async down(name = "lab"): Promise<boolean> {
    requireRoot();
    const state = new State(name);
    return state.locked(async () => {
      const swept = await sweep(state);
      return removeKeptLogs(name) || swept;
    });
  }

  /** Names of all labs that have a process or a file. */
  static list(): string[] {
    return [...new Set([...labsWithState(), ...labsWithProcesses()])].sort();
  }

  static async #start(state: State, options: UpOptions): Promise<Lab> {
    const say = options.say ?? (() => undefined);
    if (builtExecutable() === undefined)
      throw new NethsecError({
        code: "executable_missing",
        message: "dist/nethsec, which the firewalls run, has not been built.",
        advice: "Build it: make build",
      });
    const wan = options.wan ?? "static";
    const plans = topology({ wan });
    say("switches, certificates");
    state.create();
    // Wait for both even when one fails: nothing may be written after the sweep that follows.
    const [fabric, layers] = await Promise.allSettled([startFabric(state, plans), writeLayers(state, plans)]);
    if (layers.status === "rejected") throw layers.reason;
    if (fabric.status === "rejected") throw fabric.reason;
    const holder = fabric.value;
    const settings: Settings = { wan, started: Date.now(), holder, complete: false };
    state.saveSettings(settings);
    const lab = new Lab(state, nodesOf(state, holder, plans), plans, settings.started);
    options.signal?.throwIfAborted();
    say(`nodes: ${nodeNames.join(", ")}`);
    await lab.#powerOn([...lab.#nodes.values()]);
    options.signal?.throwIfAborted();
    say("addresses of the clients");
    try {
      await lab.#untilReady();
    } catch (cause) {
      throw failedStory("The lab did not come up", cause, lab, lab.started);
    }
    state.saveSettings({ ...settings, complete: true });
    return lab;
  }

  static #running(state: State): Lab | undefined {
    const settings = state.settings();
    if (settings === undefined || !isAlive(settings.holder)) return undefined;
    const plans = topology({ wan: settings.wan });
    return new Lab(state, nodesOf(state, settings.holder, plans), plans, settings.started);
  }

  get wan(): WanProto {
    return this.#state.settings()?.wan ?? "static";
  }

  node(name: NodeName): Node {
    const node = this.#nodes.get(nodeName(name));
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  isOn(name: NodeName): boolean {
    return this.node(name).init() !== undefined;
  }

  /** Runs a program in a node; throws RunError unless it exits with an accepted code. */
  exec(name: NodeName, argv: Argv, options: ExecOptions = {}): Promise<RunResult> {
    return this.node(name).exec(argv, options);
  }

  /** Runs a shell script in a node and returns what it printed, without the last newline. */
  async sh(name: NodeName, script: string, options: ExecOptions = {}): Promise<string> {
    return (await this.exec(name, ["sh", "-c", script], options)).stdout.replace(/\n$/, "");
  }

  /** Power cut: kills all processes of the node at once; its disk is kept. */
  async kill(name: NodeName): Promise<void> {
    this.#note(`power cut: ${name}`);
    await this.node(name).cutPower();
  }

  /** Powers a node on and waits for its boot script; does nothing when it is on. */
  async boot(name: NodeName): Promise<void> {
    this.#note(`power on: ${name}`);
    await this.#state.locked(async () => {
      if (!this.isOn(name)) await this.#powerOn([this.node(name)]);
    });
  }

  /** Replaces the node by new hardware with factory settings: off, with an empty disk. Faults and clock offsets are kept. */
  async replaceHardware(name: NodeName): Promise<void> {
    const settings = this.#state.settings();
    if (settings === undefined)
      throw new NethsecError({ code: "lab_is_down", message: `Lab "${this.name}" is not up.` });
    await this.kill(name);
    this.#note(`new hardware: ${name}`);
    const wipe = 'cd "$1" && find . -mindepth 1 -delete && mkdir upper work';
    await run(inMounts(settings.holder, ["sh", "-c", wipe, "sh", `${this.node(name).dir}/disk`]), {
      timeoutMs: 20_000,
    });
  }

  /** Pulls a cable out: `which` is a device ("eth0") or a network ("lan"). */
  async cut(name: NodeName, which: string): Promise<void> {
    const port = this.#port(name, which);
    await this.#fault(`cable cut: ${name} ${which}`, cutting(port));
  }

  /** Puts the cable back and ends its losses; without arguments, all cables, losses and partitions. */
  async heal(name?: NodeName, which?: string): Promise<void> {
    if (name === undefined) return this.#fault("everything healed", () => noFaults);
    const { plan } = this.node(name);
    const ports = new Set(
      (which === undefined ? wired(plan) : [cable(plan, which)]).map(({ device }) => portName(name, device)),
    );
    await this.#fault(
      `healed: ${name} ${which ?? "all cables"}`,
      healing(ports, which === undefined ? name : undefined),
    );
  }

  /** Drops that percentage of frames in each direction; 0 ends it. */
  async loss(name: NodeName, which: string, percent: number): Promise<void> {
    await this.#fault(`loss: ${percent}% on ${name} ${which}`, losing(this.#port(name, which), percent));
  }

  /** Drops all frames between two nodes on every network; traffic with other nodes is not affected. */
  async partition(one: NodeName = "primary", other: NodeName = "backup"): Promise<void> {
    await this.#fault(`partition: ${one} | ${other}`, parting(one, other));
  }

  faults(): Faults {
    return this.#state.faults();
  }

  /** Sends a signal to every process of the node that is called `processName`; throws when there is none. Returns how many. */
  signal(name: NodeName, processName: string, signal: NodeJS.Signals): number {
    const init = this.node(name).init();
    const pids = init === undefined ? [] : processesInNode(init.pid, processName);
    if (pids.length === 0)
      throw new NethsecError({
        code: "no_such_process",
        message: `No process on ${name} is called "${processName}".`,
        advice: `See: ${labCommand(this.name)} exec ${name} -- ps`,
      });
    this.#note(`${signal}: ${processName} on ${name}`);
    for (const pid of pids) process.kill(pid, signal);
    return pids.length;
  }
  /** Stops a program with SIGSTOP, to simulate a machine that swaps. */
  pause(name: NodeName, processName: string): number {
    return this.signal(name, processName, "SIGSTOP");
  }
  resume(name: NodeName, processName: string): number {
    return this.signal(name, processName, "SIGCONT");
  }

  /** Fills the file system of `folder` completely, by one file in that folder. */
  async fillDisk(name: NodeName, folder: string): Promise<void> {
    if ((await this.exec(name, ["test", "-d", folder], { ok: "any" })).code !== 0)
      throw new NethsecError({ code: "no_such_folder", message: `${name} has no folder ${folder}.`, exitCode: 2 });
    this.#note(`disk full: ${folder} on ${name}`);
    await this.exec(name, [
      "sh",
      "-c",
      'dd if=/dev/zero of="$1/lab-fill" bs=64k 2>/dev/null; dd if=/dev/zero bs=1 count=65536 2>/dev/null >>"$1/lab-fill"; test -s "$1/lab-fill"',
      "sh",
      folder,
    ]);
  }
  async freeDisk(name: NodeName, folder: string): Promise<void> {
    this.#note(`disk freed: ${folder} on ${name}`);
    await this.exec(name, ["rm", "-f", `${folder}/lab-fill`]);
  }

  clock(name: NodeName): ClockOffset {
    return this.#state.clock(name);
  }

  /** Sets a node's clocks forward (or back), from its next boot on. */
  setClock(name: NodeName, offset: ClockOffset): void {
    this.#note(`clock of ${name}: wall ${offset.wall} s, monotonic ${offset.monotonic} s, from its next boot on`);
    this.#state.saveClock(name, offset);
  }

  /** Starts measuring outages as seen from a node; see {@link Probe}. */
  probe(options: ProbeOptions, services?: readonly ProbedService[]): Promise<Probe> {
    return Probe.start(this, options, services);
  }

  /** Memory used by the lab in bytes: its processes and the data on its disks (tmpfs). */
  async memory(): Promise<number> {
    const settings = this.#state.settings();
    if (settings === undefined) return 0;
    const dirs = this.plans.map(({ name }) => this.#state.nodeDir(name));
    const inits = [...this.#nodes.values()].flatMap((node) => node.init()?.pid ?? []);
    const processes = new Set([...processesOfLab(this.name), ...processesInNodes(inits)]);
    return (await bytesOnDisks(settings.holder, dirs)) + memoryOf([...processes]);
  }

  async down(): Promise<void> {
    await Lab.down(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  async #powerOn(nodes: readonly Node[]): Promise<void> {
    const settings = this.#state.settings();
    if (settings === undefined || nodes.length === 0) return;
    const inits = await Promise.all(nodes.map(async (node) => ({ node, plan: node.plan, init: await node.powerOn() })));
    await plug(settings.holder, inits, this.#state.faults());
    await Promise.all(inits.map(({ node, init }) => node.boot(init)));
  }

  /** Waits until the clients have an address from a firewall. */
  async #untilReady(): Promise<void> {
    const clients = this.plans.filter((plan) => plan.kind === "client");
    await Promise.all(
      clients.map(({ name }) =>
        until(async () => (await this.sh(name, "ip -4 -o address show dev eth0 scope global")) !== "", {
          what: `${name} has an address by DHCP`,
          timeoutMs: 30_000,
          everyMs: 100,
        }),
      ),
    );
  }

  #port(name: NodeName, which: string): string {
    return portName(name, cable(this.node(name).plan, which).device);
  }

  async #fault(text: string, change: Change): Promise<void> {
    const settings = this.#state.settings();
    if (settings === undefined)
      throw new NethsecError({ code: "lab_is_down", message: `Lab "${this.name}" is not up.` });
    const faults = change(this.#state.faults());
    this.#note(text);
    await applyFaults(settings.holder, this.plans, faults);
    this.#state.saveFaults(faults);
  }

  #note(text: string): void {
    this.steps.push({ at: Date.now(), text });
  }
}

/** Adds the location of the kept logs to the error: the lab itself is gone. */
function withKeptLogs(cause: unknown, name: string, logs: string | undefined): unknown {
  if (!(cause instanceof NethsecError) || cause.code === "kernel_feature_missing") return cause;
  const where = logs === undefined ? "No node had logged anything." : `What the nodes logged is kept in ${logs}.`;
  return new NethsecError({
    code: cause.code,
    message: cause.message,
    advice: `${where} To look at the lab itself when it fails again: ${labCommand(name)} up --keep`,
    cause,
  });
}

function nodesOf(
  state: State,
  holder: ConstructorParameters<typeof Node>[1],
  plans: readonly NodePlan[],
): ReadonlyMap<NodeName, Node> {
  return new Map(plans.map((plan) => [plan.name, new Node(state, holder, plan)]));
}
