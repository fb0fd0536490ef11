/**
 * Messages by their shapes: a line that is built like one seen before is read straight from its bytes, any other by `JSON.parse`,
 * which also teaches the next shape. Several times as fast as parsing each line, since an agent builds its messages in a few dozen ways.
 * Pure. Invariants: the answer is always the one of `parseEvent` (fuzzed against it): a line goes the fast way only when every
 * byte between the values equals a learned shape and every value is of the learned kind; memory for shapes is bounded.
 */
import type { FlowEvent } from "./flow-event.ts";
import { Hole, learnShape, Role, type Step } from "./message-shape.ts";
import { parseEvent, type Message } from "./parse-event.ts";
import { TextCache } from "./text-cache.ts";

/** All shapes together; every recording made so far has some 300. */
const maxNodes = 8192;
const longestName = 253;
const longestClient = 64;

/** One step of one or many shapes: they share what they have in common from the beginning of the line. */
class Node {
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly hole: number;
  readonly role: number;
  /** What may come next; the likeliest first. */
  readonly next: Node[] = [];
  /** At the end of a shape. */
  readonly kind: Kind | undefined;

  constructor(step: Step, kind: Kind | undefined) {
    this.bytes = step.literal;
    this.length = step.literal.length;
    const view = new DataView(step.literal.buffer, step.literal.byteOffset, step.literal.length);
    // Four bytes at a time; the last group may overlap the one before it.
    const groups = this.length < 4 ? 0 : Math.ceil(this.length / 4);
    this.words = Int32Array.from({ length: groups }, (_, index) =>
      view.getInt32(Math.min(index * 4, this.length - 4), true),
    );
    this.hole = step.hole;
    this.role = step.role;
    this.kind = kind;
  }
}

/** What an event of one type carries. */
interface Kind {
  readonly identity: boolean;
  readonly counters: boolean;
  readonly purge: boolean;
}

