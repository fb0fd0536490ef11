/** This node's own network sections that were replaced by the primary's: their originals are kept until the node leaves the cluster. */
import type { Host } from "@nethsec/host/host";
import type { Transaction } from "@nethsec/host/uci-store";
import * as v from "valibot";
import { importTag, type Sections, sectionsSchema } from "../cluster/network-records.ts";
import { adoptedPath } from "./network-import.ts";

/** A section that was replaced before keeps its first original. */
export function rememberAdopted(host: Pick<Host, "files">, adopted: Sections): void {
  if (Object.keys(adopted).length === 0) return;
  host.files.write(adoptedPath, JSON.stringify({ ...adopted, ...readAdopted(host) }), { mode: 0o600 });
}

function readAdopted(host: Pick<Host, "files">): Sections {
  try {
    return v.parse(sectionsSchema, JSON.parse(host.files.readText(adoptedPath) ?? "{}"));
  } catch {
    return {}; // damaged: nothing can be restored
  }
}

/** When the node leaves the cluster: removes imported sections, and restores the replaced ones. */
export function dropImported(host: Pick<Host, "files">, transaction: Transaction): void {
  const tagged = transaction.load("network").sections.filter((section) => section.get("ns_tag") === importTag);
  for (const { name } of tagged) transaction.delete("network", name);
  for (const [name, options] of Object.entries(readAdopted(host))) {
    transaction.setSection("network", name, "interface");
    for (const [option, value] of Object.entries(options)) transaction.set("network", name, option, value);
  }
}
