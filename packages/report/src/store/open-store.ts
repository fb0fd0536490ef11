/** The reports of the machine that a command runs on. */
import type { Call } from "@nethsec/host/command/command";
import { useLocalTime } from "./local-time.ts";
import { reportPath } from "./report-path.ts";
import { ReportStore } from "./report-store.ts";

/** Also takes over the machine's time zone: call it before asking what day it is. */
export function openStore({ host, io }: Pick<Call, "host" | "io">): ReportStore {
  useLocalTime(host.uci);
  return new ReportStore({
    files: host.files,
    base: reportPath(io.env, host.uci),
    now: () => host.clock.now(),
  });
}
