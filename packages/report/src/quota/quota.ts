/** Quotas as configured: sections `quota` of /etc/config/ns-report. Pure. */
import type { Section, UciStore } from "@nethsec/host/uci-store";
import { clientGroupsOf, type ClientGroup } from "../groups/client-groups.ts";
import { readClientSet, type ClientSet, type SubnetsOf } from "../groups/client-set.ts";
import { readNetworks, subnetsIn } from "../groups/networks.ts";

export interface Quota {
  /** Name of the section; part of the alerts' names. */
  readonly name: string;
  readonly title: string;
  /** Whose traffic counts. */
  readonly has: ClientSet["has"];
  /** Bytes a cycle; 1 GB is 10^9 bytes, as on a provider's bill. */
  readonly bytes: number;
  /** Day of the month on which the cycle begins, 1 to 28. */
  readonly cycle: number;
  /** Percent of `bytes` at which it warns, rising; the last is 100. */
  readonly levels: readonly number[];
}

export interface Quotas {
  readonly quotas: readonly Quota[];
  /** Sentences about sections that cannot be used. */
  readonly troubles: readonly string[];
}

const gigabyte = 1e9;

export function readQuotas(uci: Pick<UciStore, "read">): Quotas {
  const subnetsOf = subnetsIn(readNetworks(uci.read("network"), uci.read("firewall")));
  const { groups } = clientGroupsOf(uci);
  const sections = uci.read("ns-report").ofType("quota");
  const found = sections.map((section) => readQuota(section, groups, subnetsOf));
  return {
    quotas: found.filter((one) => typeof one !== "string"),
    troubles: found.filter((one) => typeof one === "string"),
  };
}

/** A string: why the section cannot be used. */
function readQuota(section: Section, groups: readonly ClientGroup[], subnetsOf: SubnetsOf): Quota | string {
  const { name } = section;
  const trouble = (text: string): string => `ns-report.${name}: ${text}. This quota is not watched.`;
  if (section.anonymous || !/^[A-Za-z0-9_]{1,32}$/.test(name))
    return trouble("a quota needs a name of letters, digits and _");
  const own = readClientSet(section, subnetsOf);
  if (typeof own === "string") return trouble(own);
  const sets: ClientSet[] = own === undefined ? [] : [own];
  for (const group of section.list("group")) {
    const found = groups.find((one) => one.name === group);
    if (found === undefined) return trouble(`there is no group "${group}"`);
    sets.push(found);
  }
  if (sets.length === 0)
    return trouble("it has neither a client, a device, a subnet, an interface, a zone nor a group");
  const gigabytes = Number(section.get("gigabytes") ?? "");
  if (!(gigabytes > 0 && gigabytes < 1e6)) return trouble("gigabytes is no number above 0");
  const cycle = Number(section.get("cycle") ?? "1");
  if (!Number.isInteger(cycle) || cycle < 1 || cycle > 28) return trouble("cycle is no day from 1 to 28");
  const warn = (section.list("warn").length === 0 ? ["80"] : section.list("warn")).map(Number);
  if (warn.some((percent) => !Number.isInteger(percent) || percent < 1 || percent > 99))
    return trouble("warn is no percentage from 1 to 99");
  return {
    name,
    title: section.get("title") ?? name,
    has: (address, device) => sets.some((set) => set.has(address, device)),
    bytes: gigabytes * gigabyte,
    cycle,
    levels: [...new Set(warn)].toSorted((a, b) => a - b).concat(100),
  };
}
