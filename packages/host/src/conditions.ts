/**
 * Long-lived troubles (design decision 8), kept in one JSON file that `status`, pages, alerts and metrics read.
 * Invariant: the time since when a condition holds does not move while it is raised again and again.
 */
import type { Condition, Host } from "./host.ts";

export interface Conditions {
  /** In order of their beginning. */
  list(): readonly Condition[];
  /** True when it is new or its text or severity changed. */
  raise(code: string, severity: Condition["severity"], text: string): boolean;
  /** True when it was raised. */
  clear(code: string): boolean;
}

/** Over the file `path` (mode 0644, on tmpfs: e.g. "/var/run/ns-plug/conditions.json"). Each call reads and writes it: several processes may share it. */
export declare function conditions(host: Pick<Host, "files" | "clock">, path: string): Conditions;
