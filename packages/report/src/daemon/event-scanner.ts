/**
 * Reads messages by their shapes: a line built like an earlier one is read directly from its bytes; any other line goes through `JSON.parse`, which
 * also teaches its shape. Several times as fast as parsing each line, because an agent builds its messages in only a few dozen ways.
 * Pure. Invariants: the result always equals that of `parseEvent` (fuzzed against it): a line takes the fast path only when every byte between the
 * values equals a learned shape and every value is of the learned kind; memory for shapes is bounded.
 */
import { maxOthers, namesHash, textHash, type FlowEvent, type FlowIdentity } from "./flow-event.ts";
import { hexDigits, hexValues, littleEndian, lowestByte, packed, tops } from "./four-bytes.ts";
import { Hole, learnShape, Role } from "./message-shape.ts";
import { parseEvent, type Message } from "./parse-event.ts";
import {
  holeMask,
  holeShift,
  lengthMask,
  nodeLiteral,
  nodeNext,
  nodeSibling,
  roleShift,
  ShapeTree,
} from "./shape-tree.ts";
import { TextCache } from "./text-cache.ts";

const longestName = 253;
const longestClient = 64;
const unknownHash = textHash("unknown");
/** Longest pause in learning, in lines, after lines that taught nothing. */
const longestPause = 1023;

