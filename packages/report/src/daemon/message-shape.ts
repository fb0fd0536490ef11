/**
 * The shape of a message of the flow stream: the text between its values, and which values matter. Shapes are learned from messages that `JSON.parse`
 * accepted, so the order of keys and the set of fields need not be fixed.
 * Pure. Invariant: a shape is learned only where reading by it must give the same result as `JSON.parse`.
 */

/** A value that the accounting uses; `none`: one that it does not use. */
export const Role = {
  none: 0,
  internal: 1,
  digest: 2,
  firstSeen: 3,
  lastSeen: 4,
  localBytes: 5,
  otherBytes: 6,
  totalBytes: 7,
  // The roles from here on are texts.
  interface: 8,
  client: 9,
  protocol: 10,
  application: 11,
  host: 12,
  dnsHost: 13,
  /** Also a text, may occur several times: another digest of the flow. */
  otherDigest: 14,
} as const;

export const Hole = { end: 0, text: 1, number: 2, word: 3 } as const;

/** Literal text, then a value (or the end). The quotes of a text belong to the literals. */
export interface Step {
  readonly literal: Uint8Array;
  readonly hole: number;
  readonly role: number;
}

const otherDigests = "flow.digest_prev";

const roles: ReadonlyMap<string, readonly [role: number, hole: number]> = new Map([
  ["interface", [Role.interface, Hole.text]],
  ["internal", [Role.internal, Hole.word]],
  ["flow.digest", [Role.digest, Hole.text]],
  ["flow.first_seen_at", [Role.firstSeen, Hole.number]],
  ["flow.last_seen_at", [Role.lastSeen, Hole.number]],
  ["flow.local_bytes", [Role.localBytes, Hole.number]],
  ["flow.other_bytes", [Role.otherBytes, Hole.number]],
  ["flow.total_bytes", [Role.totalBytes, Hole.number]],
  ["flow.local_ip", [Role.client, Hole.text]],
  ["flow.detected_protocol_name", [Role.protocol, Hole.text]],
  ["flow.detected_application_name", [Role.application, Hole.text]],
  ["flow.host_server_name", [Role.host, Hole.text]],
  ["flow.dns_host_name", [Role.dnsHost, Hole.text]],
  [`${otherDigests}[]`, [Role.otherDigest, Hole.text]],
]);

const [quote, backslash, comma, colon] = [34, 92, 44, 58];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];

/**
 * The steps of one message, which must be valid JSON. undefined when such messages stay with `JSON.parse`: escapes, bytes beyond ASCII, blanks
 * between tokens, a wanted field that occurs twice or has another type.
 */
export function learnShape(line: Uint8Array): Step[] | undefined {
  if (line.some((byte) => byte === backslash || byte < 32 || byte > 126)) return undefined;
  const walk = new Walk(line);
  return walk.value("") && walk.at === line.length ? walk.finish() : undefined;
}

class Walk {
  at = 0;
  readonly #line: Uint8Array;
  readonly #steps: Step[] = [];
  #literalStart = 0;
  readonly #taken = new Set<string>();

  constructor(line: Uint8Array) {
    this.#line = line;
  }

  finish(): Step[] {
    return [...this.#steps, { literal: this.#line.slice(this.#literalStart), hole: Hole.end, role: Role.none }];
  }

  /** Walks over one value; `path` is its place ("flow.digest"; array items have "[]"). Returns false when the shape must not be learned. */
  value(path: string): boolean {
    if (path === otherDigests && !this.#once(path)) return false;
    const first = this.#line[this.at];
    if (first === openBrace) return this.#items(closeBrace, () => this.#member(path));
    if (first === openBracket) return this.#items(closeBracket, () => this.value(`${path}[]`));
    // The type of the event decides what the other fields mean, so it becomes part of the literal.
    if (path === "type") return first === quote && this.#once(path) && this.#skipText();
    return this.#hole(path, first === quote ? Hole.text : isNumberStart(first) ? Hole.number : Hole.word);
  }

  #items(close: number, item: () => boolean): boolean {
    this.at++;
    if (this.#line[this.at] === close) {
      this.at++;
      return true;
    }
    for (;;) {
      if (!item()) return false;
      const next = this.#line[this.at++];
      if (next === close) return true;
      if (next !== comma) return false;
    }
  }

  #member(path: string): boolean {
    const start = this.at + 1;
    if (!this.#skipText()) return false;
    const key = String.fromCharCode(...this.#line.subarray(start, this.at - 1));
    if (this.#line[this.at++] !== colon) return false;
    // A key that contains a dot must not match a path.
    const name = key.includes(".") || key.includes("[") ? "?" : key;
    const full = path === "" ? name : `${path}.${name}`;
    return full === "flow" && !this.#once(full) ? false : this.value(full);
  }

  #hole(path: string, kind: number): boolean {
    const wanted = roles.get(path);
    if (wanted !== undefined && (wanted[1] !== kind || !(wanted[0] === Role.otherDigest || this.#once(path))))
      return false;
    const textStart = kind === Hole.text ? 1 : 0;
    const start = this.at + textStart;
    if (kind === Hole.text) {
      if (!this.#skipText()) return false;
    } else {
      while (this.at < this.#line.length && !isDelimiter(this.#line[this.at])) this.at++;
      if (this.at === start) return false;
    }
    this.#steps.push({
      literal: this.#line.slice(this.#literalStart, start),
      hole: kind,
      role: wanted?.[0] ?? Role.none,
    });
    this.#literalStart = this.at - textStart;
    return true;
  }

  #once(path: string): boolean {
    if (this.#taken.has(path)) return false;
    this.#taken.add(path);
    return true;
  }

  #skipText(): boolean {
    if (this.#line[this.at] !== quote) return false;
    const end = this.#line.indexOf(quote, this.at + 1);
    this.at = end + 1;
    return end > 0;
  }
}

function isNumberStart(byte: number | undefined): boolean {
  return byte === 45 || (byte !== undefined && byte >= 48 && byte <= 57);
}

function isDelimiter(byte: number | undefined): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || byte === 32;
}
