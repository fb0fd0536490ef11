/**
 * Long-lived troubles (design decision 8), kept in one JSON file that `status`, pages, alerts and metrics read.
 *
 * Invariants: the time since when a condition holds does not move while it is raised again and again; two processes that raise and clear at once
 * lose nothing; a file that is damaged counts as empty, for a condition that still holds is raised again soon.
 */
import * as v from "valibot";
import { withLock } from "./files/file-lock.ts";
import type { Condition, Host } from "./host.ts";
import { readJson } from "./files/read-json.ts";

export interface Conditions {
  /** In order of their beginning. */
  list(): readonly Condition[];
  /** True when it is new or its text or severity changed. */
  raise(code: string, severity: Condition["severity"], text: string): boolean;
  /** True when it was raised. */
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

/** Over the file `path` (mode 0644, on tmpfs: e.g. "/var/run/ns-plug/conditions.json"). Each call reads it again: several processes may share it. */
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
