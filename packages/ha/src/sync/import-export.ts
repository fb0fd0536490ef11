/** Imports the primary's network sections (/etc/ha) into this node's configuration; network-import.ts decides which. */
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import type { HaConfig } from "../cluster/config.ts";
import { importTag } from "../cluster/network-records.ts";
import { rememberAdopted } from "./adopted-sections.ts";
import { readExport } from "./export-files.ts";
import { importNetwork, ownInterfaces } from "./network-import.ts";

/**
 * Takes down this node's own interfaces that the import is about to replace: at the reload, netifd would give one that is up the primary's address
 * for a moment, and the provider's router would learn the wrong MAC address.
 */
export async function takeDown(host: Pick<Host, "files" | "uci" | "net">, config: HaConfig): Promise<void> {
  const lans = new Set(ownInterfaces(config));
  const network = host.uci.read("network");
  const coming = Object.keys(readExport(host.files).wan_interfaces).filter((name) => {
    const here = network.section(name);
    return here !== undefined && here.get("ns_tag") !== importTag && !lans.has(name);
  });
  if (coming.length === 0) return;
  const up = new Set((await host.net.interfaces()).flatMap((found) => (found.up ? [found.name] : [])));
  for (const name of coming) if (up.has(name)) await host.net.ifdown(name);
}

/** True when /etc/config/network changed. A broken export is logged: the files are restored all the same. */
export function importExport(host: Pick<Host, "files" | "uci" | "log">, config: HaConfig): boolean {
  const log = host.log.tagged("ns-ha");
  try {
    const records = readExport(host.files);
    let result: ReturnType<typeof importNetwork> = { log: [], removed: [], conflicts: [], adopted: {} };
    const changed = host.uci.change((transaction) => {
      result = importNetwork(transaction, records, ownInterfaces(config));
    });
    rememberAdopted(host, result.adopted);
    for (const line of result.log) log("info", line);
    for (const name of result.removed) log("info", `Removing network configuration: ${name}`);
    for (const conflict of result.conflicts) log("warning", conflict);
    return changed.length > 0;
  } catch (error) {
    log("err", messageOf(error));
    return false;
  }
}