export class EventScanner {
  private readonly event: FlowEvent;
  private readonly interfaceNumber: (name: string) => number;
  private readonly decoder = new TextDecoder();
  private readonly texts = new TextCache();
  private readonly first: Node[] = [];
  private nodes = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.bytes.buffer);
  private readonly interfaces: { readonly bytes: Uint8Array; readonly number: number }[] = [];
  /** Where the value just read ends. */
  private at = 0;
  // The values of the line being read, by role.
  private local = Number.NaN;
  private other = Number.NaN;
  private client = "";
  private protocol = "";
  private application = "";
  private host = "";
  private dnsHost = "";

  /** Fills `event`; `interfaceNumber` gives each interface name its number. */
  constructor(event: FlowEvent, interfaceNumber: (name: string) => number) {
    this.event = event;
    this.interfaceNumber = interfaceNumber;
  }

  /** One line, without its newline: `bytes[start..end)`. */
  scan(bytes: Uint8Array, start: number, end: number): Message {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const kind = this.match(start, end);
    if (kind !== undefined) {
      this.fill(kind);
      return "flow";
    }
    const message = parseEvent(this.decoder.decode(bytes.subarray(start, end)), this.event, this.interfaceNumber);
    if (message === "flow" && this.nodes < maxNodes) this.learn(new Uint8Array(bytes.subarray(start, end)));
    return message;
  }

  private match(start: number, end: number): Kind | undefined {
    this.reset();
    let at = start;
    let candidates = this.first;
    search: for (;;) {
      for (let index = 0; index < candidates.length; index++) {
        const node = candidates[index];
        if (node === undefined || at + node.length > end || !this.literalAt(node, at)) continue;
        const value = at + node.length;
        if (node.hole === Hole.end) {
          if (value === end) return node.kind;
          continue;
        }
        if (!this.read(node, value, end)) continue;
        // Towards the front by one: the likeliest of a few comes first soon.
        if (index > 0) this.promote(candidates, index);
        at = this.at;
        candidates = node.next;
        continue search;
      }
      return undefined;
    }
  }

  private promote(candidates: Node[], index: number): void {
    const [before, node] = [candidates[index - 1], candidates[index]];
    if (before === undefined || node === undefined) return;
    candidates[index - 1] = node;
    candidates[index] = before;
  }

  private literalAt(node: Node, at: number): boolean {
    const { words, length } = node;
    const { view } = this;
    const last = words.length - 1;
    if (last < 0) {
      for (let offset = 0; offset < length; offset++) if (this.bytes[at + offset] !== node.bytes[offset]) return false;
      return true;
    }
    for (let index = 0; index < last; index++) if (view.getInt32(at + index * 4, true) !== words[index]) return false;
    return view.getInt32(at + length - 4, true) === words[last];
  }

  /** Reads the value that starts at `at`; sets `this.at` to its end. False: not of this node's kind. */
  private read(node: Node, at: number, end: number): boolean {
    if (node.hole === Hole.number)
      return node.role === Role.none ? this.skipNumber(at, end) : this.readNumber(node.role, at, end);
    if (node.hole === Hole.word) return this.readWord(node.role, at);
    return node.role === Role.none ? this.skipText(at, end) : this.readText(node.role, at, end);
  }

  private skipText(at: number, end: number): boolean {
    const { bytes } = this;
    for (let here = at; here < end; here++) {
      const byte = bytes[here] ?? 0;
      if (byte === 34) {
        this.at = here;
        return true;
      }
      if (byte === 92 || byte < 32) return false;
    }
    return false;
  }

  private readText(role: number, at: number, end: number): boolean {
    if (role === Role.digest) return this.readDigest(at, end);
    const { bytes } = this;
    let here = at;
    for (; here < end; here++) {
      const byte = bytes[here] ?? 0;
      if (byte === 34) break;
      if (byte === 92 || byte < 32 || byte > 126) return false;
    }
    if (here >= end || here - at > (role === Role.client ? longestClient : longestName)) return false;
    this.at = here;
    if (role === Role.interface) {
      this.event.interface = this.interfaceAt(at, here);
      return true;
    }
    const text = here === at ? "" : this.texts.lower(bytes, at, here);
    if (role === Role.client) this.client = text;
    else if (role === Role.protocol) this.protocol = text;
    else if (role === Role.application) this.application = text;
    else if (role === Role.host) this.host = text;
    else this.dnsHost = text;
    return true;
  }

  /** 40 lower-case hexadecimal digits. */
  private readDigest(at: number, end: number): boolean {
    if (at + 40 >= end || this.bytes[at + 40] !== 34) return false;
    const { bytes } = this;
    for (let word = 0; word < 5; word++) {
      let value = 0;
      for (let digit = word * 8; digit < word * 8 + 8; digit++) {
        const hex = hexValues[bytes[at + digit] ?? 0] ?? 255;
        if (hex > 15) return false;
        value = (value << 4) | hex;
      }
      this.event.digest[word] = value;
    }
    this.at = at + 40;
    return true;
  }

  /** A whole number of at most 15 digits; anything else goes the slow way. */
  private readNumber(role: number, at: number, end: number): boolean {
    const { bytes } = this;
    let value = 0;
    let here = at;
    for (; here < end; here++) {
      const digit = (bytes[here] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = here - at;
    if (digits === 0 || digits > 15 || (digits > 1 && bytes[at] === 48)) return false;
    this.at = here;
    if (role === Role.totalBytes) this.event.total = value;
    else if (role === Role.localBytes) this.local = value;
    else if (role === Role.otherBytes) this.other = value;
    else if (role === Role.lastSeen) this.event.lastSeen = value;
    else this.event.firstSeen = value;
    return true;
  }

  /** RFC 8259 section 6. */
  private skipNumber(at: number, end: number): boolean {
    const { bytes } = this;
    let here = bytes[at] === 45 ? at + 1 : at;
    const zero = bytes[here] === 48;
    const whole = this.digits(here, end);
    if (whole === here || (zero && whole > here + 1)) return false;
    here = whole;
    if (bytes[here] === 46) {
      const fraction = this.digits(here + 1, end);
      if (fraction === here + 1) return false;
      here = fraction;
    }
    if (bytes[here] === 101 || bytes[here] === 69) {
      const sign = bytes[here + 1] === 43 || bytes[here + 1] === 45 ? 2 : 1;
      const exponent = this.digits(here + sign, end);
      if (exponent === here + sign) return false;
      here = exponent;
    }
    this.at = here;
    return true;
  }

  private digits(at: number, end: number): number {
    let here = at;
    while (here < end && (this.bytes[here] ?? 0) >= 48 && (this.bytes[here] ?? 0) <= 57) here++;
    return here;
  }

  private readWord(role: number, at: number): boolean {
    const first = this.bytes[at];
    const word = first === 116 ? words.true : first === 102 ? words.false : words.null;
    for (let offset = 0; offset < word.length; offset++) if (this.bytes[at + offset] !== word[offset]) return false;
    this.at = at + word.length;
    if (role === Role.internal) this.event.internal = word === words.true;
    return true;
  }

  private interfaceAt(start: number, end: number): number {
    search: for (const known of this.interfaces) {
      if (known.bytes.length !== end - start) continue;
      for (let at = start; at < end; at++) if (known.bytes[at - start] !== this.bytes[at]) continue search;
      return known.number;
    }
    const bytes = new Uint8Array(this.bytes.subarray(start, end));
    const number = this.interfaceNumber(this.decoder.decode(bytes));
    if (this.interfaces.length < 64) this.interfaces.push({ bytes, number });
    return number;
  }

  private reset(): void {
    const { event } = this;
    event.firstSeen = 0;
    event.lastSeen = 0;
    event.total = Number.NaN;
    event.internal = false;
    event.alias = undefined;
    this.local = Number.NaN;
    this.other = Number.NaN;
    this.protocol = "";
    this.application = "";
    this.host = "";
    this.dnsHost = "";
  }

  private fill(kind: Kind): void {
    const { event, local, other } = this;
    event.purge = kind.purge;
    if (kind.counters) {
      const noIncrement = Number.isNaN(local) && Number.isNaN(other);
      event.increment = noIncrement
        ? Number.NaN
        : (Number.isNaN(local) ? 0 : local) + (Number.isNaN(other) ? 0 : other);
    } else {
      event.increment = Number.NaN;
      event.total = Number.NaN;
    }
    event.identity = kind.identity
      ? {
          client: this.client,
          protocol: this.protocol || "unknown",
          application: this.application || "unknown",
          host: this.host || this.dnsHost || undefined,
        }
      : undefined;
  }

  private learn(line: Uint8Array): void {
    const steps = learnShape(line);
    if (steps === undefined || !steps.some((step) => step.role === Role.digest)) return;
    const { event } = this;
    const kind = {
      identity: event.identity !== undefined,
      counters: !Number.isNaN(event.increment) || !Number.isNaN(event.total),
      purge: event.purge,
    };
    let level = this.first;
    for (const step of steps) {
      const known =
        step.hole === Hole.end
          ? undefined
          : level.find(
              (node) => node.hole === step.hole && node.role === step.role && sameBytes(node.bytes, step.literal),
            );
      const node = known ?? new Node(step, step.hole === Hole.end ? kind : undefined);
      if (known === undefined) {
        this.nodes++;
        level.push(node);
      }
      level = node.next;
    }
  }
}

const words = {
  true: Uint8Array.from([116, 114, 117, 101]),
  false: Uint8Array.from([102, 97, 108, 115, 101]),
  null: Uint8Array.from([110, 117, 108, 108]),
};

const hexValues = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 48 && byte <= 57) return byte - 48;
  return byte >= 97 && byte <= 102 ? byte - 87 : 255;
});

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
