/**
 * How many bytes went to the clients (download) and from them (upload), beside a column of bytes: in the hour indexes, and in the roll-ups of days and
 * months. Pure.
 * Stored small: the upload is words while all of its numbers fit, the download is what remains, and few rows have bytes without a direction. Where no
 * direction is known there is nothing: what an earlier version recorded, or of an agent that does not tell.
 * Invariant: download + upload + bytes without a direction = bytes, in each row.
 */

export type ByteColumn = Uint32Array | Float64Array;

export interface Directions {
  readonly upload: ByteColumn;
  /** Rows with bytes whose direction is not known, in order; all other bytes of a row are download or upload. */
  readonly restRows: Uint32Array;
  /** By entry of `restRows`. */
  readonly rest: Float64Array;
}

/** Collects the directions of a column of bytes, row by row. */
export class DirectionsBuilder {
  readonly #upload: Float64Array;
  readonly #restRows: number[] = [];
  readonly #rest: number[] = [];
  #isKnown = false;

  constructor(rows: number) {
    this.#upload = new Float64Array(rows);
  }

  /** The rows in order. */
  add(row: number, bytes: number, download: number, upload: number): void {
    if (download + upload > 0) this.#isKnown = true;
    this.#upload[row] = upload;
    const rest = bytes - download - upload;
    if (rest === 0) return;
    this.#restRows.push(row);
    this.#rest.push(rest);
  }

  /** undefined: no direction is known. */
  finish(): Directions | undefined {
    if (!this.#isKnown) return undefined;
    const [restRows, rest] = [Uint32Array.from(this.#restRows), Float64Array.from(this.#rest)];
    return { upload: smallest(this.#upload), restRows, rest };
  }
}

function smallest(column: Float64Array): ByteColumn {
  for (let row = 0; row < column.length; row++) if ((column[row] ?? 0) > 0xffff_ffff) return column;
  return new Uint32Array(column);
}

export function uploadOf(directions: Directions | undefined, row: number): number {
  return directions === undefined ? 0 : (directions.upload[row] ?? 0);
}

/** `bytes`: those of the row. */
export function downloadOf(directions: Directions | undefined, row: number, bytes: number): number {
  return directions === undefined ? 0 : bytes - (directions.upload[row] ?? 0) - restOf(directions, row);
}

function restOf({ restRows, rest }: Directions, row: number): number {
  const at = firstRest(restRows, row);
  return restRows[at] === row ? (rest[at] ?? 0) : 0;
}

/** The first entry of `restRows` that is `row` or later. */
export function firstRest(restRows: Uint32Array, row: number): number {
  let low = 0;
  let high = restRows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((restRows[middle] ?? 0) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Directions without the rows that `wanted` refuses: those have no bytes any more. */
export function keepRows({ upload, restRows, rest }: Directions, wanted: (row: number) => boolean): Directions {
  const kept = [...restRows.keys()].filter((at) => wanted(restRows[at] ?? 0));
  return {
    upload: upload.map((bytes, row) => (wanted(row) ? bytes : 0)),
    restRows: Uint32Array.from(kept, (at) => restRows[at] ?? 0),
    rest: Float64Array.from(kept, (at) => rest[at] ?? 0),
  };
}

const noDoubles = new Float64Array();
const noWords = new Uint32Array();

/** For files: two columns of doubles and two of words for each of several directions; empty where there is nothing. */
export function splitDirections(list: readonly (Directions | undefined)[]): {
  readonly doubles: readonly Float64Array[];
  readonly words: readonly Uint32Array[];
} {
  return {
    doubles: list.flatMap((one) => [
      one?.upload instanceof Float64Array ? one.upload : noDoubles,
      one?.rest ?? noDoubles,
    ]),
    words: list.flatMap((one) => [one?.upload instanceof Uint32Array ? one.upload : noWords, one?.restRows ?? noWords]),
  };
}

/** The reverse of {@link splitDirections}. */
export function joinDirections(
  doubles: readonly Float64Array[],
  words: readonly Uint32Array[],
): (Directions | undefined)[] {
  return Array.from({ length: doubles.length / 2 }, (_, index) => {
    const upload = [doubles[2 * index], words[2 * index]].find((column) => (column?.length ?? 0) > 0);
    if (upload === undefined) return undefined;
    return { upload, rest: doubles[2 * index + 1] ?? noDoubles, restRows: words[2 * index + 1] ?? noWords };
  });
}
