/**
 * Live flows by (interface, digest). A flow is 64 bytes, one cache line, in one growing buffer instead of an object: 100,000 flows take
 * some 8 MB, and finding one allocates nothing. Pure. Invariants: a row number stays valid until its flow is removed; removing
 * keeps every other flow findable.
 */
import type { FlowIdentity } from "./flow-event.ts";

/** Numbers (doubles) of a row, by their place in it. */
export const Field = {
  /** Bytes of the flow that are counted (the largest total seen). */
  total: 0,
  /** Bytes before the first event about the flow; they count only if the flow turns out to have begun while the daemon was watching. */
  skipped: 1,
  /** Unix ms on the agent's clock; 0 while unknown, -t while only known to be later than t. */
  firstSeen: 2,
  /** Unix ms on the agent's clock, of the last counters. */
  lastSeen: 3,
  /** Seconds on the caller's monotonic clock at the last event. */
  touched: 4,
} as const;

/** Bits of a row's flags. */
export const Flag = {
  /** The row holds a flow. */
  inUse: 1,
  /** Announced, and began when this table already knew every flow: its whole total is new. */
  wholeIsNew: 2,
  /** Its end was reported; the row stays for a while because events may repeat or come late. */
  purged: 4,
  /** The flow is on an interface that is not internal. */
  external: 8,
  /** The flow had an event with counters. */
  counted: 16,
  /** The clock was set back during the flow: its time stamps cannot be compared with new ones. */
  timeless: 32,
} as const;

// A row: five doubles, then five words of digest and one that holds the interface (16 bits) and the flags.
const rowNumbers = 8;
const rowWords = 16;
const keyAt = 10;
const tailAt = 15;
const flagBits = 8;
const flagMask = (1 << flagBits) - 1;
/** Bits of a slot that hold the row. A million rows: twice the accounting's limit. */
const rowMask = (1 << 20) - 1;
const tagMask = ~rowMask;

export class FlowTable {
  readonly identity: (FlowIdentity | undefined)[] = [];
  #numbers: Float64Array<ArrayBuffer>;
  #words: Uint32Array<ArrayBuffer>;
  /** Open addressing: row + 1 in the lower bits, some hash bits above (to rarely compare another flow's digest); 0: free. */
  #slots: Int32Array<ArrayBuffer>;
  readonly #free: number[] = [];
  #rows = 0;
  #used = 0;

  constructor(capacity = 1024) {
    this.#numbers = new Float64Array(capacity * rowNumbers);
    this.#words = new Uint32Array(this.#numbers.buffer);
    this.#slots = new Int32Array(capacity * 2);
  }

  get size(): number {
    return this.#used;
  }

  /** A {@link Field} of a row. */
  get(row: number, field: number): number {
    return this.#numbers[row * rowNumbers + field] ?? 0;
  }

  set(row: number, field: number, value: number): void {
    this.#numbers[row * rowNumbers + field] = value;
  }

  flags(row: number): number {
    return (this.#words[row * rowWords + tailAt] ?? 0) & flagMask;
  }

  setFlags(row: number, flags: number): void {
    const at = row * rowWords + tailAt;
    this.#words[at] = ((this.#words[at] ?? 0) & ~flagMask) | flags;
  }

  /** The flow's row; -1 when it is not in the table. `netInterface`: 0 to 65,535. */
  find(digest: Uint32Array, netInterface: number): number {
    const slots = this.#slots;
    const words = this.#words;
    const mask = slots.length - 1;
    const mixed = hash(digest, 0, netInterface);
    const tag = mixed & tagMask;
    for (let slot = mixed & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot] ?? 0;
      if (found === 0) return -1;
      if ((found & tagMask) !== tag) continue;
      const row = (found & rowMask) - 1;
      const at = row * rowWords + keyAt;
      if (
        words[at] === digest[0] &&
        words[at + 1] === digest[1] &&
        words[at + 2] === digest[2] &&
        words[at + 3] === digest[3] &&
        words[at + 4] === digest[4] &&
        (words[at + 5] ?? 0) >>> flagBits === netInterface
      ) {
        return row;
      }
    }
  }

