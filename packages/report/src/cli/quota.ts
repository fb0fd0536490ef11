/** `ns-report quota`: how much of each quota is used in its cycle; with `--check`, what cron runs. */
import type { Call } from "@nethsec/host/command/command";
import { table } from "@nethsec/host/command/table";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { formatBytes } from "@nethsec/host/units";
import { readQuotas } from "../quota/quota.ts";
import { percentText, tellQuotas, writeChecked } from "../quota/quota-check.ts";
import { type QuotaUse, quotaUses } from "../quota/quota-use.ts";
import { openStore } from "../store/open-store.ts";

export async function run(call: Call): Promise<number> {
  const { host, io, json } = call;
  const { quotas, troubles } = readQuotas(host.uci);
  const uses = quotaUses(openStore(call), quotas);
  if (call.options["check"] === true) {
    for (const trouble of troubles) host.log("warning", trouble);
    writeChecked(host, uses);
    // Without ns-plug (the package for Debian) there are no alerts; pages and metrics tell it.
    if (!host.files.exists("/usr/sbin/send-alert")) return 0;
    return (await tellQuotas(host, uses)).length === 0 ? 0 : 1;
  }
  if (json) {
    const rows = uses.map(({ levels, reached, clients, ...use }) => ({
      ...use,
      warn: levels.slice(0, -1),
      reached: reached ?? null,
      clients: clients.map(({ id, bytes }) => ({ client: id, bytes })),
    }));
    io.out(`${JSON.stringify({ quotas: rows, troubles })}\n`);
    return 0;
  }
  if (troubles.length > 0) io.err(textOfLines(troubles));
  if (uses.length === 0) io.out(textOfLines(noQuota));
  else io.out(`${usesTable(uses, io.color)}\n`);
  return 0;
}

const noQuota = [
  "There is no quota. For example 100 GB a month for one client:",
  "  uci set ns-report.anna=quota; uci add_list ns-report.anna.client=192.168.1.10",
  "  uci set ns-report.anna.gigabytes=100; uci commit ns-report",
];

function usesTable(uses: readonly QuotaUse[], color: boolean): string {
  const rows = uses.map((use) => [
    use.title,
    formatBytes(use.used),
    formatBytes(use.bytes),
    percentText(use),
    use.since,
    use.reached === undefined ? "" : use.reached >= 100 ? "used up" : `over ${use.reached}%`,
  ]);
  return table(
    [
      { title: "Quota" },
      { title: "Used", align: "right" },
      { title: "Of", align: "right" },
      { title: "Share", align: "right" },
      { title: "Since" },
      { title: "" },
    ],
    rows,
    { color },
  );
}
