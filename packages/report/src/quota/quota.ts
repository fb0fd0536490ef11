/** Quotas as configured: sections `quota` of /etc/config/ns-report. Pure. */
import { BlockList } from "node:net";
import type { Package, Section } from "@nethsec/host/uci-store";
import { isAddress } from "../store/client-address.ts";

export interface Quota {
  /** Name of the section; part of the alerts' names. */
  readonly name: string;
  readonly title: string;
  /** Whether an address counts. */
  readonly counts: (address: string) => boolean;
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

export function readQuotas(pkg: Package): Quotas {
  const found = pkg.ofType("quota").map((section) => readQuota(section));
  return {
    quotas: found.filter((one) => typeof one !== "string"),
    troubles: found.filter((one) => typeof one === "string"),
  };
}

/** A string: why the section cannot be used. */
function readQuota(section: Section): Quota | string {
  const { name } = section;
  const trouble = (text: string): string => `ns-report.${name}: ${text}. This quota is not watched.`;
  if (section.anonymous || !/^[A-Za-z0-9_]{1,32}$/.test(name))
    return trouble("a quota needs a name of letters, digits and _");
  const list = new BlockList();
  const clients = section.list("client");
  for (const client of clients) {
    if (!isAddress(client)) return trouble(`"${client}" is no address`);
    list.addAddress(client, family(client));
  }
  const subnets = section.list("subnet");
  for (const text of subnets) {
    const [address = "", prefix = ""] = text.split("/");
    const most = address.includes(":") ? 128 : 32;
    if (!isAddress(address) || !/^\d{1,3}$/.test(prefix) || Number(prefix) > most)
      return trouble(`"${text}" is no subnet such as 192.168.30.0/24`);
    list.addSubnet(address, Number(prefix), family(address));
  }
  if (clients.length + subnets.length === 0) return trouble("it has neither a client nor a subnet");
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
    counts: (address) => list.check(address, family(address)),
    bytes: gigabytes * gigabyte,
    cycle,
    levels: [...new Set(warn)].toSorted((a, b) => a - b).concat(100),
  };
}

const family = (address: string): "ipv4" | "ipv6" => (address.includes(":") ? "ipv6" : "ipv4");