  /** Inserts a flow that is not in the table yet; returns its row, all zero. */
  insert(digest: Uint32Array, netInterface: number): number {
    if (this.#used * 2 >= this.#slots.length) this.#growSlots();
    const row = this.#free.pop() ?? this.#rows++;
    if (row * rowNumbers >= this.#numbers.length) this.#growRows();
    this.#numbers.fill(0, row * rowNumbers, (row + 1) * rowNumbers);
    this.#words.set(digest, row * rowWords + keyAt);
    this.#words[row * rowWords + tailAt] = (netInterface << flagBits) | Flag.inUse;
    this.identity[row] = undefined;
    this.#used++;
    this.#place(row);
    return row;
  }

  remove(row: number): void {
    this.#unplace(row);
    this.#words[row * rowWords + tailAt] = 0;
    this.identity[row] = undefined;
    this.#free.push(row);
    this.#used--;
  }

  /** Changes the flow's digest. No flow on this interface may have the new digest. */
  rename(row: number, digest: Uint32Array): void {
    this.#unplace(row);
    this.#words.set(digest, row * rowWords + keyAt);
    this.#place(row);
  }

  #unplace(row: number): void {
    const mask = this.#slots.length - 1;
    let hole = this.#home(row);
    while (this.#rowAt(hole) !== row) hole = (hole + 1) & mask;
    // Moves later entries of the same probe run up, so that no search stops early at the hole.
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (((slot - this.#home(this.#rowAt(slot))) & mask) >= ((slot - hole) & mask)) {
        this.#slots[hole] = this.#slots[slot] ?? 0;
        hole = slot;
      }
    }
    this.#slots[hole] = 0;
  }

  /**
   * The first row in use after `row` (-1: of all), -1 when there is none: `for (let row = t.after(-1); row >= 0; row = t.after(row))`. Removing the
   * current one is allowed. (A generator would make an object for each of 100,000 rows.)
   */
  after(row: number): number {
    for (let next = row + 1; next < this.#rows; next++) if (this.flags(next) !== 0) return next;
    return -1;
  }

  /** One of the five words of the row's digest. */
  digestWord(row: number, index: number): number {
    return this.#words[row * rowWords + keyAt + index] ?? 0;
  }

  interfaceOf(row: number): number {
    return (this.#words[row * rowWords + tailAt] ?? 0) >>> flagBits;
  }

  #hashOf(row: number): number {
    return hash(this.#words, row * rowWords + keyAt, this.interfaceOf(row));
  }

  #home(row: number): number {
    return this.#hashOf(row) & (this.#slots.length - 1);
  }

  #rowAt(slot: number): number {
    return ((this.#slots[slot] ?? 0) & rowMask) - 1;
  }

  #place(row: number): void {
    const mask = this.#slots.length - 1;
    const mixed = this.#hashOf(row);
    let slot = mixed & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = (mixed & tagMask) | (row + 1);
  }

  #growSlots(): void {
    const { length, buffer } = this.#slots;
    // Frees the old buffer now instead of at the next garbage collection.
    buffer.transfer(0);
    this.#slots = new Int32Array(length * 2);
    for (let row = 0; row < this.#rows; row++) if (this.flags(row) !== 0) this.#place(row);
  }

  #growRows(): void {
    const capacity = Math.ceil((this.#numbers.length / rowNumbers) * 1.5);
    this.#numbers = new Float64Array(this.#numbers.buffer.transfer(capacity * rowNumbers * 8));
    this.#words = new Uint32Array(this.#numbers.buffer);
  }
}

/** Digests are hashes already; mixing spreads those that differ in a few digits only. */
function hash(words: Uint32Array, at: number, netInterface: number): number {
  let mixed = (words[at] ?? 0) ^ Math.imul((words[at + 4] ?? 0) ^ netInterface, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
