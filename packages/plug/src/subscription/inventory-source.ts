/** Helpers shared by the inventory's sources, each of which reads one part of the inventory. */
import { createHash } from "node:crypto";
import type { Host } from "@nethsec/host/host";
import type { Section } from "@nethsec/host/uci-store";

export type Source = (host: Host) => unknown;

/** A section of a UCI package; undefined when there is none. */
export const sectionOf = ({ uci }: Pick<Host, "uci">, pkg: string, name: string): Section | undefined =>
  uci.read(pkg).section(name);

export const on = (section: Section | undefined, option: string): boolean => section?.get(option) === "1";
export const countOf = (section: Section | undefined, option: string): number => section?.list(option).length ?? 0;

/** Counts feeds by kind; the vendor's own feeds are the enterprise ones (inventory.json: features.adblock, features.threat_shield). */
export function feedCounts(feeds: readonly string[]): { readonly community: number; readonly enterprise: number } {
  const enterprise = feeds.filter((feed) => /^(nethesis|yoroi)/.test(feed)).length;
  return { community: feeds.length - enterprise, enterprise };
}

/** Without a subscription, addresses leave the machine only as digests (inventory.json: anonymised). */
export function anonymise({ uci }: Pick<Host, "uci">, value: string): string {
  if (uci.read("ns-plug").get("config", "type") !== undefined) return value;
  return `anon-${createHash("sha256").update(value).digest("hex").slice(0, 16)}`;
}
