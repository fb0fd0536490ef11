/**
 * Finds hour files that another program wrote while the daemon runs: restored from a backup, copied from another machine. The daemon's next index
 * would hide them, because an index claims to cover every folder of the day.
 *
 * Invariants: the files found are in the indexes afterwards; in an hour that the daemon counts, its own counters of a client win, and clients that it
 * does not have are taken over.
 */
import type { Files } from "@nethsec/host/host";
import { hourKey, type Day } from "../store/hour-key.ts";
import { dayPath, listClients, listHours, readHour } from "../store/hour-store.ts";
import { rebuildHour } from "../store/hour-tables.ts";
import { emptyHour } from "../store/hour-counters.ts";
import type { Ledger } from "./ledger.ts";

export interface DayLook {
  readonly files: Files;
  readonly base: string;
  readonly day: Day;
  /** Wall clock, ms: when the daemon last wrote to the day. Later changes are another program's. */
  readonly since: number;
  readonly now: number;
  /** Bit h: the day is known to have files of hour h. */
  readonly hours: number;
}

/** Takes over the files that others wrote; returns the hours that the day has afterwards, as bits. Throws `FileError`. */
export function takeForeignFiles(look: DayLook, ledger: Ledger): number {
  const { files, base, day, since } = look;
  let { hours } = look;
  const rebuild = new Set<number>();
  for (const client of listClients(files, base, day)) {
    if ((files.stat(`${dayPath(base, day)}/${client}`)?.ctimeMs ?? 0) <= since) continue;
    for (const hour of listHours(files, base, day, client)) {
      hours |= 1 << hour;
      const key = hourKey(day, hour);
      const open = ledger.hours.get(key);
      if (open?.merged !== true) {
        rebuild.add(hour);
        continue;
      }
      open.dirty = true;
      const own = open.counters.clients.get(client);
      const found = own === undefined ? readHour(files, base, key, client) : undefined;
      if (own !== undefined) own.dirty = true;
      else if (found !== undefined) ledger.merge(key, { ...emptyHour(), clients: new Map([[client, found]]) });
    }
  }
  for (const hour of rebuild) rebuildHour(files, base, day, hour, { asOf: look.now, hours });
  return hours;
}
