/** `watch-uplink`: which WANs let the site move when they are dead. /etc/config/ns-ha is synchronised, so the backup gets it by itself. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { onPrimary } from "../cluster/on-primary.ts";
import { watchedUplinks, watchUplink } from "../cluster/uplinks.ts";
import { wanNetworks } from "../cluster/wan-zone.ts";
import { argument, asTyped, succeed } from "./answer.ts";

export function run(call: Call): number {
  const { uci } = call.host;
  const [name, what] = [argument(call, "interface"), argument(call, "what")];
  if (what !== "on" && what !== "off") throw new UsageError(`"${what}" is neither on nor off`);
  onPrimary(call.host, asTyped(call, `watch-uplink ${name} ${what}`));
  const wans = wanNetworks(uci.read("firewall"));
  if (what === "on" && !wans.includes(name))
    throw new NethsecError({
      code: "not_a_wan",
      message: `${name} is not an interface of the firewall's zone wan.`,
      advice: wans.length === 0 ? "That zone has no interfaces." : `Its interfaces: ${wans.join(", ")}`,
    });
  uci.change((tx) => watchUplink(tx, name, what === "on"));
  const watched = watchedUplinks(uci);
  return succeed(call, sentences(name, what === "on", watched, followed(call, name)), { watched });
}

function sentences(name: string, on: boolean, watched: readonly string[], isFollowed: boolean): readonly string[] {
  const first = on ? `${name} is watched.` : `${name} is not watched any more.`;
  const all =
    watched.length === 0
      ? "No WAN is watched: the site never moves because of its uplinks."
      : `The site moves to the other node when all watched WANs are dead: ${watched.join(", ")}.`;
  const missing = `mwan3 does not follow ${name}, so it never counts as dead, and the site never moves. Enable it in /etc/config/mwan3, with track_ip.`;
  return [first, all, ...(on && !isFollowed ? [missing] : [])];
}

/** mwan3 follows interfaces with `enabled` and at least one `track_ip` (OpenWrt's documentation of mwan3: interface configuration). */
function followed({ host }: Call, name: string): boolean {
  const section = host.uci.read("mwan3").section(name);
  return section?.type === "interface" && section.bool("enabled", false) && section.list("track_ip").length > 0;
}
