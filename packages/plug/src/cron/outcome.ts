/** Last result and last success of each job that sends data to a server: one small file per job on tmpfs, for status pages and metrics. */
import { NethsecError } from "@nethsec/host/error";
import { FileError } from "@nethsec/host/files/file-error";
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

export type OutcomeJob = "push" | "heartbeat" | "backup";

const schema = v.object({
  status: v.picklist(["success", "error"]),
  /** Wall clock, ms since 1970: the last attempt. */
  at: v.number(),
  /** Wall clock of the last successful run; absent when there was none since the last boot. */
  lastGood: v.optional(v.number()),
});
export type Outcome = v.InferOutput<typeof schema>;

const pathOf = (job: OutcomeJob): string => `/var/run/ns-plug/${job}.json`;

export const readOutcome = (files: Host["files"], job: OutcomeJob): Outcome | undefined =>
  readJson(files, pathOf(job), schema);

export const forgetOutcome = (files: Host["files"], job: OutcomeJob): void => files.remove(pathOf(job));

/** Runs `work` and records whether it succeeded; rethrows its error. */
export async function recordOutcome<Result>(
  host: Pick<Host, "files" | "clock" | "log">,
  job: OutcomeJob,
  work: () => Promise<Result>,
): Promise<Result> {
  const lastGood = readOutcome(host.files, job)?.lastGood;
  try {
    const result = await work();
    write(host, job, { status: "success", at: host.clock.now(), lastGood: host.clock.now() });
    return result;
  } catch (error) {
    if (error instanceof NethsecError)
      write(host, job, { status: "error", at: host.clock.now(), ...(lastGood === undefined ? {} : { lastGood }) });
    throw error;
  }
}

/** If the file cannot be written (disk full), logs that and keeps the job's own result. */
function write({ files, log }: Pick<Host, "files" | "log">, job: OutcomeJob, outcome: Outcome): void {
  try {
    files.write(pathOf(job), `${JSON.stringify(outcome)}\n`, { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    log("warning", error.message);
  }
}
