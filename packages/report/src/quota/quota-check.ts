/**
 * The check that cron runs: stores how much of each quota is used, for pages and metrics, and raises and ends alerts.
 * Invariants: the store is on tmpfs; on flash is only which alerts are raised, written when that changes; an alert that `send-alert` cannot take is
 * tried again at the next check.
 */
import { messageOf } from "@nethsec/host/message-of";
import { readJson } from "@nethsec/host/files/read-json";
import type { Condition, Host } from "@nethsec/host/host";
import { formatBytes } from "@nethsec/host/units";
import * as v from "valibot";
import type { QuotaUse } from "./quota-use.ts";

const checkedPath = "/var/run/ns-report/quota.json";
const raisedPath = "/etc/ns-report/quota-alerts.json";

const useSchema = v.object({
  name: v.string(),
  title: v.string(),
  used: v.number(),
  bytes: v.number(),
  since: v.string(),
  range: v.string(),
  reached: v.optional(v.number()),
  levels: v.array(v.number()),
});
const checkedSchema = v.object({
  /** Milliseconds since 1970. */
  at: v.number(),
  uses: v.array(useSchema),
});
export type Checked = v.InferOutput<typeof checkedSchema>;
export type CheckedUse = Checked["uses"][number];

/** undefined: no check has run since the boot. */
export function readChecked(files: Pick<Host["files"], "readText">): Checked | undefined {
  return readJson(files, checkedPath, checkedSchema);
}

/** `mode`: of the reports, which name clients too. */
export function writeChecked(host: Pick<Host, "files" | "clock">, uses: readonly QuotaUse[]): void {
  const checked: Checked = {
    at: host.clock.now(),
    uses: uses.map(({ clients: _clients, reached, levels, ...rest }) => ({
      ...rest,
      levels: [...levels],
      ...(reached === undefined ? {} : { reached }),
    })),
  };
  host.files.mkdir("/var/run/ns-report", { mode: 0o750 });
  host.files.write(checkedPath, JSON.stringify(checked), { mode: 0o640 });
}

/**
 * Raises the alert `quota:NAME:LEVEL` for each level reached and ends it in a new cycle, by mail and to the webhook: whether the portal takes other
 * names than the released ones is not known.
 * Returns the names that could not be handed over.
 */
export async function tellQuotas(
  host: Pick<Host, "files" | "run" | "log">,
  uses: readonly QuotaUse[],
): Promise<string[]> {
  const raised = new Set(readJson(host.files, raisedPath, v.array(v.string())) ?? []);
  const wanted = new Set(
    uses.flatMap(({ name, levels, reached }) =>
      levels.filter((level) => reached !== undefined && level <= reached).map((level) => `quota:${name}:${level}`),
    ),
  );
  const untold: string[] = [];
  for (const id of new Set([...raised, ...wanted])) {
    if (raised.has(id) === wanted.has(id)) continue;
    const status = wanted.has(id) ? "FAILURE" : "OK";
    try {
      // Exit code 1: it waits in the queue of send-alert, which delivers it later.
      await host.run(["send-alert", "--except-portal", id, status], { timeoutMs: 60_000, ok: [0, 1] });
    } catch (error) {
      host.log("warning", `alert ${id} ${status} is tried again at the next check: ${messageOf(error)}`);
      untold.push(id);
      continue;
    }
    if (status === "FAILURE") raised.add(id);
    else raised.delete(id);
    host.files.write(raisedPath, JSON.stringify([...raised].sort()), { mode: 0o600 });
  }
  return untold;
}

/** For the pages. Pure. */
export function quotaConditions({ at, uses }: Checked): Condition[] {
  return uses.flatMap((use) =>
    use.reached === undefined
      ? []
      : [
          {
            code: `quota_${use.name}`,
            severity: use.reached >= 100 ? ("error" as const) : ("warning" as const),
            since: at,
            text: `${use.title} has used ${formatBytes(use.used)} of ${formatBytes(use.bytes)} since ${use.since} (${percentText(use)}).`,
          },
        ],
  );
}

/** "83%". Rounded down, so that it never says 100 before it is. Pure. */
export function percentText({ used, bytes }: Pick<QuotaUse, "used" | "bytes">): string {
  return `${Math.floor((used / bytes) * 100)}%`;
}
