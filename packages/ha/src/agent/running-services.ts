/**
 * Which services have a running process: one procd query for all of them, shared by concurrent callers.
 * Invariants: an answer is never older than the call; a service that has nothing to run (no instance: an OpenVPN without a tunnel) is
 * neither running nor failed, unless it was seen running before.
 */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";

const listSchema = v.record(
  v.string(),
  v.object({ instances: v.optional(v.record(v.string(), v.object({ running: v.optional(v.boolean()) })), {}) }),
);

/** Parses `ubus call service list`: for each service with an instance, whether one is running. undefined: not understood. Pure. */
export function parseServiceList(text: string): Map<string, boolean> | undefined {
  try {
    const services = Object.entries(v.parse(listSchema, JSON.parse(text)));
    const known = services.filter(([, { instances }]) => Object.keys(instances).length > 0);
    return new Map(
      known.map(([name, { instances }]) => [name, Object.values(instances).some(({ running }) => running === true)]),
    );
  } catch {
    return undefined;
  }
}

export class RunningServices {
  readonly #host: Pick<Host, "run" | "services">;
  readonly #seen = new Set<string>();
  #asking: Promise<unknown> = Promise.resolve();
  #next: Promise<ReadonlyMap<string, boolean> | undefined> | undefined;

  constructor(host: Pick<Host, "run" | "services">) {
    this.#host = host;
  }

  /** By name; missing: the service has nothing to run. */
  async look(names: readonly string[]): Promise<Map<string, boolean>> {
    const known = await this.#list();
    const found = new Map<string, boolean>();
    for (const name of names) {
      const running = known === undefined ? await this.#host.services.running(name) : known.get(name);
      if (running === true) this.#seen.add(name);
      if (running !== undefined) found.set(name, running);
      else if (this.#seen.has(name)) found.set(name, false);
    }
    return found;
  }

  /** To be called when a service is stopped on purpose, so that it does not count as failed. */
  forget(name: string): void {
    this.#seen.delete(name);
  }

  /** The query starts after this call; calls made while one is running share the next. */
  #list(): Promise<ReadonlyMap<string, boolean> | undefined> {
    this.#next ??= this.#asking.then(() => {
      this.#next = undefined;
      const question = this.#ask();
      this.#asking = question.catch(() => undefined);
      return question;
    });
    return this.#next;
  }

  async #ask(): Promise<ReadonlyMap<string, boolean> | undefined> {
    const { code, stdout } = await this.#host.run(["ubus", "call", "service", "list"], { timeoutMs: 5000, ok: "any" });
    return code === 0 ? parseServiceList(stdout) : undefined;
  }
}
