/** Quotas in OpenMetrics form. Pure. */
import type { Metric } from "@nethsec/host/metrics";
import type { Checked, CheckedUse } from "./quota-check.ts";

/** Without quotas there are no such metrics. */
export function quotaMetrics({ uses }: Checked): Metric[] {
  if (uses.length === 0) return [];
  const gauge = (name: string, help: string, value: (use: CheckedUse) => number): Metric => ({
    name: `nethsec_report_quota_${name}_bytes`,
    help,
    type: "gauge",
    unit: "bytes",
    samples: uses.map((use) => ({ labels: { quota: use.name }, value: value(use) })),
  });
  return [
    gauge("used", "Bytes of the quota that are used in this cycle, as of the last check", ({ used }) => used),
    gauge("limit", "Bytes of the quota in one cycle", ({ bytes }) => bytes),
  ];
}
