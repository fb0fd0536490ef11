/**
 * Compatibility with the packages that ours replace: maps each name that the released ns-plug, ns-ha and ns-report install, or that other programs
 * use according to commands.json, to its place in ours. Fails for a name missing here and for a place that our packages do not install.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commandsByService } from "../../packages/cli/src/commands.ts";

const checkout = dirname(dirname(import.meta.dirname));
interface Named {
  readonly file?: string;
  readonly path?: string;
}
interface Contract {
  readonly commands: readonly (Named & { readonly owner: string })[];
  readonly hooks: readonly (Named & { readonly by?: string })[];
  readonly uci_defaults: readonly Named[];
  readonly init: readonly Named[];
}
const contract: Contract = JSON.parse(readFileSync(join(checkout, "test-data/contracts/commands.json"), "utf8"));

const lines = (name: string): readonly string[] =>
  readFileSync(join(checkout, "packaging/openwrt/packages", name, "files"), "utf8")
    .split("\n")
    .filter(Boolean);
/** Every path that our packages install: files, and links to the executable. */
const ours = new Set([
  ...["ns-plug", "ns-ha", "ns-report"].flatMap(lines).map((file) => `/${file}`),
  ...[...commandsByService.values()].flat().map((command) => command.path ?? `/usr/sbin/${command.name}`),
]);

/** "same": same path in ours; a path: the path in ours; a sentence: the replacement. */
const where: Readonly<Record<string, string>> = {
  // ns-plug 8.7.2: package files
  "/usr/sbin/ns-plug": "same",
  "/usr/sbin/distfeed-setup": "same",
  "/usr/sbin/remote-backup": "same",
  "/usr/sbin/send-backup": "same",
  "/usr/sbin/send-heartbeat": "same",
  "/usr/sbin/send-inventory": "same",
  "/usr/sbin/register": "same",
  "/usr/sbin/unregister": "same",
  "/usr/sbin/subscription-info": "same",
  "/usr/sbin/update-packages": "same",
  "/usr/sbin/inventory": "same",
  "/usr/bin/ns-download": "same",
  "/usr/bin/ns-push-reports": "same",
  "/usr/sbin/ns-controller-push-info": "same",
  "/usr/libexec/backup-encryption-alert": "same",
  "/usr/libexec/ns-plug/mwan-hooks": "same",
  "/usr/libexec/mwan-hooks/send-mwan-alert": "same",
  "/etc/init.d/ns-plug": "same",
  "/etc/init.d/send-inventory": "same",
  "/etc/config/ns-plug": "same",
  "/lib/upgrade/keep.d/ns-plug": "same",
  "/etc/netdata/health_alarm_notify.conf": "/etc/uci-defaults/40_ns-plug-netdata",
  "/usr/libexec/ns-plug/40_ns-plug_automatic_updates, 40_ns-plug_mwan_hooks":
    "its postinst ran them; ours edits both files itself",
  "/usr/share/ns-plug/hooks/register/60enable_automatic_updates": "same",
  "/usr/share/ns-plug/hooks/unregister/60disable_automatic_updates": "same",
  "/usr/share/ns-plug/hooks/register/70netadata_enable_alerts": "same",
  "/usr/share/ns-plug/hooks/unregister/70netadata_disable_alerts": "same",
  "20_ns-plug": "/etc/uci-defaults/20_ns-plug",
  "30_ns-plug_alerts": "/etc/uci-defaults/30_ns-plug_alerts",
  "40_ns-plug_automatic_updates": "/etc/uci-defaults/40_ns-plug_automatic_updates",
  "40_ns-plug_mwan_hooks": "/etc/uci-defaults/40_ns-plug-mwan-hooks",
  "rsyslog-fixup": "/etc/uci-defaults/40_ns-plug-rsyslog",
  // On the main branch only.
  "/usr/sbin/ns-controller-telegraf-down": "the tunnel's client removes the file itself when the tunnel ends",
  "/usr/sbin/ns-plug-alert-proxy": "same",
  "/etc/init.d/ns-plug-alert-proxy": "same",
  "99_ns-plug-netdata-cleanup": "its prerm removes what it wrote for netdata",
  // ns-ha
  "/usr/sbin/ns-ha-config": "same",
  "/usr/libexec/ns-ha-enable": "same",
  "/usr/libexec/ns-ha-disable":
    "the agent takes down what a node that is not master must not run; only the older hotplug scripts called it",
  "/usr/libexec/ns-ha-import": "same",
  "/usr/libexec/ns-ha-export": "same",
  "/usr/libexec/ns-rsync.sh": "same",
  "/usr/libexec/conntrackd.sh":
    "the agent renders conntrackd's configuration and tells it of transitions (ns-ha render)",
  "99-ns-ha-tmpfs": "the synchronised folder is in memory from the start",
  // ns-report
  "/usr/bin/dpireport": "/usr/sbin/dpireport",
  "/usr/bin/dpireport-cleanup": "/usr/sbin/dpireport-cleanup",
  "/etc/init.d/dpireport": "same",
  "20_ns-report": "/etc/uci-defaults/41_ns-report-cron",
  "99-ns-stats (package ns-monitoring)": "another package's: it stops the service dpireport (docs/migration.md)",
};

/** Expands "/a/{b,c}" and "/a/b, c" to single paths. */
function singles(name: string): readonly string[] {
  if (name in where) return [name];
  return name
    .split(", ")
    .map((part) => part.replace(/ .*/, ""))
    .map((part, _, [first = ""]) =>
      part.startsWith("/")
        ? part
        : part.includes("/")
          ? `${first.replace(/\/(un)?register\/.*/, "")}/${part}`
          : `${dirname(first)}/${part}`,
    );
}

test("everything that the released packages have is at the same place, or the table says where", () => {
  const named = [
    ...contract.commands.filter(({ owner }) => /^ns-(plug|ha|report)$/.test(owner)).map(({ path = "" }) => path),
    ...contract.hooks.filter(({ by }) => by === "ns-plug").map(({ file = "" }) => file),
    ...contract.uci_defaults.map(({ file = "" }) => file),
    ...contract.init.map(({ file = "" }) => file),
  ].flatMap(singles);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((name) => where[name] === undefined)).toEqual([]);
});

test("each place in the table is one that our packages install", () => {
  const lost = Object.entries(where).filter(([name, place]) => {
    if (place === "same") return !ours.has(name);
    return place.startsWith("/") && !ours.has(place);
  });
  expect(lost).toEqual([]);
  for (const file of ["ns-plug", "ns-ha", "ns-report"].flatMap(lines))
    expect(existsSync(join(checkout, "system/openwrt", file))).toBe(true);
});
