/**
 * Persistent problems (design decision 8), kept in one JSON file that `status`, pages, alerts and metrics read.
 *
 * Invariants: raising a condition again keeps its start time; concurrent raise and clear calls of two processes lose no update; a damaged file counts
 * as empty, since a condition that still holds is raised again soon.
 */
import * as v from "valibot";
import { withLock } from "./files/file-lock.ts";
import type { Condition, Host } from "./host.ts";
import { readJson } from "./files/read-json.ts";

export interface Conditions {
  /** In order of their start time. */
  list(): readonly Condition[];
  /** True when the condition is new or its text or severity changed. */
  raise(code: string, severity: Condition["severity"], text: string): boolean;
  /** True when the condition was raised. */
  clear(code: string): boolean;
}

const stored = v.array(
  v.object({
    code: v.string(),
    severity: v.picklist(["info", "warning", "error"]),
    since: v.number(),
    text: v.string(),
  }),
);

/**
 * Conditions kept in the file `path` (mode 0644, on tmpfs: e.g. "/var/run/ns-plug/conditions.json"). Each call reads the file: several processes may
 * share it.
 */
export function conditions(host: Pick<Host, "files" | "clock">, path: string): Conditions {
  const { files, clock } = host;
  const list = (): readonly Condition[] => readJson(files, path, stored) ?? [];
  const edit = (change: (before: readonly Condition[]) => readonly Condition[] | undefined): boolean =>
    withLock(files, `${path}.lock`, () => {
      const after = change(list());
      if (after === undefined) return false;
      files.write(path, `${JSON.stringify(after, undefined, 2)}\n`, { mode: 0o644 });
      return true;
    });
  return {
    list,
    raise: (code, severity, text) =>
      edit((before) => {
        const old = before.find((condition) => condition.code === code);
        if (old?.severity === severity && old.text === text) return undefined;
        const raised: Condition = { code, severity, since: old?.since ?? clock.now(), text };
        return [...before.filter((condition) => condition !== old), raised].toSorted((a, b) => a.since - b.since);
      }),
    clear: (code) =>
      edit((before) => {
        const after = before.filter((condition) => condition.code !== code);
        return after.length === before.length ? undefined : after;
      }),
  };
}
