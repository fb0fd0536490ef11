/** The reconciler's steps that netifd performs: an interface up or down, routes on or off. */
import { NethsecError } from "@nethsec/host/error";
import type { Host, NetworkInterface } from "@nethsec/host/host";
import { asWanted, netifdReason } from "./netifd-errors.ts";

/** Enough for a static address; DHCP and PPPoE may take longer, a later pass of the reconciler checks them. */
const upTimeoutMs = 2000;
const pollMs = 50;
const reloadTimeoutMs = 30_000;

export class NetworkSteps {
  readonly #host: Pick<Host, "net" | "uci" | "services" | "clock">;
  #reloading: Promise<unknown> = Promise.resolve();
  #nextReload: Promise<void> | undefined;

  constructor(host: Pick<Host, "net" | "uci" | "services" | "clock">) {
    this.#host = host;
  }

  /** The interfaces of netifd; those whose configured protocol has no handler count as down (see `asWanted`). */
  async interfaces(): Promise<NetworkInterface[]> {
    const network = this.#host.uci.read("network");
    return (await this.#host.net.interfaces()).map((found) => asWanted(found, network.get(found.name, "proto")));
  }

  /** undefined: netifd does not know it. */
  async interface(name: string): Promise<NetworkInterface | undefined> {
    return (await this.interfaces()).find((found) => found.name === name);
  }

  /** Throws `interface_not_switched`, with netifd's reason, when the interface has not switched after `upTimeoutMs`. */
  async switchInterface(name: string, up: boolean, signal: AbortSignal): Promise<void> {
    const { net, uci, clock } = this.#host;
    await (up ? net.ifup(name) : net.ifdown(name));
    const end = clock.monotonic() + upTimeoutMs;
    let found = await this.interface(name);
    while (found?.up !== up && clock.monotonic() < end) {
      await clock.sleep(pollMs, signal);
      found = await this.interface(name);
    }
    if (found?.up === up || (up && uci.read("network").get(name, "proto") === "none")) return;
    const reason = up && found !== undefined ? netifdReason(found) : "";
    const message = `${name} is not ${up ? "up" : "down"} yet${reason}`;
    throw new NethsecError({ code: "interface_not_switched", message });
  }

  /** Enables or disables the routes imported from the primary (ns_tag ha); without `name` those of all interfaces. */
  async switchRoutes(enabled: boolean, name: string | undefined): Promise<void> {
    this.#host.uci.change((transaction) => {
      for (const section of transaction.load("network").sections) {
        if (!/^route6?$/.test(section.type) || section.get("ns_tag") !== "ha") continue;
        if (section.bool("ns_disabled", false) || (name !== undefined && (section.get("interface") ?? "") !== name))
          continue;
        transaction.set("network", section.name, "disabled", enabled ? "0" : "1");
      }
    });
    await this.#reload();
  }

  /** netifd reads routes only at a reload. The reload starts after this call; calls made while one is running share the next. */
  #reload(): Promise<void> {
    this.#nextReload ??= this.#reloading.then(() => {
      this.#nextReload = undefined;
      const reload = this.#host.services.call("network", "reload", { timeoutMs: reloadTimeoutMs });
      this.#reloading = reload.catch(() => undefined);
      return reload;
    });
    return this.#nextReload;
  }
}
