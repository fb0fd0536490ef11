/**
 * The resident agent `ns-ha`: hears keepalived, makes the node what its state wants, keeps the backup's files like the primary's, answers
 * on its socket. This file only wires the parts; what should be is in plan.ts.
 * Invariants: an interrupted restore is finished or undone before anything else; the end of the agent changes nothing on the node.
 */
import { type Conditions, conditions } from "@nethsec/host/conditions";
import { readFifo } from "@nethsec/host/process/fifo";
import type { Host } from "@nethsec/host/host";
import { serveHttp } from "@nethsec/host/http/http-server";
import { version } from "@nethsec/host/version";
import * as v from "valibot";
import type { DrillCheck, VrrpState } from "../cluster/agent-client.ts";
import { type HaConfig, haPaths, readHaConfig } from "../cluster/config.ts";
import { heldEntries } from "../sync/held-entries.ts";
import { Carrying } from "../cluster/carrying.ts";
import { recoverRestore } from "../sync/restore.ts";
import { SyncLoop } from "../sync/sync-loop.ts";
import { repairAddresses } from "../cluster/virtual-addresses.ts";
import { agentStatus, nodeFacts, type Sources } from "./agent-answers.ts";
import { handleAgentRequest } from "./agent-server.ts";
import { Alerts } from "./alerts.ts";
import { Announcements } from "./announcements.ts";
import { FirewallWorld, marksPath } from "./firewall-world.ts";
import { History } from "./history.ts";
import { ApplyTurns } from "./apply-turns.ts";
import { PeerQuestions } from "./peer-questions.ts";
import { PrimaryAlert } from "./primary-alert.ts";
import { looksRight, vrrpPid } from "./vrrp.ts";
import { PeerWatch } from "./peer-watch.ts";
import { postureOf, type Situation } from "./plan.ts";
import { Reconciler } from "./reconciler.ts";
import { reviveConntrackd } from "./revive-conntrackd.ts";
import { switchOver } from "./switchover.ts";
import { tellSync } from "./tell-sync.ts";
import { VrrpTracker } from "./vrrp-tracker.ts";

export const conditionsPath = "/var/run/ns-ha/conditions.json";
/** A look at three files of /proc. */
const pulseEveryMs = 1000;
const peerEveryMs = 10_000;
const askEveryMs = 600_000;
const conntrackdEveryMs = 30_000;
/** A step that failed this often is worth a condition. */
const failuresTold = 3;

/** Runs until the signal aborts or the node leaves its cluster. Returns the exit code. */
export async function runAgent(host: Host, signal: AbortSignal): Promise<number> {
  const config = readHaConfig(host.uci);
  if (config === undefined) {
    host.log("info", "this node belongs to no cluster: nothing to do");
    return 0;
  }
  const agent = new Agent(host, config);
  return agent.run(signal);
}

class Agent {
  readonly #host: Host;
  readonly #life = new AbortController();
  readonly #history: History;
  readonly #alerts: Alerts;
  readonly #conditions: Conditions;
  readonly #tracker: VrrpTracker;
  readonly #reconciler: Reconciler;
  readonly #sync: SyncLoop;
  readonly #peer: PeerWatch;
  #config: HaConfig;
  readonly #questions: PeerQuestions;
  readonly #turns: ApplyTurns;
  readonly #primaryAlert: PrimaryAlert;
  readonly #announcements: Announcements;
  /** The situation whose first convergence is in the history. */
  #told = "";
  readonly #carrying: Carrying;

