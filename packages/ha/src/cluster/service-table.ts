/**
 * The services that follow the VRRP state, as data (contract ns-ha 5). Users add or change rows in /etc/config/ns-ha without touching code:
 *
 *   config service 'squid'
 *           option active 'restart'      # restart | reload | none
 *           option passive 'stop'        # stop | none
 *           option synced 'reload'       # reload | restart | none: after a sync that changed one of its files
 *           list files '/etc/squid'      # paths, or folders with all below
 *           list cron 'squid-rotate'     # cron lines with these words follow the service
 *           option process '1'           # it has a process: check whether it is running
 *           option init 'squid'          # init script, when its name differs from the section's
 *
 * A row overrides the options it sets in the built-in row of the same name. Pure.
 */
import type { Package } from "@nethsec/host/uci-store";

export interface ServiceRow {
  /** Init script; rows without one ("phonehome") have cron lines only. */
  readonly name: string;
  readonly active: "restart" | "reload" | "none";
  readonly passive: "stop" | "none";
  readonly synced: "reload" | "restart" | "none";
  readonly files: readonly string[];
  readonly cron: readonly string[];
  /** True: expect a running process when active, and none when passive. */
  readonly process: boolean;
  /** `package.section.option`: the service's own switch. If it is off (with a leading `!`: on), the service is left alone. */
  readonly switches: readonly string[];
  /** While that service is enabled, this one is left alone: both write the same files, and this one refuses to start beside it. */
  readonly yieldsTo: string | undefined;
}

const row = (name: string, rest: Partial<ServiceRow> = {}): ServiceRow => ({
  name,
  active: "restart",
  passive: "stop",
  synced: "none",
  files: [],
  cron: [],
  process: true,
  switches: [],
  yieldsTo: undefined,
  ...rest,
});
const oneShot = { process: false } as const;
const reloaded = (name: string, files: readonly string[]): ServiceRow =>
  row(name, { active: "reload", passive: "none", synced: "reload", files, process: false });
const served = (name: string, files: readonly string[]): ServiceRow =>
  row(name, { passive: "none", synced: "reload", files, process: false });

/** Rows of contract ns-ha 5, in starting order where dependencies leave a choice. */
export const serviceTable: readonly ServiceRow[] = [
  reloaded("firewall", ["/etc/config/firewall", "/etc/firewall.user", "/etc/nftables.d"]),
  row("dnsmasq"),
  row("mwan3"),
  row("openvpn"),
  row("swanctl"),
  row("ns-binding", oneShot),
  row("banip", { switches: ["banip.global.ban_enabled"], process: false }),
  row("dedalo", { switches: ["!dedalo.config.disabled"] }),
  row("flashstart", oneShot),
  row("ddns", oneShot),
  row("adblock", { cron: ["adblock"], switches: ["adblock.global.adb_enabled"], process: false }),
  row("acme", { cron: ["acme"], process: false }),
  row("snort", { cron: ["ns-snort-rules"], switches: ["snort.snort.enabled"] }),
  row("netifyd"),
  row("dpi", oneShot),
  row("dpi-update", { cron: ["dpi-update"], process: false }),
  row("ns-flows"),
  row("ns-stats", oneShot),
  row("dpireport", { cron: ["dpireport-cleanup", "ns-report"], yieldsTo: "ns-stats" }),
  row("snmpd"),
  row("ns-plug", {
    cron: ["send-heartbeat", "send-backup", "send-inventory", "ns-push-reports", "send-alert", "update-packages"],
    process: false,
  }),
  row("phonehome", { active: "none", passive: "none", cron: ["send-phonehome"], process: false }),
  served("nginx", ["/etc/nginx", "/etc/config/nginx", "/etc/acme", "/etc/ssl/acme"]),
  served("ns-ui", ["/etc/config/ns-ui"]),
  reloaded("qosify", ["/etc/config/qosify", "/etc/qosify"]),
  reloaded("ns-netmap", ["/etc/config/netmap"]),
  // A reload drops the calls in flight without an answer: reload only when a file that rpcd reads has changed.
  { ...reloaded("rpcd", ["/etc/config/rpcd", "/usr/share/rpcd/acl.d", "/usr/libexec/rpcd"]), active: "none" },
  reloaded("system", ["/etc/config/system"]),
  reloaded("dropbear", ["/etc/config/dropbear"]),
  reloaded("cron", ["/etc/crontabs"]),
];

/** The built-in table with the rows of package `ns-ha` (undefined: none). A row with an unknown word keeps the built-in behaviour. */
export function readServiceTable(settings: Package | undefined): readonly ServiceRow[] {
  const table = new Map(serviceTable.map((built) => [built.name, built]));
  for (const section of settings?.ofType("service") ?? []) {
    const name = section.get("init") ?? section.name;
    const base = table.get(name) ?? row(name, { ...oneShot });
    table.set(name, {
      name,
      active: word(section.get("active"), ["restart", "reload", "none"], base.active),
      passive: word(section.get("passive"), ["stop", "none"], base.passive),
      synced: word(section.get("synced"), ["reload", "restart", "none"], base.synced),
      files: section.raw("files") === undefined ? base.files : section.list("files"),
      cron: section.raw("cron") === undefined ? base.cron : section.list("cron"),
      process: section.bool("process", base.process),
      switches: base.switches,
      yieldsTo: base.yieldsTo,
    });
  }
  return [...table.values()];
}

function word<const Word extends string>(given: string | undefined, words: readonly Word[], fallback: Word): Word {
  return words.find((candidate) => candidate === given) ?? fallback;
}

/** False when the service's own configuration disables it: nothing starts or stops it then (contract ns-ha 5). */
export function switchedOn(row: ServiceRow, read: (pkg: string) => Package | undefined): boolean {
  return row.switches.every((reference) => {
    const inverted = reference.startsWith("!");
    const [pkg = "", section = "", option = ""] = reference.replace(/^!/, "").split(".");
    const value = read(pkg)?.section(section)?.bool(option, !inverted) ?? !inverted;
    return value !== inverted;
  });
}

/** True when the row's service gives way to another one that starts at boot. `enabled`: whether an init script is there and enabled. */
export function yields(row: ServiceRow, enabled: (name: string) => boolean): boolean {
  return row.yieldsTo !== undefined && enabled(row.yieldsTo);
}

/** The services to reload or restart after a sync that changed `paths`. */
export function servicesOfPaths(
  table: readonly ServiceRow[],
  paths: readonly string[],
): { readonly name: string; readonly action: "reload" | "restart" }[] {
  return table.flatMap(({ name, synced, files }) => {
    if (synced === "none") return [];
    const touched = paths.some((path) => files.some((file) => path === file || path.startsWith(`${file}/`)));
    return touched ? [{ name, action: synced }] : [];
  });
}
