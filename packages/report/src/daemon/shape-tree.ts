/**
 * Learned shapes as a tree of steps (message-shape.ts): shapes share their common beginning. The tree is stored in one small buffer instead of
 * objects, because walking it takes most of the scanner's time: a shape fits the processor's first-level cache. Pure. Bounded by `maxBytes`.
 */
import { Hole, type Step } from "./message-shape.ts";

/** All recordings made so far need 22 kB together. */
const maxBytes = 128 * 1024;
/** Most alternatives at one place of a line: each of them is tried. Recordings have at most four. */
const maxSiblings = 64;

/**
 * A node's layout, in 32-bit numbers from its address: head (length, hole and role, see `add`), address of its first successor, address of its next
 * sibling, an unused number; then its literal in groups of eight bytes, the last of which may overlap the one before. A shorter literal is padded.
 * Address 0 is not a node: it holds the address of a line's first candidate.
 */
export const nodeNext = 1;
export const nodeSibling = 2;
export const nodeLiteral = 4;
const lengthBits = 16;
export const lengthMask = (1 << lengthBits) - 1;
export const holeShift = lengthBits;
export const holeMask = 3;
export const roleShift = holeShift + 2;

export class ShapeTree {
  /** The nodes; replaced by a larger array when full. */
  numbers = new Int32Array(4096);
  /** The same memory as doubles. */
  doubles = new Float64Array(this.numbers.buffer);
  /** The same memory as bytes. */
  literals = new Uint8Array(this.numbers.buffer);
  #used = nodeLiteral;

  /** `kind`: the result of matching the whole shape; not 0. Returns false when the shape exists already or there is no room. */
  add(steps: readonly Step[], kind: number): boolean {
    const before = this.#used;
    let link = 0;
    for (const { literal, hole, role } of steps) {
      if (literal.length > lengthMask) return false;
      const head = literal.length | (hole << holeShift) | ((hole === Hole.end ? kind : role) << roleShift);
      const words = wordsOf(literal);
      const siblings = this.#siblings(this.numbers[link] ?? 0);
      const known = siblings.find((node) => this.#holds(node, head, words));
      const node = known ?? (siblings.length < maxSiblings ? this.#append(head, words, link) : 0);
      if (node === 0) return false;
      link = node + nodeNext;
    }
    return this.#used > before;
  }

  /** Moves `node` before its preceding sibling `before`; the address of `before` is stored at `link`. */
  swap(before: number, link: number, node: number): void {
    const { numbers } = this;
    numbers[link] = node;
    numbers[before + nodeSibling] = numbers[node + nodeSibling] ?? 0;
    numbers[node + nodeSibling] = before;
  }

  #siblings(first: number): number[] {
    const nodes: number[] = [];
    for (let node = first; node !== 0; node = this.numbers[node + nodeSibling] ?? 0) nodes.push(node);
    return nodes;
  }

  #holds(node: number, head: number, words: Int32Array): boolean {
    const { numbers } = this;
    return numbers[node] === head && words.every((word, index) => numbers[node + nodeLiteral + index] === word);
  }

  /** Returns the new node's address; 0 when there is no room. */
  #append(head: number, words: Int32Array, link: number): number {
    const node = this.#used;
    const end = node + nodeLiteral + words.length;
    if (end * 4 > maxBytes) return 0;
    if (end > this.numbers.length) {
      const larger = new Int32Array(this.numbers.length * 2 + words.length * 2);
      larger.set(this.numbers);
      this.numbers = larger;
      this.doubles = new Float64Array(larger.buffer);
      this.literals = new Uint8Array(larger.buffer);
    }
    const { numbers } = this;
    numbers.set([head, 0, numbers[link] ?? 0, 0], node);
    numbers.set(words, node + nodeLiteral);
    numbers[link] = node;
    this.#used = end;
    return node;
  }
}

/** The literal in groups of eight bytes. */
function wordsOf(literal: Uint8Array): Int32Array {
  const groups = Math.max(1, Math.ceil(literal.length / 8));
  const bytes = new Uint8Array(groups * 8);
  const last = Math.max(0, literal.length - 8);
  for (let group = 0; group < groups; group++) {
    const from = Math.min(group * 8, last);
    bytes.set(literal.subarray(from, from + 8), group * 8);
  }
  return new Int32Array(bytes.buffer);
}
