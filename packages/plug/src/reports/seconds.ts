/**
 * The controller keeps one row for a unit and second in its tables of WAN events and of blocked packets (recorded: controller-http.json, `rules`): of two events
 * in one second the second is lost. So an event that would be lost gets the next second that is free. Pure.
 */

/** An event is not moved further than this; what finds no free second (a flood) is left out and counted. */
export const maxShift = 300;
/** Seconds remembered from one push to the next. */
const maxTaken = 2 * maxShift;

export interface Apart<Event> {
  readonly events: readonly Event[];
  /** Seconds that hold an event, the newest last. */
  readonly taken: readonly number[];
  /** Events that found no free second. */
  readonly crowded: number;
}

/** `taken`: from the call before. Two equal events of one second are one. */
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
