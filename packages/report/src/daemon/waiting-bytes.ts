/** Bytes of flows whose client is not known yet, by flow and by the hour in which they were reported. Pure. */
import type { HourKey } from "../store/hour-key.ts";

/** {@link waitingFields} numbers for each hour, oldest first: hour, bytes, and how many of them are download and upload; … */
export type Waiting = number[];
export const waitingFields = 4;

export class WaitingBytes {
  /** By row of the flow table. */
  readonly #rows = new Map<number, Waiting>();

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  get(row: number): Waiting | undefined {
    return this.#rows.get(row);
  }

  /** From a checkpoint. */
  set(row: number, waits: Waiting): void {
    this.#rows.set(row, waits);
  }

  delete(row: number): void {
    this.#rows.delete(row);
  }

  add(row: number, hour: HourKey, bytes: number, download: number, upload: number): void {
    const waits = this.#rows.get(row);
    if (waits === undefined) this.#rows.set(row, [hour, bytes, download, upload]);
    else if (waits.at(-waitingFields) === hour) addToLast(waits, bytes, download, upload);
    else waits.push(hour, bytes, download, upload);
  }

  /** Calls `gone` for, and forgets, the oldest hours of each flow that are none of `kept`. */
  forgetOld(kept: readonly HourKey[], gone: (row: number, hour: HourKey, bytes: number) => void): void {
    for (const [row, waits] of this.#rows) {
      while (waits.length > 0 && !kept.includes(waits[0] ?? 0)) {
        const [hour = 0, bytes = 0] = waits.splice(0, waitingFields);
        gone(row, hour, bytes);
      }
      if (waits.length === 0) this.#rows.delete(row);
    }
  }

  byHour(): Map<HourKey, number> {
    const hours = new Map<HourKey, number>();
    for (const waits of this.#rows.values()) {
      for (let at = 0; at < waits.length; at += waitingFields) {
        const hour = waits[at] ?? 0;
        hours.set(hour, (hours.get(hour) ?? 0) + (waits[at + 1] ?? 0));
      }
    }
    return hours;
  }
}

function addToLast(waits: Waiting, bytes: number, download: number, upload: number): void {
  const at = waits.length - waitingFields;
  for (const [index, more] of [bytes, download, upload].entries())
    waits[at + 1 + index] = (waits[at + 1 + index] ?? 0) + more;
}
