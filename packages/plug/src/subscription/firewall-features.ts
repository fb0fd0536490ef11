/** Inventory features about firewall rules and traffic filters (test-data/contracts/inventory.json). */
import type { Host } from "@nethsec/host/host";
import type { Section } from "@nethsec/host/uci-store";
import { countOf, feedCounts, on, sectionOf, type Source } from "./inventory-source.ts";

const has = (section: Section, option: string): boolean => (section.get(option) ?? "") !== "";
const directions = {
  forward: (rule: Section): boolean => has(rule, "src") && has(rule, "dest"),
  input: (rule: Section): boolean => has(rule, "src") && !has(rule, "dest"),
  output: (rule: Section): boolean => !has(rule, "src") && has(rule, "dest"),
};

function firewallStats({ uci }: Host): unknown {
  const firewall = uci.read("firewall");
  const [redirects, rules, nat] = [firewall.ofType("redirect"), firewall.ofType("rule"), firewall.ofType("nat")];
  const netmap = uci.read("netmap").ofType("rule");
  const objects = uci.read("objects");
  const target = (name: string): number => nat.filter((rule) => rule.get("target") === name).length;
  const counted = (direction: keyof typeof directions, option?: string): number =>
    rules.filter((rule) => directions[direction](rule) && (option === undefined || has(rule, option))).length;
  const withObject = (list: readonly Section[], option: string): number =>
    list.filter((section) => has(section, option)).length;
  return {
    firewall: {
      port_forward: redirects.length,
      nat: { masquerade: target("MASQUERADE"), snat: target("SNAT"), accept: target("ACCEPT") },
      netmap: {
        source: withObject(netmap, "dest"),
        destination: netmap.filter((rule) => !has(rule, "dest") && has(rule, "src")).length,
      },
      rules: { forward: counted("forward"), input: counted("input"), output: counted("output") },
    },
    objects: {
      domains: objects.ofType("domain").length,
      hosts: objects.ofType("host").length,
      port_forward: {
        allowed_from: withObject(redirects, "ns_src"),
        destination_to: withObject(redirects, "ns_dst"),
      },
      mwan_rules: withObject(uci.read("mwan3").ofType("rule"), "ns_src"),
      rules: {
        forward: counted("forward", "ns_dst"),
        input: counted("input", "ns_src"),
        output: counted("output", "ns_dst"),
      },
    },
  };
}

/** Kind of an mwan3 policy by its members' metrics: all equal "balance", all different "backup"; a single member or any other mix "custom". */
function policyKind(metrics: readonly number[]): "custom" | "balance" | "backup" {
  if (metrics.length === 1) return "custom";
  const different = new Set(metrics).size;
  if (different <= 1) return "balance";
  return different === metrics.length ? "backup" : "custom";
}

function multiwan({ uci }: Host): unknown {
  const mwan3 = uci.read("mwan3");
  const kinds = mwan3
    .ofType("policy")
    .map((policy) => policyKind(policy.list("use_member").map((name) => mwan3.section(name)?.int("metric", 1) ?? 1)));
  const count = (kind: string): number => kinds.filter((each) => each === kind).length;
  return {
    enabled: kinds.length > 0,
    policies: { backup: count("backup"), balance: count("balance"), custom: count("custom") },
    rules: mwan3.ofType("rule").length,
  };
}

function natHelpers({ files }: Host): unknown {
  const count = (files.readText("/etc/modules.d/ns-nathelpers") ?? "").split("\n").filter((line) => line !== "").length;
  return { count, enabled: count > 0 };
}

function snort(host: Host): unknown {
  const section = sectionOf(host, "snort", "snort");
  const queue = sectionOf(host, "snort", "nfq");
  return {
    enabled: section?.bool("enabled", false) ?? false,
    policy: section?.get("ns_policy") ?? "",
    oink_enabled: (section?.get("oinkcode") ?? "") !== "",
    disabled_rules: countOf(section, "ns_disabled_rules"),
    suppressed_rules: countOf(section, "ns_suppress"),
    bypass_src_ipv4: countOf(queue, "bypass_src_v4"),
    bypass_src_ipv6: countOf(queue, "bypass_src_v6"),
    bypass_dst_ipv4: countOf(queue, "bypass_dst_v4"),
    bypass_dst_ipv6: countOf(queue, "bypass_dst_v6"),
  };
}

function threatShield(host: Host): unknown {
  const section = sectionOf(host, "banip", "global");
  return { enabled: on(section, "ban_enabled"), ...feedCounts(section?.list("ban_feed") ?? []) };
}

function adblock(host: Host): unknown {
  const section = sectionOf(host, "adblock", "global");
  return { enabled: on(section, "ts_enabled"), ...feedCounts(section?.list("adb_sources") ?? []) };
}

function dpi(host: Host): unknown {
  const rules = host.uci.read("dpi").ofType("rule");
  return {
    enabled: on(sectionOf(host, "dpi", "config"), "enabled"),
    rules: rules.filter((rule) => on(rule, "enabled")).length,
  };
}

function flashstart(host: Host): unknown {
  const section = sectionOf(host, "flashstart", "global");
  return {
    enabled: on(section, "enabled"),
    bypass: countOf(section, "bypass"),
    pro_plus: section?.bool("proplus", false) ?? false,
    custom_servers: countOf(section, "custom_servers"),
  };
}

/** Reads the section [netifyd] of an INI file. */
function netifyd({ files }: Host): unknown {
  const [, section = ""] = /^\[netifyd\]\s*$([^[]*)/m.exec(files.readText("/etc/netifyd.conf") ?? "") ?? [];
  return { enabled: /^\s*enable_sink\s*[=:]\s*yes\s*$/m.test(section) };
}

const megabits = (text: string | undefined): number => Number(/^(\d+)/.exec(text ?? "")?.[1] ?? 0);

function qos({ uci }: Host): unknown {
  const active = uci
    .read("qosify")
    .ofType("interface")
    .filter((section) => section.get("disabled") === "0");
  return {
    count: active.length,
    rules: active.map((section) => ({
      enabled: true,
      upload: megabits(section.get("bandwidth_up")),
      download: megabits(section.get("bandwidth_down")),
    })),
  };
}

export const firewallFeatures: Readonly<Record<string, Source>> = {
  adblock,
  dpi,
  firewall_stats: firewallStats,
  flashstart,
  multiwan,
  nathelpers: natHelpers,
  netifyd,
  qos,
  snort,
  threat_shield: threatShield,
};
