/** Arrival times of a fleet's heartbeats, computed from the cron lines that each unit installs. */
import type { Cron } from "@nethsec/host/host";
import { setJob } from "../cron/schedule.ts";

/** Number of heartbeats in each second of a ten-minute period. */
export async function heartbeatSeconds(units: number): Promise<readonly number[]> {
  const seconds = Array.from({ length: 600 }, () => 0);
  for (let unit = 0; unit < units; unit += 1) {
    const [first, spread] = heartbeatTimes(await installedLine());
    const at = Math.floor(first * 60 + spread * Math.random()) % 600;
    seconds[at] = (seconds[at] ?? 0) + 1;
  }
  return seconds;
}

async function installedLine(): Promise<string> {
  let line = "";
  const cron: Cron = {
    text: () => "",
    set: (_, text) => {
      line = text;
      return false;
    },
    remove: () => false,
    suspend: () => false,
    resume: () => false,
  };
  const random = { fraction: Math.random, bytes: () => new Uint8Array(), text: () => "" };
  const services = { exists: () => false, enabled: async () => false, running: async () => false };
  await setJob(
    { cron, random, services: { ...services, call: async () => undefined, reloadConfig: async () => undefined } },
    "send-heartbeat",
  );
  return line;
}

/** Minute of the run within ten minutes, and the maximum random delay in seconds. Throws for a line that does not run every ten minutes. */
function heartbeatTimes(line: string): readonly [minute: number, spreadSeconds: number] {
  const match = /^(\d)-59\/10 \* \* \* \* \/usr\/sbin\/send-heartbeat --spread (\d+) /.exec(line);
  if (match === null) throw new Error(`not every ten minutes: ${line}`);
  return [Number(match[1]), Number(match[2])];
}
