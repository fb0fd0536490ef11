/**
 * Alerts of vmalert, which replaces netdata in later images. It posts them to 127.0.0.1:9095 in the form of Alertmanager's API (version 2: a list of
 * alerts with `labels` and `endsAt`). Names and meaning are those of NethSecurity's own receiver; other alerts are ignored.
 */
import * as v from "valibot";
import { isAlertId, type AlertStatus } from "./queue.ts";

const alertSchema = v.looseObject({
  labels: v.optional(v.record(v.string(), v.unknown()), {}),
  endsAt: v.optional(v.unknown()),
});
export type VmAlert = v.InferOutput<typeof alertSchema>;

const bodySchema = v.union([v.array(alertSchema), v.looseObject({ alerts: v.optional(v.array(alertSchema), []) })]);

/** The alerts of a request body, which is a list or an object that holds one; undefined when it is neither. */
export function readAlertsBody(body: unknown): readonly VmAlert[] | undefined {
  const parsed = v.safeParse(bodySchema, body);
  if (!parsed.success) return undefined;
  return Array.isArray(parsed.output) ? parsed.output : parsed.output.alerts;
}

const ids: ReadonlyMap<string, string> = new Map([
  ["BackupEncryptionDisabled", "backup:config:notencrypted"],
  ["StorageStatus", "storage:status"],
  ["HaPrimaryFailed", "ha:primary:failed"],
  ["HaSyncFailed", "ha:sync:failed"],
]);
const diskIds: ReadonlyMap<string, string> = new Map([
  ["/", "df:root:percent_bytes:free"],
  ["/boot", "df:boot:percent_bytes:free"],
]);

/** The portal's alert for one of vmalert's; undefined when the portal has none for it. `wan`: the interface, for an alert about a WAN. */
export function alertOfVmalert(
  { labels, endsAt }: VmAlert,
  nowMs: number,
): { readonly id: string; readonly status: AlertStatus; readonly wan?: string } | undefined {
  const label = (name: string): string => {
    const value = labels[name];
    return typeof value === "string" ? value : "";
  };
  const name = label("alertname");
  const status = isOver(endsAt, nowMs) ? "OK" : "FAILURE";
  if (name === "WanDown") {
    const wan = label("interface");
    const id = `wan:${wan}:down`;
    return /^[A-Za-z0-9_.-]+$/.test(wan) && isAlertId(id) ? { id, status, wan } : undefined;
  }
  const id = name === "DiskSpaceCritical" ? diskIds.get(label("path")) : ids.get(name);
  return id === undefined ? undefined : { id, status };
}

/** True when `endsAt` is in the past. Without it, with Go's zero time, or with a time in the future the alert still fires. */
function isOver(endsAt: unknown, nowMs: number): boolean {
  if (typeof endsAt !== "string" || endsAt.startsWith("0001-")) return false;
  // Date.parse takes milliseconds: drop further digits.
  const ms = Date.parse(endsAt.replace(/(\.\d{3})\d+/, "$1"));
  return !Number.isNaN(ms) && ms <= nowMs;
}
