/**
 * One node: powering it on (namespaces, root, cables, boot script) and off, running programs in it, reading its log.
 *
 * Power off is a power cut: SIGKILL to process 1, which kills every process in the node at once; its disk is kept.
 */
import { spawn } from "node:child_process";
import { existsSync, openSync, closeSync, readFileSync, rmSync, appendFileSync } from "node:fs";
import { NethsecError } from "@nethsec/host/error";
import { labCommand } from "./lab-name.ts";
import type { Argv, RunOptions, RunResult } from "@nethsec/host/host";
import { batch, emptyVolatile, insideHolder, plug, silence, unplug } from "./fabric.ts";
import { builtExecutable, checkout, hiddenFolders, kindFolder } from "./layer.ts";
import { inNode, labEnvironment, run } from "./namespace.ts";
import { RunError } from "@nethsec/host/process/run-error";
import { pace } from "@nethsec/host/testing/pace";
import { isAlive, type Identity } from "./process.ts";
import type { State } from "./state.ts";
import { parseServiceEvents, unfinished } from "./service-events.ts";
import { wired, type NodePlan } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

/** A boot script takes 1 to 3 s on the reference machine; `run` stretches the limit by the machine's pace. */
const bootTimeoutMs = 30_000;

/** Options of a program run in a node; `timeoutMs` defaults to 20,000. */
export type ExecOptions = Partial<RunOptions>;

export class Node {
  readonly plan: NodePlan;
  readonly #state: State;
  readonly #holder: Identity;

  constructor(state: State, holder: Identity, plan: NodePlan) {
    this.#state = state;
    this.#holder = holder;
    this.plan = plan;
  }

  /** Process 1; undefined while the node is off. */
  init(): Identity | undefined {
    return this.#state.init(this.plan.name);
  }

  get dir(): string {
    return this.#state.nodeDir(this.plan.name);
  }

