/**
 * Runs at most `places` tasks at a time, and signals when none is running: init scripts compete for the same cores, and one query to
 * procd after all of them is cheaper than one after each.
 */
export class Semaphore {
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];
  readonly #idle = new Set<() => void>();
  #inside = 0;

  constructor(places: number) {
    this.#places = places;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#places) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#inside += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#leave();
      else next(); // hands its place over
    }
  }

  /** Settles when nothing is running. */
  whenIdle(): Promise<void> {
    return this.#inside === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.add(resolve));
  }

  #leave(): void {
    this.#inside -= 1;
    if (this.#inside > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}
