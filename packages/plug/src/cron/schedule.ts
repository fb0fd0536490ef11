/**
 * The cron lines of ns-plug. Each job starts with a random delay, so that thousands of firewalls do not connect in the same second (contract
 * ns-plug 2). Minute and hour are drawn at random once, when the line is installed: a unit then sends its heartbeat every ten minutes, plus or
 * minus the random delay, and a fleet's heartbeats are spread over the ten minutes.
 */
import type { Host } from "@nethsec/host/host";

export type Job = "send-heartbeat" | "send-inventory" | "send-backup" | "ns-push-reports" | "send-alert";

/** Seconds of random delay before each run. */
const spreadSeconds: Readonly<Record<Job, number>> = {
  "send-heartbeat": 60,
  "send-inventory": 3000,
  "send-backup": 3000,
  "ns-push-reports": 600,
  "send-alert": 30,
};

/** Options of the job's command besides the delay. */
const jobOptions: Readonly<Partial<Record<Job, string>>> = { "send-alert": " --deliver" };

/** `minute` (0–59) and `hour` (0–5) were drawn at random for this unit. */
function cronLine(job: Job, minute: number, hour: number): string {
  const nightly = `${minute} ${hour} * * *`;
  const time = {
    "send-heartbeat": `${minute % 10}-59/10 * * * *`,
    "send-inventory": nightly,
    "send-backup": nightly,
    "ns-push-reports": "*/15 * * * *",
    "send-alert": `${minute % 5}-59/5 * * * *`,
  }[job];
  return `${time} /usr/sbin/${job}${jobOptions[job] ?? ""} --spread ${spreadSeconds[job]} >/dev/null 2>&1`;
}

type Needs = Pick<Host, "cron" | "random" | "services">;

/** Installs the job's line; an existing line is not changed. */
export async function setJob(host: Needs, job: Job): Promise<void> {
  if (host.cron.text().includes(`# nethsec:${job}`)) return;
  const line = cronLine(job, Math.floor(host.random.fraction() * 60), Math.floor(host.random.fraction() * 6));
  if (host.cron.set(job, line)) await reloadCron(host);
}

export async function removeJobs(host: Needs, jobs: readonly Job[]): Promise<void> {
  const changed = jobs.map((job) => host.cron.remove(job)).includes(true);
  if (changed) await reloadCron(host);
}

async function reloadCron(host: Needs): Promise<void> {
  if (host.services.exists("cron")) await host.services.call("cron", "restart");
}
