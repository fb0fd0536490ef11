/**
 * `ha:sync:failed` and `ha:primary:failed` (contract ns-ha 6), through the same `send-alert` as every other alert.
 * Invariants: never twice for one state, also across a restart of the agent; an alert that cannot be handed to `send-alert` is retried;
 * when nobody gets alerts nothing is sent, and alerts still pending when there is a receiver are sent then.
 */
import { backoffMs } from "@nethsec/host/backoff";
import { Doorbell } from "@nethsec/host/doorbell";
import type { Host } from "@nethsec/host/host";
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";

export type AlertId = "ha:sync:failed" | "ha:primary:failed";
export type AlertStatus = "FAILURE" | "OK";

export const alertsPath = "/etc/ns-ha/alerts.json";
const retry = { firstMs: 5000, longestMs: 300_000 };

const stateOptions: Readonly<Record<AlertId, Readonly<Record<AlertStatus, string>>>> = {
  "ha:primary:failed": { FAILURE: "primary_failed_at", OK: "primary_recovered_at" },
  "ha:sync:failed": { FAILURE: "sync_failed_at", OK: "sync_recovered_at" },
};

const storeSchema = v.record(v.string(), v.object({ status: v.picklist(["FAILURE", "OK"]), delivered: v.boolean() }));
type Store = v.InferOutput<typeof storeSchema>;

export class Alerts {
  readonly #host: Pick<Host, "files" | "run" | "uci" | "clock" | "log">;
  #failures = 0;
  /** Alerts handed to `send-alert` that it could not send to everybody, with their status. */
  readonly #tried = new Map<string, AlertStatus>();
  readonly #doorbell = new Doorbell();

  constructor(host: Pick<Host, "files" | "run" | "uci" | "clock" | "log">) {
    this.#host = host;
  }

  /** Sets the current status of an alert. Skips an initial OK, and an OK for a failure that was never delivered because nobody got alerts. */
  set(id: AlertId, status: AlertStatus): void {
    const store = this.#read();
    const before = store[id];
    if (before?.status === status) return;
    this.#note(id, status);
    const untold = before === undefined || (!before.delivered && !hasReceivers(this.#host));
    this.#write({ ...store, [id]: { status, delivered: status === "OK" && untold } });
    this.#doorbell.ring();
  }

  /** Records the time in /var/state, where telegraf of the images after 8.7.2 reads events of a pair (test-data/contracts/commands.json, state_and_files). */
  #note(id: AlertId, status: AlertStatus): void {
    const seconds = String(Math.floor(this.#host.clock.now() / 1000));
    try {
      this.#host.uci.setState("keepalived", "ha_alert", stateOptions[id][status], seconds, "state");
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
      this.#host.log("warning", `the time of ${id} ${status} cannot be kept in /var/state: ${error.message}`);
    }
  }

  /** Records a status that the other node reports itself, so that this node can report its end. */
  remember(id: AlertId, status: AlertStatus): void {
    const store = this.#read();
    if (store[id] !== undefined || status === "OK") this.#write({ ...store, [id]: { status, delivered: true } });
  }

  get pending(): readonly string[] {
    return Object.entries(this.#read()).flatMap(([id, { delivered }]) => (delivered ? [] : [id]));
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#doorbell.clear();
      await this.#doorbell.wait(this.#host.clock, await this.#deliver(signal), signal);
    }
  }

  /**
   * Hands pending alerts to `send-alert`; returns milliseconds until the next try. One that waits for a receiver holds up no other: the receivers of
   * the other may be different ones.
   */
  async #deliver(signal: AbortSignal): Promise<number> {
    if (!hasReceivers(this.#host)) return retry.longestMs;
    let waits = 0;
    for (const id of this.pending) {
      const { status } = this.#read()[id] ?? {};
      if (status === undefined) continue;
      try {
        // `--again`: the other node may have sent this alert in between, so the status that this node sent last is no reason to skip it. Not on a
        // retry: after exit 1 (queued) `send-alert` knows whether cron has delivered it meanwhile.
        const again = this.#tried.get(id) === status ? [] : ["--again"];
        this.#tried.set(id, status);
        await this.#host.run(["send-alert", ...again, id, status], { timeoutMs: 60_000, signal });
      } catch (error) {
        if (signal.aborted) return 0;
        waits += 1;
        if (this.#failures === 0) this.#host.log("warning", `alert ${id} ${status} waits: ${messageOf(error)}`);
        continue;
      }
      this.#tried.delete(id);
      const store = this.#read();
      if (store[id]?.status === status) this.#write({ ...store, [id]: { status, delivered: true } });
      else return 0; // changed while it was sent
    }
    this.#failures = waits === 0 ? 0 : this.#failures + 1;
    return waits === 0 ? retry.longestMs : backoffMs(this.#failures, retry);
  }

  #read(): Store {
    try {
      return v.parse(storeSchema, JSON.parse(this.#host.files.readText(alertsPath) ?? "{}"));
    } catch {
      return {}; // damaged: at worst one alert is repeated
    }
  }

  #write(store: Store): void {
    this.#host.files.write(alertsPath, JSON.stringify(store), { mode: 0o600 });
  }
}

/** True when somebody gets alerts: the portal (system id and secret are configured), a mail address or a webhook (ns-plug.alerts). */
export function hasReceivers(host: Pick<Host, "uci">): boolean {
  const pkg = host.uci.load("ns-plug");
  const config = pkg?.section("config");
  const alerts = pkg?.section("alerts");
  const set = (value: string | undefined): boolean => value !== undefined && value !== "";
  return (
    [config?.get("system_id"), config?.get("secret")].every(set) ||
    (alerts?.list("mail") ?? []).length > 0 ||
    set(alerts?.get("webhook_url"))
  );
}
