/** The live hour of the machine that a command runs on. */
import type { Host } from "@nethsec/host/host";
import type { SeenStatus } from "../store/daemon-status.ts";
import { askForLive, readLive } from "../store/live-file.ts";
import { LiveHour } from "./live-hour.ts";
import type { ReportStore } from "../store/report-store.ts";

export function liveHourOf(
  { files, clock }: Pick<Host, "files" | "clock">,
  store: ReportStore,
  status: () => SeenStatus | undefined,
): LiveHour {
  return new LiveHour({
    store,
    status,
    now: () => clock.now(),
    read: () => readLive(files),
    ask: () => askForLive(files, clock.now()),
  });
}
