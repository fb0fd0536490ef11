/**
 * Parses JSON as the controller's decoder does (Go's encoding/json; its error texts are in the recorded answers): only the first value
 * of a body, exact 64-bit integers, case-insensitive member names, invalid text replaced by U+FFFD.
 */

/** A number in its source form: `5`, `5.0` and `1.79e9` stay distinguishable. */
export class GoNumber {
  readonly raw: string;
  constructor(raw: string) {
    this.raw = raw;
  }
}
export type GoJson = null | boolean | string | GoNumber | readonly GoJson[] | ReadonlyMap<string, GoJson>;

/** The decoder's error for a body that it cannot use. */
export class DecodeError extends Error {}

/** The first value in `body`. A value that ends after `limit` bytes is refused; anything after a complete value is ignored. */
export function decodeFirst(body: Uint8Array, limit: number): GoJson {
  // The parser works on bytes, so its positions are byte positions.
  const parser = new Parser(
    Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, limit)),
    body.length > limit,
  );
  return parser.first();
}

class Parser {
  readonly #bytes: Buffer;
  readonly #cut: boolean;
  #at = 0;
  constructor(bytes: Buffer, cut: boolean) {
    this.#bytes = bytes;
    this.#cut = cut;
  }

  first(): GoJson {
    this.#blanks();
    if (this.#at >= this.#bytes.length) throw new DecodeError(this.#cut ? "http: request body too large" : "EOF");
    return this.#value();
  }

  #ended(): DecodeError {
    return new DecodeError(this.#cut ? "http: request body too large" : "unexpected EOF");
  }

  #blanks(): void {
    while ([0x20, 0x09, 0x0a, 0x0d].includes(this.#bytes[this.#at] ?? 0)) this.#at += 1;
  }

  #next(what: string): string {
    this.#blanks();
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#ended();
    const character = String.fromCharCode(byte);
    if (what !== "" && !what.includes(character)) throw invalid(byte, "in value");
    this.#at += 1;
    return character;
  }

  #value(): GoJson {
    this.#blanks();
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#ended();
    if (byte === 0x7b) return this.#object();
    if (byte === 0x5b) return this.#array();
    if (byte === 0x22) return this.#text();
    for (const [word, value] of [
      ["null", null],
      ["true", true],
      ["false", false],
    ] as const)
      if (this.#bytes.toString("latin1", this.#at, this.#at + word.length) === word) {
        this.#at += word.length;
        return value;
      }
    const raw = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/.exec(
      this.#bytes.toString("latin1", this.#at, this.#at + 400),
    )?.[0];
    if (raw === undefined) throw invalid(byte, "looking for beginning of value");
    this.#at += raw.length;
    return new GoNumber(raw);
  }

  #object(): GoJson {
    this.#at += 1;
    const members = new Map<string, GoJson>();
    this.#blanks();
    if (this.#bytes[this.#at] === 0x7d) {
      this.#at += 1;
      return members;
    }
    for (;;) {
      this.#next('"');
      this.#at -= 1;
      const name = this.#text();
      this.#next(":");
      members.set(name, this.#value());
      if (this.#next(",}") === "}") return members;
    }
  }

  #array(): GoJson {
    this.#at += 1;
    const items: GoJson[] = [];
    this.#blanks();
    if (this.#bytes[this.#at] === 0x5d) {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(this.#value());
      if (this.#next(",]") === "]") return items;
    }
  }

  #text(): string {
    const begin = this.#at;
    let end = begin + 1;
    while (this.#bytes[end] !== 0x22) {
      if (end >= this.#bytes.length) throw this.#ended();
      end += this.#bytes[end] === 0x5c ? 2 : 1;
    }
    this.#at = end + 1;
    const quoted = this.#bytes.toString("utf8", begin, end + 1);
    let value: unknown;
    try {
      value = JSON.parse(quoted);
    } catch {
      throw new DecodeError("invalid character in string literal");
    }
    return String(value).toWellFormed();
  }
}

function invalid(byte: number, where: string): DecodeError {
  const shown = byte < 0x20 || byte > 0x7e ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte);
  return new DecodeError(`invalid character '${shown}' ${where}`);
}

export const isObject = (value: GoJson | undefined): value is ReadonlyMap<string, GoJson> => value instanceof Map;

/** A member by its name: an exact match first, else a case-insensitive one, as in Go. */
export function member(object: ReadonlyMap<string, GoJson>, name: string): GoJson | undefined {
  if (object.has(name)) return object.get(name);
  for (const [key, value] of object) if (key.toLowerCase() === name) return value;
  return undefined;
}

export type Kind = "string" | "int" | "int64";
export type Shape = Readonly<Record<string, Kind>>;
export type Fields = Readonly<Record<string, string | bigint>>;

/** Decodes `value` into a struct of the controller. Absent and null members become "" or 0. Throws DecodeError for a value of another type. */
export function bind(value: GoJson, struct: string, shape: Shape): Fields {
  if (value === null) value = new Map();
  if (!isObject(value))
    throw new DecodeError(`json: cannot unmarshal ${kindOf(value)} into Go value of type models.${struct}`);
  const fields: Record<string, string | bigint> = {};
  for (const [name, kind] of Object.entries(shape)) {
    const given = member(value, name);
    fields[name] = kind === "string" ? "" : 0n;
    if (given === undefined || given === null) continue;
    if (kind === "string" && typeof given === "string") fields[name] = given;
    else if (kind !== "string" && given instanceof GoNumber && isInt64(given.raw)) fields[name] = BigInt(given.raw);
    else
      throw new DecodeError(
        `json: cannot unmarshal ${kindOf(given)} into Go struct field ${struct}.${name} of type ${kind}`,
      );
  }
  return fields;
}

const isInt64 = (raw: string): boolean => /^-?\d+$/.test(raw) && BigInt.asIntN(64, BigInt(raw)) === BigInt(raw);

function kindOf(value: GoJson): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  if (value instanceof GoNumber) return "number";
  return isObject(value) ? "object" : "array";
}
