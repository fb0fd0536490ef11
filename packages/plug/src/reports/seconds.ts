/**
 * In its tables of WAN events and of blocked packets the controller keeps only one row per unit and second (recorded: controller-http.json, `rules`):
 * of two events in one second, it drops the later one. So such an event is moved to the next free second. Pure.
 */

/** Seconds that an event is moved at most; without a free second in that range (a flood) it is left out and counted. */
export const maxShift = 300;
/** Number of used seconds remembered between pushes. */
const maxTaken = 2 * maxShift;

export interface Apart<Event> {
  readonly events: readonly Event[];
  /** Seconds used by an event, the newest last. */
  readonly taken: readonly number[];
  /** Events that found no free second. */
  readonly crowded: number;
}

/** `taken`: result of the previous call. Equal events in the same second count as one. */
export function moveApart<Event extends { readonly timestamp: number }>(
  events: readonly Event[],
  taken: readonly number[],
): Apart<Event> {
  const seconds = new Set(taken);
  const known = new Set<string>();
  const kept: Event[] = [];
  let crowded = 0;
  for (const event of events) {
    const text = JSON.stringify(event);
    if (known.has(text)) continue;
    known.add(text);
    let timestamp = event.timestamp;
    while (seconds.has(timestamp) && timestamp - event.timestamp <= maxShift) timestamp += 1;
    if (timestamp - event.timestamp > maxShift) {
      crowded += 1;
      continue;
    }
    seconds.add(timestamp);
    kept.push(timestamp === event.timestamp ? event : { ...event, timestamp });
  }
  return { events: kept, taken: [...seconds].toSorted((a, b) => a - b).slice(-maxTaken), crowded };
}
