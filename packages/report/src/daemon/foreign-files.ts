/**
 * Hour files that somebody else wrote while the daemon runs: restored from a backup, copied from another machine. The daemon's next index would
 * hide them, since it says of every folder that it knows all of it.
 *
 * Invariants: what is found is told by the indexes afterwards; an hour that the daemon counts stays its own where it has the client, and takes
 * over the clients that it has not.
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
  /** Wall clock, ms: when the daemon last wrote to the day. What changed later was changed by somebody else. */
  readonly since: number;
  readonly now: number;
  /** Bit h: the day is known to have files of hour h. */
  readonly hours: number;
}

/** Takes over what others wrote; answers the hours that the day has then. Throws `FileError`. */
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
