/** The reports of the machine that a command runs on. */
import type { Call } from "@nethsec/host/command/command";
import { reportPath } from "./report-path.ts";
import { ReportStore } from "./report-store.ts";

export function openStore({ host, io }: Pick<Call, "host" | "io">, byAddress = false): ReportStore {
  return new ReportStore({
    files: host.files,
    base: reportPath(io.env, host.uci),
    now: () => host.clock.now(),
    byAddress,
  });
}
