/**
 * Learned shapes as a tree of steps (message-shape.ts): they share what they have in common from the beginning of the line. The tree lies in
 * one small buffer and not in objects, because reading it is what most of the scanner's time goes into: a shape fits the
 * processor's first cache. Pure. Bounded by `maxBytes`.
 */
import { Hole, type Step } from "./message-shape.ts";

/** All recordings made so far need 22 kB together. */
const maxBytes = 128 * 1024;
/** Ways in which a line may go on at one place: each of them is tried. Recordings have four at the most. */
const maxSiblings = 64;

/**
 * A node, in 32-bit numbers from its address on: what it is (see `nodeHead`), the address of its first successor, that of its next
 * sibling, a blank; then its literal, eight bytes at a time, of which the last eight may overlap those before. A shorter
 * literal is padded. Address 0 is no node: there stands the first candidate of a line.
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
  /** The nodes; replaced when they need more room. */
  numbers = new Int32Array(4096);
  /** The same as doubles. */
  doubles = new Float64Array(this.numbers.buffer);
  /** The same as bytes. */
  literals = new Uint8Array(this.numbers.buffer);
  private used = nodeLiteral;

  /** `kind`: what matching the whole shape gives; not 0. False: it was there already, or there is no room. */
  add(steps: readonly Step[], kind: number): boolean {
    const before = this.used;
    let link = 0;
    for (const { literal, hole, role } of steps) {
      if (literal.length > lengthMask) return false;
      const head = literal.length | (hole << holeShift) | ((hole === Hole.end ? kind : role) << roleShift);
      const words = wordsOf(literal);
      const siblings = this.siblings(this.numbers[link] ?? 0);
      const known = siblings.find((node) => this.holds(node, head, words));
      const node = known ?? (siblings.length < maxSiblings ? this.append(head, words, link) : 0);
      if (node === 0) return false;
      link = node + nodeNext;
    }
    return this.used > before;
  }

  /** Puts `node` before its elder sibling `before`, whose address stands at `link`. */
  swap(before: number, link: number, node: number): void {
    const { numbers } = this;
    numbers[link] = node;
    numbers[before + nodeSibling] = numbers[node + nodeSibling] ?? 0;
    numbers[node + nodeSibling] = before;
  }

  private siblings(first: number): number[] {
    const nodes: number[] = [];
    for (let node = first; node !== 0; node = this.numbers[node + nodeSibling] ?? 0) nodes.push(node);
    return nodes;
  }

  private holds(node: number, head: number, words: Int32Array): boolean {
    const { numbers } = this;
    return numbers[node] === head && words.every((word, index) => numbers[node + nodeLiteral + index] === word);
  }

  /** Its address; 0 when there is no room. */
  private append(head: number, words: Int32Array, link: number): number {
    const node = this.used;
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
    this.used = end;
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
