/** The files of /etc/ha on disk: written on the primary (only when they change), read on the backup. Invariant: mode 0600, they hold keys. */
import type { Host } from "@nethsec/host/host";
import { haPaths } from "../cluster/config.ts";
import {
  currentRecords,
  type NetworkRecords,
  parseRecords,
  type RecordKind,
  recordKinds,
} from "../cluster/network-records.ts";

const fileOf = (kind: RecordKind): string => `${haPaths.exportDir}/${kind}`;

/** Exports this node's configuration; returns what was exported and the kinds whose file changed. */
export async function writeExport(
  host: Pick<Host, "files" | "net" | "uci">,
): Promise<{ records: NetworkRecords; changed: RecordKind[] }> {
  const addresses = await host.net.addresses();
  const records = currentRecords(host, (device) => addresses.find((found) => found.device === device)?.mac);
  const changed = recordKinds.filter((kind) => {
    const text = `${JSON.stringify(records[kind], undefined, 1)}\n`;
    if (host.files.readText(fileOf(kind)) === text) return false;
    host.files.write(fileOf(kind), text, { mode: 0o600 });
    return true;
  });
  return { records, changed };
}

/** Reads the other node's export. Throws `export_not_understood`. */
export function readExport(files: Host["files"]): NetworkRecords {
  return parseRecords(
    new Map(
      recordKinds.flatMap((kind) => {
        const text = files.readText(fileOf(kind));
        return text === undefined ? [] : [[kind, text] as const];
      }),
    ),
  );
}
