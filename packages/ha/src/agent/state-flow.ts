/**
 * State files (cluster/state-files.ts) flow from the node that carries the site to the other. Towards the backup they travel with each
 * synchronisation; this part fetches them back to the primary, and marks a backup that carried the site.
 *
 * A returning primary fetches the state before it is master: keepalived starts with a priority below the backup's (`hold` in the tracked file, see
 * render-keepalived.ts), so it becomes master at once when no other node is, but does not preempt a backup that carries the site. This part
 * fetches, then lifts the hold. Once master, it fetches a last time before the services start that read the state.
 *
 * Invariants: a hold is lifted after `holdMaxMs` at the latest, whatever the link does; nothing is sent to the backup before its state was fetched
 * (`beforeSend`), so that a synchronisation never overwrites state that only the backup has.
 */
import { NethsecError } from "@nethsec/host/error";
import { markCarried } from "../cluster/carried.ts";
import { haPaths } from "../cluster/config.ts";
import { enabledServices } from "../cluster/enabled-services.ts";
import { hold } from "../cluster/tracked-priority.ts";
import { concernedServices, fetchState, placeState } from "../sync/fetch-state.ts";
import type { ReceivedState } from "../sync/state-stream.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart, StateChange } from "./agent-part.ts";

/** Exists while this primary is master and has fetched the backup's state; gone after a reboot. */
const fetchedPath = "/var/run/ns-ha/state-fetched";
/** How often a primary on standby fetches the state, e.g. new leases. */
const fetchEveryMs = 10_000;
const fetchTimeoutMs = 8000;
/** Limit of the hold, for a backup that answers VRRP but not SSH. */
const holdMaxMs = 20_000;
/** How long the services that read the state wait for it when this node becomes master. */
const finalTimeoutMs = 4000;
const condition = "state_not_fetched";

type StateFlowNode = Pick<AgentNode, "host" | "config" | "state" | "conditions" | "life">;

export class StateFlow implements AgentPart {
  readonly #node: StateFlowNode;
  /** Monotonic. */
  #heldSince: number | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #turn: Promise<unknown> = Promise.resolve();
  /** Aborts a fetch that was begun on standby, when a last fetch takes its place. */
  #standby = new AbortController();

  constructor(node: StateFlowNode) {
    this.#node = node;
  }

  readonly tick = { everyMs: 1000, firstMs: 0, run: (): Promise<void> => this.#look() };

  onState({ before, state }: StateChange): void {
    const { host, config } = this.#node;
    if (config.role === "backup") {
      if (state === "master") markCarried(host);
      return;
    }
    if (state === "master") return this.#lift();
    host.files.remove(fetchedPath);
    // From now on the backup may carry the site. During a switchover the file holds another value: leave it.
    if (before === "master" && this.#priority() === 0) this.#write(hold);
  }

  /** True while the backup may have state that this primary has not fetched. */
  get #owed(): boolean {
    return this.#node.config.role === "primary" && !this.#node.host.files.exists(fetchedPath);
  }

  /** Fetches the state periodically on standby, and at once under a hold, which is lifted afterwards. */
  async #look(): Promise<void> {
    const { host, config, state } = this.#node;
    if (config.role === "backup") {
      // The agent was started while the node was master already.
      if (state === "master" && config.enabled) markCarried(host);
      return;
    }
    if (state === "master") return this.#lift();
    if (state !== "backup" || !config.enabled) return;
    const holding = this.#priority() === hold;
    const now = host.clock.monotonic();
    if (holding) this.#heldSince ??= now;
    if (!holding && now - this.#fetchedAt < fetchEveryMs) return;
    this.#fetchedAt = now;
    try {
      this.#standby = new AbortController();
      const signal = AbortSignal.any([this.#standby.signal, AbortSignal.timeout(fetchTimeoutMs)]);
      await this.#inTurn(async () => this.#place(await this.#fetch(false, signal)));
      this.#node.conditions.clear(condition);
      if (holding) this.#lift();
    } catch (error) {
      const late = this.#heldSince !== undefined && host.clock.monotonic() - this.#heldSince > holdMaxMs;
      if (!holding || !late) return;
      this.#tell(error);
      this.#lift();
    }
  }

  /** The reconciler's step `take-state`: a last fetch, short and never failing (unless aborted), since services wait for it. */
  async take(signal: AbortSignal): Promise<void> {
    if (!this.#owed) return;
    this.#standby.abort(new Error("this node became master"));
    try {
      await this.#inTurn(async () => {
        if (!(await this.#peerAnswers(signal))) return;
        const timeout = AbortSignal.any([signal, AbortSignal.timeout(finalTimeoutMs)]);
        this.#place(await this.#fetch(true, timeout));
        this.#fetched();
      });
    } catch (error) {
      signal.throwIfAborted();
      this.#tell(error);
    }
  }

  /**
   * Fetches before anything is sent. Throws the link's errors: then nothing is sent. At this point the services are running: those that read
   * the state are restarted; dnsmasq is stopped first, since it would overwrite the fetched leases with its own.
   */
  async beforeSend(signal: AbortSignal): Promise<void> {
    if (!this.#owed) return;
    await this.#inTurn(async () => {
      const received = await this.#fetch(true, AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]));
      const { host } = this.#node;
      const enabled = enabledServices(host.files);
      const names = concernedServices(host, received).filter((name) => host.services.exists(name) && enabled(name));
      const restarted = received.carried ? names : [];
      for (const name of restarted.filter((each) => each === "dnsmasq"))
        await host.services.call(name, "stop", { timeoutMs: 15_000 });
      try {
        this.#place(received);
      } finally {
        for (const name of restarted) await host.services.call(name, "restart", { timeoutMs: 60_000 });
      }
      this.#fetched();
    });
  }

  async #fetch(final: boolean, signal: AbortSignal): Promise<ReceivedState> {
    const { host, config } = this.#node;
    try {
      return await fetchState(host, config, { final, signal });
    } catch (error) {
      // A backup of an older version cannot offer its state: failing here would block every synchronisation.
      if (!(error instanceof NethsecError) || error.code !== "state_not_offered") throw error;
      host.log("warning", error.message);
      return { carried: false, entries: [], skipped: [] };
    }
  }

  #place(received: ReceivedState): void {
    const { host, config } = this.#node;
    const changed = placeState(host, config, received);
    if (changed.length > 0) host.log("info", `taken from the backup node: ${changed.join(" ")}`);
  }

  #fetched(): void {
    const { host, state, config, conditions } = this.#node;
    conditions.clear(condition);
    if (state === "master" || !config.enabled) host.files.write(fetchedPath, "", { mode: 0o600 });
  }

  #tell(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (this.#node.conditions.raise(condition, "warning", text)) this.#node.host.log("warning", text);
  }

  /** Serialises fetches: they share one receive directory. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #peerAnswers(signal: AbortSignal): Promise<boolean> {
    const { host, config } = this.#node;
    const argv = ["ping", "-c", "1", "-W", "1", config.peer.address] as const;
    return host.run(argv, { timeoutMs: 2000, ok: "any", signal }).then(({ code }) => code === 0);
  }

  #priority(): number {
    return Number(this.#node.host.files.readText(haPaths.priorityFile)?.trim() ?? "0");
  }

  #write(value: number): void {
    this.#node.host.files.write(haPaths.priorityFile, `${value}\n`, { mode: 0o644 });
  }

  #lift(): void {
    this.#heldSince = undefined;
    if (this.#priority() !== hold) return;
    this.#write(0);
    this.#node.host.log("info", "nothing keeps this node from being master any more");
  }
}
