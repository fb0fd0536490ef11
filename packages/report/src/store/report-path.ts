/** Path of the hour files, for all programs that read or write them. */
import type { UciStore } from "@nethsec/host/uci-store";
import { NethsecError } from "@nethsec/host/error";

export const defaultReportPath = "/var/run/dpireport";

/**
 * The environment's `DUMP_PATH`, else `ns-report.config.dump_path`, else {@link defaultReportPath}; without a slash at its end.
 * Throws `bad_dump_path` for anything but an absolute path without "..".
 */
export function reportPath(env: Readonly<Record<string, string | undefined>>, uci: Pick<UciStore, "read">): string {
  const path = env["DUMP_PATH"] ?? uci.read("ns-report").get("config", "dump_path") ?? defaultReportPath;
  const clean = path.replace(/\/+$/, "");
  if (!clean.startsWith("/") || clean.split("/").includes("..") || clean.includes("\0")) {
    throw new NethsecError({
      code: "bad_dump_path",
      message: `The path of the reports, ${JSON.stringify(path)}, is not an absolute path.`,
      advice: "Set DUMP_PATH, or ns-report.config.dump_path, to a path such as /mnt/data/dpireport.",
    });
  }
  return clean;
}
