/**
 * Lower-case strings of byte ranges seen before, without making them again: most names in a stream repeat. Pure.
 * Bounded: a fixed number of places, the newer text replaces the older one.
 */
const places = 8192;
/** Longer texts are made each time. */
const longest = 253;

export class TextCache {
  private readonly texts: (string | undefined)[] = Array.from({ length: places }, () => undefined);
  private readonly bytes: (Uint8Array | undefined)[] = Array.from({ length: places }, () => undefined);

  /** `source[start..end)`, ASCII only, in lower case. */
  lower(source: Uint8Array, start: number, end: number): string {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (source[at] ?? 0)) | 0;
    const place = (hash ^ (hash >>> 13)) & (places - 1);
    const known = this.bytes[place];
    if (known !== undefined && same(known, source, start, end)) return this.texts[place] ?? "";
    const own = new Uint8Array(source.subarray(start, end)); // Not slice: a Buffer's is a view, which would keep all of it.
    const text = latin1.decode(own).toLowerCase();
    if (own.length <= longest) {
      this.bytes[place] = own;
      this.texts[place] = text;
    }
    return text;
  }
}

const latin1 = new TextDecoder("latin1");

function same(known: Uint8Array, source: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== source[start + at]) return false;
  return true;
}
