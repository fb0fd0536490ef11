/**
 * Who may read the reports besides root: nobody, or the group of `ns-report.config.group`. Reports tell who uses what, and a firewall has users
 * that are no administrators (a web server, a proxy, a monitoring agent).
 *
 * Invariants: the folder of the reports keeps everybody else out, so that nothing below it has to be looked at; in it every file has
 * {@link reportMode}; a folder that holds other things than reports is left as it is.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Files } from "@nethsec/host/host";
import type { UciStore } from "@nethsec/host/uci-store";

/** Of every file that tells what clients did. */
export const reportMode = 0o640;
/** With the group's identity handed on to whatever is made below (setgid). */
const groupFolderMode = 0o2750;
const rootFolderMode = 0o700;
/** Of the live hour and of the socket of the pages, which a proxy has to reach. */
const stateFolder = "/var/run/ns-report";
const stateFolderMode = 0o2755;

/** The number of the group that may read; undefined: none. Throws `bad_setting` for a group that does not exist. */
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
 * Makes the folder of the reports and keeps it closed to others. Answers what an administrator should know; undefined when all is well. Throws
 * `FileError`.
 */
export function protectReports(files: Files, base: string, group: number | undefined): string | undefined {
  if (group !== undefined) files.mkdir(stateFolder, { mode: stateFolderMode, gid: group });
  if (!files.list(base).every(isOurs))
    return `${base} holds other things than reports, so its permissions stay as they are; files of reports are for ${group === undefined ? "root" : "root and the group"} only.`;
  files.mkdir(base, group === undefined ? { mode: rootFolderMode } : { mode: groupFolderMode, gid: group });
  return undefined;
}

/** A year, or a file of the daemon's. */
function isOurs(name: string): boolean {
  return /^\d{4}$/.test(name) || name.startsWith(".");
}
