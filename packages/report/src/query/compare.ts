/** A total beside that of the period before. Pure. */
import { formatBytes } from "@nethsec/host/units";
import { percent } from "./percent.ts";

/** "12% more than before (34 GiB)", "15 times as much as before (2 GiB)"; nothing was recorded before: undefined. */
export function comparison(
  total: number,
  before: { readonly total: number; readonly recordedDays: number },
): string | undefined {
  if (before.recordedDays === 0) return undefined;
  if (before.total === 0) return "nothing before";
  const change = ((total - before.total) / before.total) * 100;
  if (Math.abs(change) < 0.05) return `as much as before (${formatBytes(before.total)})`;
  if (total >= 10 * before.total)
    return `${Math.round(total / before.total).toLocaleString("en-GB")} times as much as before (${formatBytes(before.total)})`;
  return `${percent(Math.abs(change))} ${change > 0 ? "more" : "less"} than before (${formatBytes(before.total)})`;
}

/** Bytes of hosts' traffic without a host name; the DPI engine has none for much traffic. */
export function withoutName(total: number, hosts: readonly { readonly bytes: number }[]): number {
  return Math.max(0, total - hosts.reduce((sum, { bytes }) => sum + bytes, 0));
}

export const withoutNameLabel = "without a name";