  /** Creates namespaces, root file system and devices; cables and services follow later. */
  async powerOn(): Promise<Identity> {
    const { name } = this.plan;
    if (existsSync(insideHolder(this.#holder, `${this.dir}/volatile/run`))) {
      this.#keepLog();
      // After a reboot from inside the node, the kernel may not have removed its old cables yet.
      await unplug(this.#holder, this.plan);
      await emptyVolatile(this.#state, this.#holder, name);
    }
    const pidFile = `${this.dir}/pid.new`;
    rmSync(pidFile, { force: true });
    const clock = this.#state.clock(name);
    const log = openSync(`${this.dir}/power.log`, "a");
    const child = spawn("sh", [`${checkout}/lab/node/runner`], {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: "/",
      env: {
        ...labEnvironment(this.#state.name),
        LAB_NODE: name,
        LAB_DIR: this.dir,
        LAB_ROOT: checkout,
        LAB_HOLDER: String(this.#holder.pid),
        LAB_HIDE: hiddenFolders(this.plan.kind).join("\n"),
        LAB_NETHSEC: this.plan.kind === "firewall" ? (builtExecutable() ?? "") : "",
        // Do not shift the boot clock: process start times, which identify processes, are relative to it.
        LAB_TIME: clock.monotonic === 0 ? "" : `--time --monotonic ${clock.monotonic}`,
      },
    });
    closeSync(log);
    child.unref();
    const ended = new AbortController();
    child.once("exit", () => ended.abort(new Error("its power supply has ended")));
    try {
      return await until(() => this.init(), {
        what: `${name} has its namespaces`,
        timeoutMs: 10_000,
        everyMs: 5,
        signal: ended.signal,
      });
    } catch (cause) {
      throw new NethsecError({
        code: "node_not_started",
        message: `${name} did not start: ${cause instanceof Error ? cause.message : String(cause)}; last line of its power supply: ${lastLine(`${this.dir}/power.log`)}`,
        advice: `See ${this.dir}/power.log.`,
        cause,
      });
    }
  }

  /** Sets the addresses assigned by the lab, then runs the node's boot script to completion. */
  async boot(init: Identity): Promise<void> {
    const addressed = this.plan.cables.filter((cable) => cable.address !== undefined);
    if (addressed.length > 0) {
      await batch(init, [
        ...wired(this.plan).map(({ device }) => `link set ${device} up`),
        ...addressed.map(({ device, address }) => `address add ${address} dev ${device}`),
        ...(this.plan.gateway === undefined ? [] : [`route add default via ${this.plan.gateway}`]),
      ]);
    }
    await this.#setWallClock();
    await this.#script(`${kindFolder(this.plan.kind)}/boot`);
  }

  /** Kills every process in the node and takes its links down; false when it was off. */
  async cutPower(): Promise<boolean> {
    const init = this.init();
    if (init === undefined) return false;
    // Cut the links first: the kernel tears a dead network namespace down step by step, and would answer packets that arrive meanwhile
    // with TCP resets, which a machine without power never sends.
    await silence(this.#holder, this.plan);
    process.kill(init.pid, "SIGKILL");
    await unplug(this.#holder, this.plan);
    await until(() => !isAlive(init), { what: `${this.plan.name} is off`, timeoutMs: 5000, everyMs: 2 });
    return true;
  }

  async connect(init: Identity): Promise<void> {
    await plug(this.#holder, [{ plan: this.plan, init }], this.#state.faults());
  }

  /** The argv of the host that runs `argv` in the node; throws when it is off. */
  argv(argv: Argv): Argv {
    const init = this.init();
    if (init === undefined)
      throw new NethsecError({
        code: "node_is_off",
        message: `${this.plan.name} is off.`,
        advice: `Start it: ${labCommand(this.#state.name)} boot ${this.plan.name}`,
      });
    return inNode(init, argv);
  }

  environment(): Record<string, string> {
    // Only the wall clock may be faked (see #setWallClock), not the monotonic clock that measures durations.
    return {
      ...labEnvironment(this.#state.name),
      LAB_NODE: this.plan.name,
      LAB_ROOT: checkout,
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Runs a program in the node to its end. Errors and options as `Run`. */
  exec(argv: Argv, options: ExecOptions = {}): Promise<RunResult> {
    const { env, ...rest } = options;
    return run(this.argv(argv), { timeoutMs: 20_000, ...rest, env: { ...this.environment(), ...env } });
  }

  /** The node's log files, oldest first, including those of earlier boots and while it is off; paths on the host. */
  logFiles(): string[] {
    return [`${this.dir}/messages.old`, insideHolder(this.#holder, `${this.dir}/volatile/log/messages`)].filter(
      (path) => existsSync(path),
    );
  }

  /** File with the boot script's output; path on the host. */
  get bootLog(): string {
    return insideHolder(this.#holder, `${this.dir}/volatile/log/boot`);
  }

  /** Host path of a file under /tmp or /var of the node: readable without entering the node, also when it is off. */
  volatilePath(path: string): string {
    return insideHolder(this.#holder, `${this.dir}/volatile/${path.replace(/^\/(tmp|var)\//, "")}`);
  }

  async #script(path: string): Promise<void> {
    if (!existsSync(path)) return;
    try {
      await this.exec(["sh", "-c", 'exec >>/var/log/boot 2>&1 </dev/null; exec "$0"', path], {
        timeoutMs: bootTimeoutMs,
      });
    } catch (cause) {
      throw new NethsecError({
        code: "boot_failed",
        message: `${this.plan.name} did not boot: ${path} ${this.#howItEnded(cause)}`,
        advice: `See ${labCommand(this.#state.name)} logs ${this.plan.name} --boot`,
        cause,
      });
    }
  }

  /** Describes a failed boot: exit code or timeout, unfinished services, last line of output. */
  #howItEnded(cause: unknown): string {
    if (!(cause instanceof RunError)) return `could not be run: ${String(cause)}`;
    const { code, result } = cause;
    const how =
      code === "program_timed_out"
        ? `did not end within ${(bootTimeoutMs * pace()) / 1000} s (${bootTimeoutMs / 1000} s, times ${pace()} for the machine's pace)`
        : typeof result?.code === "number"
          ? `ended with exit code ${result.code}`
          : "was ended by a signal";
    const events = this.volatilePath("/var/log/service-events");
    const open = existsSync(events) ? unfinished(parseServiceEvents(readFileSync(events, "utf8"), 0)) : [];
    const waiting = open.length === 0 ? "" : `; not finished: ${open.join(", ")}`;
    return `${how}${waiting}; last line of its output: ${lastLine(this.bootLog)}`;
  }

  /** libfaketime reads /etc/faketimerc; /etc/ld.so.preload makes every program started from now on load the library. */
  async #setWallClock(): Promise<void> {
    const { wall } = this.#state.clock(this.plan.name);
    const offset = `${wall >= 0 ? "+" : ""}${wall}`;
    if (wall === 0) await this.exec(["rm", "-f", "/etc/ld.so.preload"]);
    else
      await this.exec([
        "sh",
        "-c",
        "echo \"$1\" >/etc/faketimerc; echo '/usr/$LIB/faketime/libfaketime.so.1' >/etc/ld.so.preload",
        "sh",
        offset,
      ]);
  }

  /** Saves the log of a node that lost its power, for diagnosis. A real firewall would lose it. */
  #keepLog(): void {
    const log = insideHolder(this.#holder, `${this.dir}/volatile/log/messages`);
    if (existsSync(log)) appendFileSync(`${this.dir}/messages.old`, readFileSync(log).subarray(-4 * 1024 * 1024));
  }
}

function lastLine(path: string): string {
  const line = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").at(-1) : undefined;
  return line === undefined || line === "" ? "none" : line;
}