  constructor(host: Host, config: HaConfig) {
    this.#host = host;
    this.#config = config;
    this.#history = new History(host);
    this.#alerts = new Alerts(host);
    this.#carrying = new Carrying(host);
    host.files.mkdir("/var/run/ns-ha", { mode: 0o755 });
    this.#conditions = conditions(host, conditionsPath);
    const current = (): HaConfig => this.#config;
    const rebooted = !host.files.exists(marksPath);
    this.#announcements = new Announcements(host, {
      isMaster: () => this.#tracker.current.state === "master",
      announce: () => this.#reconciler.lookAgain((key) => key.startsWith("announce ")),
      signal: this.#life.signal,
    });
    this.#tracker = new VrrpTracker(
      host,
      config.instance,
      (before, { state }) => this.#transition(before, state),
      () => void this.#announcements.again(),
    );
    this.#peer = new PeerWatch(
      host,
      current,
      this.#conditions,
      () => this.#tracker.current.state,
      () => void this.#announcements.again(),
    );
    this.#reconciler = new Reconciler({
      world: new FirewallWorld(host, current, this.#life.signal),
      clock: host.clock,
      log: host.log,
      marks: readMarks(host),
      converged: (situation, tookMs) => this.#converged(situation, tookMs),
      changed: () => this.#tellFailing(),
    });
    this.#sync = new SyncLoop({
      host,
      config: current,
      allowed: () => this.#sends(),
      finished: (outcome) =>
        tellSync({ host, alerts: this.#alerts, conditions: this.#conditions, history: this.#history }, outcome),
    });
    this.#questions = new PeerQuestions(host, current, this.#history, () => this.#sync.describe(this.#config));
    this.#turns = new ApplyTurns({
      host,
      config: current,
      state: () => this.#tracker.current.state,
      conditions: this.#conditions,
      history: this.#history,
      applied: () => this.#reconciler.lookAgain(),
    });
    this.#primaryAlert = new PrimaryAlert(host, this.#alerts, () => this.#config.role, rebooted);
  }

  async run(signal: AbortSignal): Promise<number> {
    const host = this.#host;
    const life = this.#life;
    const end = (): void => life.abort(new Error("the agent stops"));
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    // The socket first: where an agent runs already, a second one ends here, before it has read a line of keepalived's or touched a restore.
    const server = await serveHttp({
      listen: { kind: "unix", path: host.files.real(haPaths.agentSocket), mode: 0o600 },
      handle: (request) => handleAgentRequest(this.#parts(), request),
      failed: (error) =>
        host.log("err", `request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    });
    try {
      const recovered = recoverRestore(host.files);
      if (recovered !== undefined) host.log("warning", `an interrupted restore was ${recovered}`);
      await this.#openFifo(life.signal);
      host.log("info", `${version} started as ${this.#config.role}`);
      host.files.watch("/etc/config/keepalived", () => this.#reread(), life.signal);
      host.files.watch("/etc/config/ns-ha", () => this.#reconciler.lookAgain(), life.signal);
      await this.#tracker.look();
      this.#enter();
      await Promise.all([
        this.#reconciler.run(life.signal),
        this.#sync.run(life.signal),
        this.#alerts.run(life.signal),
        this.#lookRegularly(life.signal),
      ]);
    } finally {
      end();
      await server.stop();
      host.log("info", "stopped");
    }
    return 0;
  }

  async #openFifo(signal: AbortSignal): Promise<void> {
    const { files, run, log } = this.#host;
    const path = haPaths.notifyFifo;
    // keepalived makes it as well; whoever is first.
    if (files.stat(path) === undefined)
      await run(["mkfifo", "-m", "600", files.real(path)], { timeoutMs: 5000, ok: "any" });
    readFifo(
      files.real(path),
      (line) => this.#tracker.hint(line),
      (error) => log("err", `the FIFO of keepalived cannot be read: ${error.message}`),
      signal,
    );
  }

  async #lookRegularly(signal: AbortSignal): Promise<void> {
    let peerAsked = Number.NEGATIVE_INFINITY;
    let conntrackdAsked = this.#host.clock.monotonic();
    while (!signal.aborted) {
      await this.#host.clock.sleep(pulseEveryMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const now = this.#host.clock.monotonic();
      const vip = this.#config.interfaces[0]?.virtualIp.split("/")[0] ?? "";
      // Each question is a line in keepalived's log: asked now and then, and at once when something looks wrong.
      const wrong = !looksRight(this.#host, this.#tracker.current.state, vip);
      const { on: carrying } = this.#carrying;
      if (wrong || carrying || now - this.#tracker.askedAt > askEveryMs) await this.#tracker.look();
      if (carrying) this.#enter();
      if (now - peerAsked < peerEveryMs) continue;
      peerAsked = now;
      await this.#peer.look();
      await repairAddresses(this.#host, this.#config, () => this.#tracker.current.state).catch((error: unknown) =>
        this.#host.log("warning", `virtual addresses: ${error instanceof Error ? error.message : String(error)}`),
      );
      this.#keepalivedCondition();
      if (now - conntrackdAsked < conntrackdEveryMs) continue;
      conntrackdAsked = now;
      if (await reviveConntrackd(this.#host)) this.#reconciler.lookAgain((key) => key.startsWith("conntrackd"));
    }
  }

  /** A keepalived that was killed leaves its addresses behind, and two nodes would answer for them. */
  async #dropOrphans(): Promise<void> {
    if (vrrpPid(this.#host) !== undefined) return;
    for (const { virtualIp, device } of [...this.#config.interfaces, ...this.#config.aliases]) {
      await this.#host.run(["ip", "address", "delete", virtualIp, "dev", device], { timeoutMs: 5000, ok: "any" });
    }
  }

  /** The configuration was changed, by a command or by hand. */
  #reread(): void {
    let config: HaConfig | undefined;
    try {
      config = readHaConfig(this.#host.uci);
    } catch (error) {
      this.#conditions.raise("ha_config_invalid", "error", error instanceof Error ? error.message : String(error));
      return;
    }
    this.#conditions.clear("ha_config_invalid");
    if (config === undefined || config.role !== this.#config.role) {
      this.#host.log("info", "the node left its cluster");
      this.#life.abort(new Error("left the cluster"));
      return;
    }
    this.#config = config;
    this.#enter();
    this.#sync.look();
  }

  #enter(): void {
    const { state, term } = this.#tracker.current;
    const { role, enabled } = this.#config;
    // What is up stays up.
    if (this.#carrying.look(this.#config, state, this.#tracker.stats)) return;
    this.#reconciler.enter({ role, enabled, state, term });
  }

  #transition(before: VrrpState, state: VrrpState): void {
    const { role } = this.#config;
    this.#host.log(state === "fault" ? "warning" : "info", `VRRP state: ${before} -> ${state}`);
    this.#enter();
    this.#sync.look();
    this.#history.add({ node: role, kind: state === "fault" ? "fault" : "transition", text: `${before} -> ${state}` });
    this.#primaryAlert.transition(before, state);
    this.#keepalivedCondition();
    if (state === "unknown") void this.#dropOrphans();
  }

  async #announceSwitch(planned: boolean): Promise<void> {
    this.#primaryAlert.handsOver(planned);
    await this.#questions.announce(planned).catch((error: unknown) => {
      this.#host.log(
        "warning",
        `the switchover was not announced: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }

  #converged(situation: Situation, tookMs: number): void {
    const { role, state, term, enabled } = situation;
    const took = Math.round(tookMs);
    this.#host.log("info", `everything in place as ${state} (${postureOf(situation)}) after ${took} ms`);
    // What is put right later (a service that fell, an address that is announced again) is no transition: the log has it.
    const situated = `${term} ${enabled}`;
    if (situated === this.#told) return;
    this.#told = situated;
    this.#history.add({ node: role, kind: "transition", text: `everything in place as ${state}`, tookMs: took });
  }

  #sends(): boolean {
    const { role, enabled, sync } = this.#config;
    return role === "primary" && enabled && sync.enabled && this.#tracker.current.state === "master";
  }

  #tellFailing(): void {
    const lasting = this.#reconciler.failing.filter(({ failures }) => failures >= failuresTold);
    if (lasting.length === 0) this.#conditions.clear("step_failed");
    else
      this.#conditions.raise(
        "step_failed",
        "warning",
        lasting.map(({ id, reason }) => `${id} does not succeed: ${reason}`).join("; "),
      );
  }

  #keepalivedCondition(): void {
    const { state } = this.#tracker.current;
    if (state === "unknown" && this.#config.enabled) {
      this.#conditions.raise(
        "keepalived_not_running",
        "error",
        "keepalived does not run or does not answer: this node cannot take over. Start it: /etc/init.d/keepalived start",
      );
    } else this.#conditions.clear("keepalived_not_running");
  }

  async #drill(): Promise<DrillCheck[]> {
    const { last, lastAt } = this.#sync;
    return this.#questions.drill({
      state: this.#tracker.current.state,
      converged: this.#reconciler.converged,
      lastSync:
        last === undefined || lastAt === undefined ? undefined : { ok: last.ok, status: last.status, at: lastAt },
    });
  }

  #parts(): Parameters<typeof handleAgentRequest>[0] {
    const sources: Sources = {
      host: this.#host,
      config: () => this.#config,
      tracker: this.#tracker,
      reconciler: this.#reconciler,
      conditions: this.#conditions,
      history: this.#history,
      waitingSince: () => (this.#sends() ? this.#sync.waitingSince : undefined),
      appliedAt: () => this.#turns.appliedAt,
    };
    return {
      status: () => agentStatus(sources),
      history: (limit) => this.#questions.history(limit),
      follow: (listener, signal) => this.#history.follow(listener, signal),
      diff: () => this.#questions.diff(),
      drill: () => this.#drill(),
      sync: (progress) => this.#sync.now(progress),
      switchTo: async (to) => {
        const result = await switchOver(
          {
            host: this.#host,
            config: this.#config,
            state: () => this.#tracker.current.state,
            converged: () => this.#reconciler.converged,
            peer: () => this.#questions.facts(),
            announce: (planned) => this.#announceSwitch(planned),
          },
          to,
        );
        this.#history.add({
          node: this.#config.role,
          kind: "switch",
          text: `switched to the ${to}, ${result.outageMs} ms without the VIP`,
          ...(result.convergedMs === undefined ? {} : { tookMs: result.convergedMs }),
        });
        return result;
      },
      changed: () => this.#reread(),
      apply: (id) => this.#turns.apply(id),
      facts: () => nodeFacts(sources),
      held: () => heldEntries(this.#host, this.#config),
      planned: (planned) => this.#primaryAlert.expects(planned),
    };
  }
}

function readMarks(host: Pick<Host, "files">): ReadonlyMap<string, string> {
  try {
    return new Map(
      v.parse(v.array(v.tuple([v.string(), v.string()])), JSON.parse(host.files.readText(marksPath) ?? "[]")),
    );
  } catch {
    return new Map(); // everything is done once more
  }
}
