/**
 * Intended differences between the nodes' files: tasks of the active node only are switched off in the passive node's copy. Pure but for
 * reading the service table.
 */
import { suspendLines } from "@nethsec/host/local/crontab";
import type { Host } from "@nethsec/host/host";
import { parsePackage } from "@nethsec/uci/parse";
import { writePackage } from "@nethsec/uci/write";
import { readServiceTable } from "../cluster/service-table.ts";
import { plugCursors } from "../cluster/state-files.ts";
import { mergeCursors } from "./merge-cursors.ts";
import type { Transforms } from "./restore-request.ts";

const crontab = "/etc/crontabs/root";
const dhcp = "/etc/config/dhcp";

/** Transforms the primary's files into those of this passive node. */
export function transformsFor(host: Pick<Host, "uci" | "files">): Transforms {
  const words = readServiceTable(host.uci.load("ns-ha")).flatMap(({ cron }) => cron);
  return (path) => {
    if (path === crontab) return (text) => suspendLines(text, words);
    if (path === dhcp) return dhcpForceOff;
    if (path === plugCursors) return (text) => mergeCursors(host.files.readText(plugCursors), text);
    return undefined;
  };
}

/** Sets `force` 0 in every dnsmasq section: only the active node may answer DHCP. A file that does not parse is left unchanged. */
export function dhcpForceOff(text: string): string {
  try {
    const pkg = parsePackage(text, "dhcp");
    for (const section of pkg.sections) if (section.type === "dnsmasq") section.set("force", "0");
    return writePackage(pkg);
  } catch {
    return text;
  }
}
