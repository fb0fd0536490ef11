/** The version of an installed package, read from the package manager's database: running the package manager takes a second. */
import type { Host } from "@nethsec/host/host";

/** apk: stanzas of "P:name", "V:version"; opkg: stanzas of "Field: value". */
const records = [
  { path: "/lib/apk/db/installed", name: "P:", version: "V:" },
  { path: "/usr/lib/opkg/status", name: "Package: ", version: "Version: " },
] as const;

/** Returns undefined when the package is not installed. */
export function installedVersion({ files }: Pick<Host, "files">, name: string): string | undefined {
  for (const record of records) {
    const stanzas = (files.readText(record.path) ?? "").split("\n\n").map((text) => text.split("\n"));
    const found = stanzas.find((lines) => lines.includes(record.name + name));
    const line = found?.find((each) => each.startsWith(record.version));
    if (line !== undefined) return line.slice(record.version.length).trim();
  }
  return undefined;
}
