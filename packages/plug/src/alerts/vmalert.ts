/**
 * Alerts of vmalert, which takes netdata's place in later images: it posts them in the form of Alertmanager's API (version 2: a list of alerts with `labels` and
 * `endsAt`) to 127.0.0.1:9095. Names and meaning are those of NethSecurity's own receiver; whatever else comes is nothing.
 */
import * as v from "valibot";
import { isAlertId, type AlertStatus } from "./queue.ts";

const alertSchema = v.looseObject({
  labels: v.optional(v.record(v.string(), v.unknown()), {}),
  endsAt: v.optional(v.unknown()),
});
export type VmAlert = v.InferOutput<typeof alertSchema>;

const bodySchema = v.union([v.array(alertSchema), v.looseObject({ alerts: v.optional(v.array(alertSchema), []) })]);

/** The alerts of a request: a list, or an object that holds one. undefined: neither. */
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

/** `wan`: the interface, when the alert is about one. undefined: not one that the portal wants. */
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

/** An end in the past. Without one, with Go's zero time, or with one in the future the alert goes on. */
function isOver(endsAt: unknown, nowMs: number): boolean {
  if (typeof endsAt !== "string" || endsAt.startsWith("0001-")) return false;
  // Nanoseconds are more than a date takes.
  const ms = Date.parse(endsAt.replace(/(\.\d{3})\d+/, "$1"));
  return !Number.isNaN(ms) && ms <= nowMs;
}
