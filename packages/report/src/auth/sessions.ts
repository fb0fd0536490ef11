/**
 * Sessions of signed-in browsers: random identifiers in memory, gone after a restart. Pure; time and random text come from the caller. Invariants:
 * bounded in number; a session ends `lifetimeMs` after the sign-in or when `end` is called, whichever comes first.
 */

const maxSessions = 256;
/** Twelve hours: covers a working day with one sign-in. */
export const lifetimeMs = 12 * 3600 * 1000;
/** 43 characters of 62: 256 bits. */
const idLength = 43;

export class Sessions {
  readonly #endsAt = new Map<string, number>();
  readonly #now: () => number;
  readonly #randomText: (count: number) => string;

  /** `now`: monotonic clock, milliseconds; `randomText`: letters and digits from the system's CSPRNG. */
  constructor(now: () => number, randomText: (count: number) => string) {
    this.#now = now;
    this.#randomText = randomText;
  }

  /** Starts a session and returns its identifier. When there are too many, the oldest one ends. */
  begin(): string {
    const oldest = this.#endsAt.keys().next();
    if (this.#endsAt.size >= maxSessions && oldest.done !== true) this.#endsAt.delete(oldest.value);
    const id = this.#randomText(idLength);
    this.#endsAt.set(id, this.#now() + lifetimeMs);
    return id;
  }

  /** Whether the session exists. The hash table's timing reveals nothing useful: an identifier has 256 random bits. */
  holds(id: string): boolean {
    const endsAt = this.#endsAt.get(id);
    if (endsAt === undefined) return false;
    if (endsAt > this.#now()) return true;
    this.#endsAt.delete(id);
    return false;
  }

  end(id: string): void {
    this.#endsAt.delete(id);
  }
}
