/**
 * The hotspot's MAC address: clients and the controller know it, so the active backup node uses the primary's on the same device and restores its
 * own afterwards (documentation: "To ensure hotspot functionality").
 * Invariant: the device's own address is saved before it is changed, so that it can be restored after the agent was killed.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";

const originalPath = (device: string): string => `/var/run/ns-ha/mac-${device}`;
const devicePattern = /^[A-Za-z0-9_.-]{1,15}$/;

export class HotspotMac {
  readonly #host: Pick<Host, "files" | "net" | "run">;
  constructor(host: Pick<Host, "files" | "net" | "run">) {
    this.#host = host;
  }

  /** undefined: there is no such device on this node. */
  async observe(device: string): Promise<{ now: string; original: string | undefined } | undefined> {
    if (!devicePattern.test(device)) return undefined;
    const found = (await this.#host.net.addresses()).find((each) => each.device === device);
    if (found === undefined) return undefined;
    return { now: found.mac, original: this.#host.files.readText(originalPath(device))?.trim() };
  }

  /** `original`: `mac` is the device's own address, being restored. */
  async set(device: string, mac: string, original: boolean): Promise<void> {
    const { files, run } = this.#host;
    const before = await this.observe(device);
    if (before === undefined)
      throw new NethsecError({ code: "no_such_device", message: `there is no device ${device} for the hotspot` });
    if (!original && before.original === undefined) files.write(originalPath(device), `${before.now}\n`);
    const link = (...words: string[]) =>
      run(["ip", "link", "set", "dev", device, ...words], { timeoutMs: 5000, ok: "any" });
    const live = await link("address", mac);
    if (live.code !== 0) {
      // Some drivers change it only while the device is down.
      await link("down");
      const { code, stderr } = await link("address", mac);
      await link("up");
      if (code !== 0)
        throw new NethsecError({
          code: "mac_not_set",
          message: `the MAC address of ${device} cannot be set: ${stderr.trim()}`,
        });
    }
    if (original) files.remove(originalPath(device));
  }
}
