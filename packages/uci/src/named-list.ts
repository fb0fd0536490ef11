/**
 * An ordered list with lookup by name. Names may repeat (after a rename); lookup returns the first. Short lists are searched linearly, long ones have
 * an index, so that lookup is constant and building linear.
 */
const indexedFrom = 12;

export class NamedList<T extends { name: string }> implements Iterable<T> {
  #items: T[] = [];
  /** The first item of each name; undefined: not built yet. */
  #index: Map<string, T> | undefined;
  #repeats = false;

  get length(): number {
    return this.#items.length;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]();
  }

  /** True when two items have the same name. */
  get repeats(): boolean {
    this.#indexed();
    return this.#repeats;
  }

  find(name: string): T | undefined {
    if (this.#items.length < indexedFrom) {
      for (const item of this.#items) if (item.name === name) return item;
      return undefined;
    }
    return this.#indexed().get(name);
  }

  push(item: T): void {
    this.#items.push(item);
    if (this.#index === undefined) return;
    if (this.#index.has(item.name)) this.#repeats = true;
    else this.#index.set(item.name, item);
  }

  remove(item: T): void {
    const at = this.#items.indexOf(item);
    if (at < 0) return;
    this.#items.splice(at, 1);
    if (this.#repeats) this.#index = undefined;
    else this.#index?.delete(item.name);
  }

  rename(item: T, name: string): void {
    item.name = name;
    this.#index = undefined;
  }

  /** Moves an item to `position`, counted without the item and clamped to the list; false when it was already there. */
  move(item: T, position: number): boolean {
    const from = this.#items.indexOf(item);
    const to = Math.max(0, Math.min(position, this.#items.length - 1));
    if (from < 0 || from === to) return false;
    this.#items.splice(from, 1);
    this.#items.splice(to, 0, item);
    if (this.#repeats) this.#index = undefined;
    return true;
  }

  #indexed(): Map<string, T> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, T>();
    for (const item of this.#items) if (!index.has(item.name)) index.set(item.name, item);
    this.#repeats = index.size < this.#items.length;
    this.#index = index;
    return index;
  }
}
