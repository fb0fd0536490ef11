/**
 * Signed-in browsers: random identifiers in memory, forgotten on restart. Pure; time and random text come from the caller.
 * Invariants: bounded in number; a session ends `lifetimeMs` after the sign-in or when `end` is called, whatever comes first.
 */

const maxSessions = 256;
/** Twelve hours: a working day, so that nobody signs in twice. */
export const lifetimeMs = 12 * 3600 * 1000;
/** 43 characters of 62: 256 bits. */
const idLength = 43;

export class Sessions {
  readonly #endsAt = new Map<string, number>();
  readonly #now: () => number;
  readonly #randomText: (count: number) => string;

  /** `now`: milliseconds that only grow; `randomText`: letters and digits from the system's CSPRNG. */
  constructor(now: () => number, randomText: (count: number) => string) {
    this.#now = now;
    this.#randomText = randomText;
  }

  /** A new session's identifier. The oldest session ends when there are too many. */
  begin(): string {
    const oldest = this.#endsAt.keys().next();
    if (this.#endsAt.size >= maxSessions && oldest.done !== true) this.#endsAt.delete(oldest.value);
    const id = this.#randomText(idLength);
    this.#endsAt.set(id, this.#now() + lifetimeMs);
    return id;
  }

  /** A look-up by hash table gives no useful timing: an identifier has 256 random bits. */
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