/** What an event of one type carries; the end of a shape stores a combination of these bits. */
const Kind = { flow: 1, identity: 2, counters: 4, purge: 8 } as const;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class EventScanner {
  readonly #event: FlowEvent;
  readonly #interfaceNumber: (name: string) => number;
  readonly #decoder = new TextDecoder();
  readonly #texts = new TextCache();
  readonly #shapes = new ShapeTree();
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  readonly #interfaces: { readonly bytes: Uint8Array; readonly number: number }[] = [];
  readonly #identity: Writable<FlowIdentity> = {
    client: "",
    protocol: "",
    application: "",
    host: undefined,
    hash: 0,
    place: undefined,
    sweep: 0,
  };
  // Values of the line being read, by role.
  #local = Number.NaN;
  #other = Number.NaN;
  #clientHash = 0;
  #protocolHash = 0;
  #applicationHash = 0;
  #hostHash = 0;
  /** Lines left in the current learning pause, and the length of the last pause. */
  #pauseLeft = 0;
  #pause = 0;

  /** Fills `event`; `interfaceNumber` gives each interface name its number. */
  constructor(event: FlowEvent, interfaceNumber: (name: string) => number) {
    this.#event = event;
    this.#interfaceNumber = interfaceNumber;
  }

  /** One line, without its newline: `bytes[start..end)`. */
  scan(bytes: Uint8Array, start: number, end: number): Message {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const kind = this.#match(start, end);
    if (kind !== 0) {
      this.#fill(kind);
      return "flow";
    }
    const message = parseEvent(this.#decoder.decode(bytes.subarray(start, end)), this.#event, this.#interfaceNumber);
    if (message === "flow") this.#learn(start, end);
    return message;
  }

  /**
   * The {@link Kind} of the line when its shape is known, with its values stored in this object; else 0. One loop on purpose: a function for each
   * step costs a sixth of the daemon's total time.
   */
  #match(start: number, end: number): number {
    this.#reset();
    const view = this.#view;
    const { numbers, doubles } = this.#shapes;
    let at = start;
    // Address of the link to the first candidate.
    let first = 0;
    step: for (;;) {
      let link = first;
      let before = 0;
      for (let node = numbers[link] ?? 0; node !== 0; node = numbers[node + nodeSibling] ?? 0) {
        const head = numbers[node] ?? 0;
        const value = at + (head & lengthMask);
        candidate: {
          if (value > end) break candidate;
          let double = (node + nodeLiteral) >> 1;
          const last = value - 8;
          if (last < at) {
            if (!this.#shortLiteralAt(at, value, double)) break candidate;
          } else {
            for (let here = at; here < last; here += 8)
              if (view.getFloat64(here, true) !== doubles[double++]) break candidate;
            if (view.getFloat64(last, true) !== doubles[double]) break candidate;
          }
          const hole = (head >> holeShift) & holeMask;
          const role = head >> roleShift;
          let next = -1;
          if (role !== Role.none) {
            if (hole !== Hole.end) next = this.#read(role, value, end);
            else if (value === end) return role;
          } else if (hole === Hole.text) next = this.#textEnd(value, end);
          else if (hole === Hole.number) next = this.#numberEnd(value, end);
          else next = this.#wordEnd(value);
          if (next < 0) break candidate;
          // Moves the match one place forward, so that the likeliest candidates are tried first.
          if (before !== 0) this.#shapes.swap(before, link, node);
          at = next;
          first = node + nodeNext;
          continue step;
        }
        if (before !== 0) link = before + nodeSibling;
        before = node;
      }
      return 0;
    }
  }

  /** Compares a literal of less than eight bytes, stored at the beginning of `double`. */
  #shortLiteralAt(at: number, end: number, double: number): boolean {
    const view = this.#view;
    const { literals } = this.#shapes;
    for (let here = at; here < end; here++) if (view.getUint8(here) !== literals[double * 8 + here - at]) return false;
    return true;
  }

  /** Reads the value at `at` and returns where it ends; -1: the value is not of the role's kind, or needs `JSON.parse`. */
  #read(role: number, at: number, end: number): number {
    if (role === Role.digest) return this.#readDigest(at, end, this.#event.digest, 0);
    if (role === Role.otherDigest) return this.#readOtherDigest(at, end);
    if (role >= Role.interface) return this.#readText(role, at, end);
    if (role !== Role.internal) return this.#readNumber(role, at, end);
    this.#event.internal = this.#view.getInt32(at, true) === wordTrue;
    return this.#wordEnd(at);
  }

  /** Returns the position of the closing quote of a text; -1: not a text. */
  #textEnd(at: number, end: number): number {
    let stop = this.#textStop(at, end);
    while (stop < end && this.#view.getUint8(stop) === backslash) {
      const after = this.#escapeEnd(stop + 1);
      if (after < 0) return -1;
      stop = this.#textStop(after, end);
    }
    return stop < end && this.#view.getUint8(stop) === quote ? stop : -1;
  }

  /** Position of the first quote, backslash or control character; `end` or more when there is none. */
  #textStop(at: number, end: number): number {
    const view = this.#view;
    let here = at;
    for (const last = view.byteLength - 4; here <= last; here += 4) {
      // Only the lowest marked byte is exact: borrows spill into the bytes above it.
      const four = view.getInt32(here, true);
      const quotes = four ^ 0x22222222;
      const escapes = four ^ 0x5c5c5c5c;
      const stops =
        (((quotes - 0x01010101) & ~quotes) | ((escapes - 0x01010101) & ~escapes) | ((four - 0x20202020) & ~four)) &
        tops;
      if (stops !== 0) return here + lowestByte(stops);
    }
    for (; here < end; here++) {
      const byte = view.getUint8(here);
      if (byte === quote || byte === backslash || byte < 32) return here;
    }
    return here;
  }

  /** End of the escape whose backslash precedes `at`; -1: invalid escape. */
  #escapeEnd(at: number): number {
    const bytes = this.#bytes;
    if (bytes[at] !== 117) return simpleEscapes.has(bytes[at]) ? at + 1 : -1;
    for (let here = at + 1; here < at + 5; here++)
      if (!/^[0-9a-fA-F]$/.test(String.fromCharCode(bytes[here] ?? 0))) return -1;
    return at + 5;
  }

  #readText(role: number, at: number, end: number): number {
    const view = this.#view;
    const stop = this.#textStop(at, end);
    if (
      stop >= end ||
      view.getUint8(stop) !== quote ||
      stop - at > (role === Role.client ? longestClient : longestName)
    )
      return -1;
    // Lower-casing beyond ASCII, and invalid UTF-8, need `JSON.parse`.
    for (let here = at; here < stop; here++) if (view.getUint8(here) > 126) return -1;
    if (role === Role.interface) {
      this.#event.interface = this.#interfaceAt(at, stop);
      return stop;
    }
    // An empty text counts as absent.
    if (stop === at && role !== Role.client) return stop;
    const text = stop === at ? "" : this.#texts.lower(view, at, stop);
    const hash = stop === at ? 0 : this.#texts.hash;
    const identity = this.#identity;
    if (role === Role.client) {
      identity.client = text;
      this.#clientHash = hash;
    } else if (role === Role.protocol) {
      identity.protocol = text;
      this.#protocolHash = hash;
    } else if (role === Role.application) {
      identity.application = text;
      this.#applicationHash = hash;
    } else if (role === Role.host || identity.host === undefined) {
      identity.host = text;
      this.#hostHash = hash;
    }
    return stop;
  }

  #readOtherDigest(at: number, end: number): number {
    const event = this.#event;
    if (event.othersCount === maxOthers) return -1;
    const stop = this.#readDigest(at, end, event.others, 5 * event.othersCount);
    if (stop >= 0) event.othersCount++;
    return stop;
  }

  /** 40 lower-case hexadecimal digits, or 16. */
  #readDigest(at: number, end: number, into: Uint32Array, from: number): number {
    const view = this.#view;
    let words = 5;
    let stop = at + 40;
    if (stop >= end || view.getUint8(stop) !== quote) {
      words = 2;
      stop = at + 16;
      if (stop >= end || view.getUint8(stop) !== quote) return -1;
      into[from + 2] = 0;
      into[from + 3] = 0;
      into[from + 4] = 0;
    }
    let wrong = 0;
    for (let word = 0; word < words; word++) {
      const high = view.getInt32(at + word * 8, true);
      const low = view.getInt32(at + word * 8 + 4, true);
      const highValues = hexValues(high);
      const lowValues = hexValues(low);
      wrong |= (hexDigits(highValues) ^ high) | (hexDigits(lowValues) ^ low) | ((highValues | lowValues) & 0x10101010);
      into[from + word] = (packed(highValues) << 16) | packed(lowValues);
    }
    return wrong === 0 ? stop : -1;
  }

  /** Reads a whole number of at most 15 digits; anything else needs `JSON.parse`. */
  #readNumber(role: number, at: number, end: number): number {
    const view = this.#view;
    const stop = this.#digitsEnd(at, end);
    const digits = stop - at;
    if (digits === 0 || digits > 15 || (digits > 1 && view.getUint8(at) === zero)) return -1;
    let value = 0;
    let here = at;
    for (; here + 4 <= stop; here += 4) {
      const four = view.getInt32(here, true) ^ 0x30303030;
      const pairs = (four * 10 + (four >>> 8)) & 0x00ff00ff;
      value = value * 10_000 + (pairs & 0xff) * 100 + (pairs >>> 16);
    }
    for (; here < stop; here++) value = value * 10 + view.getUint8(here) - zero;
    const event = this.#event;
    if (role === Role.totalBytes) event.total = value;
    else if (role === Role.localBytes) this.#local = value;
    else if (role === Role.otherBytes) this.#other = value;
    else if (role === Role.lastSeen) event.lastSeen = value;
    else event.firstSeen = value;
    return stop;
  }

  /** Returns where a number ends (RFC 8259 section 6); -1: no number. */
  #numberEnd(at: number, end: number): number {
    const bytes = this.#bytes;
    const begin = bytes[at] === 45 ? at + 1 : at;
    let here = this.#digitsEnd(begin, end);
    if (here === begin || (bytes[begin] === zero && here > begin + 1)) return -1;
    if (bytes[here] === 46) {
      const fraction = this.#digitsEnd(here + 1, end);
      if (fraction === here + 1) return -1;
      here = fraction;
    }
    if (bytes[here] === 101 || bytes[here] === 69) {
      const sign = bytes[here + 1] === 43 || bytes[here + 1] === 45 ? 2 : 1;
      const exponent = this.#digitsEnd(here + sign, end);
      if (exponent === here + sign) return -1;
      here = exponent;
    }
    return here;
  }

  #digitsEnd(at: number, end: number): number {
    const view = this.#view;
    let here = at;
    for (const last = view.byteLength - 4; here <= last; here += 4) {
      const four = view.getInt32(here, true) ^ 0x30303030;
      const stops = ((four + 0x76767676) | four) & tops;
      if (stops === 0) continue;
      return Math.min(here + lowestByte(stops), Math.max(at, end));
    }
    while (here < end && view.getUint8(here) >= zero && view.getUint8(here) <= zero + 9) here++;
    return here;
  }

  #wordEnd(at: number): number {
    const view = this.#view;
    if (at + 5 > view.byteLength) return -1;
    const four = view.getInt32(at, true);
    if (four === wordTrue || four === wordNull) return at + 4;
    return four === wordFals && view.getUint8(at + 4) === 101 ? at + 5 : -1;
  }

  #interfaceAt(start: number, end: number): number {
    search: for (const known of this.#interfaces) {
      if (known.bytes.length !== end - start) continue;
      for (let at = start; at < end; at++) if (known.bytes[at - start] !== this.#bytes[at]) continue search;
      return known.number;
    }
    const bytes = new Uint8Array(this.#bytes.subarray(start, end));
    const number = this.#interfaceNumber(this.#decoder.decode(bytes));
    if (this.#interfaces.length < 64) this.#interfaces.push({ bytes, number });
    return number;
  }

  #reset(): void {
    const event = this.#event;
    event.firstSeen = 0;
    event.lastSeen = 0;
    event.total = Number.NaN;
    event.internal = false;
    event.othersCount = 0;
    this.#local = Number.NaN;
    this.#other = Number.NaN;
    const identity = this.#identity;
    identity.protocol = "unknown";
    identity.application = "unknown";
    identity.host = undefined;
    this.#protocolHash = unknownHash;
    this.#applicationHash = unknownHash;
    this.#hostHash = 0;
  }

  #fill(kind: number): void {
    const event = this.#event;
    const local = this.#local;
    const other = this.#other;
    event.purge = (kind & Kind.purge) !== 0;
    if ((kind & Kind.counters) !== 0) {
      const noIncrement = Number.isNaN(local) && Number.isNaN(other);
      event.upload = Number.isNaN(local) ? 0 : local;
      event.increment = noIncrement ? Number.NaN : event.upload + (Number.isNaN(other) ? 0 : other);
    } else {
      event.increment = Number.NaN;
      event.upload = 0;
      event.total = Number.NaN;
    }
    if ((kind & Kind.identity) === 0) {
      event.identity = undefined;
      return;
    }
    const identity = this.#identity;
    identity.hash = namesHash(this.#clientHash, this.#protocolHash, this.#applicationHash, this.#hostHash);
    event.identity = identity;
  }

  /**
   * Learning costs ten times what parsing does: after a line that taught nothing (its shape is known but the fast path cannot read its values, or
   * there is no room) the next lines are only parsed; each such line doubles this pause.
   */
  #learn(start: number, end: number): void {
    if (this.#pauseLeft > 0) {
      this.#pauseLeft--;
      return;
    }
    this.#pause = this.#learned(new Uint8Array(this.#bytes.subarray(start, end)))
      ? 0
      : Math.min(longestPause, this.#pause * 2 + 1);
    this.#pauseLeft = this.#pause;
  }

  /** Learns the line's shape; true when it is new. */
  #learned(line: Uint8Array): boolean {
    const steps = learnShape(line);
    if (steps === undefined || !steps.some((step) => step.role === Role.digest)) return false;
    const event = this.#event;
    const identity = event.identity === undefined ? 0 : Kind.identity;
    const counters = Number.isNaN(event.increment) && Number.isNaN(event.total) ? 0 : Kind.counters;
    return this.#shapes.add(steps, Kind.flow | identity | counters | (event.purge ? Kind.purge : 0));
  }
}

const [wordTrue, wordNull, wordFals] = ["true", "null", "fals"].map(littleEndian);
const [quote, backslash, zero] = [34, 92, 48];
const simpleEscapes: ReadonlySet<number | undefined> = new Set(Array.from('"\\/bfnrt', (sign) => sign.charCodeAt(0)));
