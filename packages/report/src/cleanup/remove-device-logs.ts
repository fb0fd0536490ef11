/** Removes the records of devices of months without hour files: roll-ups have the devices of their clients themselves. */
import type { Files } from "@nethsec/host/host";
import { devicesFolder, devicesPath } from "../store/device-log.ts";
import type { Day } from "../store/hour-key.ts";
import { listDays } from "../store/hour-store.ts";

export function removeDeviceLogs(files: Files, base: string, today: Day): void {
  const kept = new Set([today, ...listDays(files, base)].map((day) => devicesPath(base, day)));
  for (const name of files.list(`${base}/${devicesFolder}`)) {
    const path = `${base}/${devicesFolder}/${name}`;
    if (/^\d{4}-\d\d$/.test(name) && !kept.has(path)) files.remove(path);
  }
}
