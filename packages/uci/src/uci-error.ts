/**
 * The errors of UCI itself, with the wording and numbers of the original (spec "uci", section 9). This package has no file access: the caller that
 * reads a file adds its name.
 */
export type UciErrorKind = "out_of_memory" | "invalid_argument" | "not_found" | "io" | "parse" | "duplicate";

const texts: Readonly<Record<UciErrorKind, readonly [number: number, text: string]>> = {
  out_of_memory: [1, "Out of memory"],
  invalid_argument: [2, "Invalid argument"],
  not_found: [3, "Entry not found"],
  io: [4, "I/O error"],
  parse: [5, "Parse error"],
  duplicate: [6, "Duplicate entry"],
};

/** Position of a parse error: `line` counts the lines read so far, `byte` is the offset in the logical line. */
export interface ParsePosition {
  readonly reason: string;
  readonly line: number;
  readonly byte: number;
}

export class UciError extends Error {
  readonly kind: UciErrorKind;
  /** The number libuci gives this error; the exit status of `uci add`. */
  readonly number: number;
  readonly position: ParsePosition | undefined;

  constructor(kind: UciErrorKind, position?: ParsePosition, cause?: unknown) {
    const [number, text] = texts[kind];
    super(
      position === undefined ? text : `${text} (${position.reason}) at line ${position.line}, byte ${position.byte}`,
      cause === undefined ? undefined : { cause },
    );
    this.name = "UciError";
    this.kind = kind;
    this.number = number;
    this.position = position;
  }
}
