/**
 * Which users besides root may read the reports: none, or the group of `ns-report.config.group`. Reports reveal what each client uses, and a firewall
 * has users that are not administrators (a web server, a proxy, a monitoring agent).
 *
 * Invariants: the reports' folder denies access to everyone else, so that nothing below it needs checking; every file in it has {@link reportMode}; a
 * folder that contains other things than reports is left unchanged.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Files } from "@nethsec/host/host";
import type { UciStore } from "@nethsec/host/uci-store";

/** Mode of every file that shows clients' traffic. */
export const reportMode = 0o640;
/** With setgid, so that everything created below gets the group. */
const groupFolderMode = 0o2750;
const rootFolderMode = 0o700;
/** Holds the live hour and the socket of the pages, which a proxy must reach. */
const stateFolder = "/var/run/ns-report";
const stateFolderMode = 0o2755;

/** Id of the group that may read; undefined: none. Throws `bad_setting` for a group that does not exist. */
export function reportGroup(files: Pick<Files, "readText">, uci: Pick<UciStore, "read">): number | undefined {
  const name = uci.read("ns-report").get("config", "group") ?? "";
  if (name === "") return undefined;
  for (const line of (files.readText("/etc/group") ?? "").split("\n")) {
    const [group, , number = ""] = line.split(":");
    if (group === name && /^\d{1,10}$/.test(number)) return Number(number);
  }
  throw new NethsecError({
    code: "bad_setting",
    message: `ns-report.config.group is ${JSON.stringify(name.slice(0, 80))}; there is no such group in /etc/group.`,
    advice: `Make it (addgroup ${name.slice(0, 80)}), or let only root read: uci delete ns-report.config.group; uci commit ns-report; /etc/init.d/dpireport restart`,
  });
}

/**
 * Creates the reports' folder and closes it to others. Returns a message for the administrator, or undefined when all is well. Throws `FileError`.
 */
export function protectReports(files: Files, base: string, group: number | undefined): string | undefined {
  if (group !== undefined) files.mkdir(stateFolder, { mode: stateFolderMode, gid: group });
  if (!files.list(base).every(isOurs))
    return `${base} holds other things than reports, so its permissions stay as they are; files of reports are for ${group === undefined ? "root" : "root and the group"} only.`;
  files.mkdir(base, group === undefined ? { mode: rootFolderMode } : { mode: groupFolderMode, gid: group });
  return undefined;
}

/** A year's folder, or a file of the daemon. */
function isOurs(name: string): boolean {
  return /^\d{4}$/.test(name) || name.startsWith(".");
}
