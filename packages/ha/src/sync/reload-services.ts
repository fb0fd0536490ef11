/** Reloads services after a restore. A failed reload does not undo the restore. */
import type { Host } from "@nethsec/host/host";
import { enabledServices } from "../cluster/enabled-services.ts";
import { readServiceTable, servicesOfPaths, switchedOn } from "../cluster/service-table.ts";

/** Reloads (or restarts, as the table says) the services whose files are among `changed`; returns their names. */
export async function reloadServices(host: Host, changed: readonly string[]): Promise<string[]> {
  const table = readServiceTable(host.uci.load("ns-ha"));
  const rows = new Map(table.map((row) => [row.name, row]));
  const enabled = enabledServices(host.files);
  const due = servicesOfPaths(table, changed).filter(({ name }) => {
    const row = rows.get(name);
    return (
      row !== undefined && host.services.exists(name) && enabled(name) && switchedOn(row, (pkg) => host.uci.load(pkg))
    );
  });
  const done = await Promise.allSettled(
    due.map(({ name, action }) => host.services.call(name, action, { timeoutMs: 30_000 })),
  );
  done.forEach((result, index) => {
    if (result.status === "rejected")
      host.log("warning", `${due[index]?.name ?? ""} did not reload: ${String(result.reason)}`);
  });
  return due.map(({ name }) => name);
}
