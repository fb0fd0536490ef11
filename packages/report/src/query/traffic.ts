/**
 * Bytes with their directions, as far as these are known: not of what was recorded by versions before 0.2.0, nor where the DPI engine tells only a flow's
 * total (docs/reports.md, "Download and upload"). Pure.
 */

export interface Traffic {
  readonly bytes: number;
  /** The bytes that are known to have gone to the client, and those from it; the direction of the rest is not known. */
  readonly download: number;
  readonly upload: number;
}

export interface Usage extends Traffic {
  /** A client's address, or a name as in the hour files. */
  readonly id: string;
}

/** Adds up usages by their id. */
export class UsageSums {
  readonly #sums = new Map<string, { readonly id: string; bytes: number; download: number; upload: number }>();

  add(id: string, bytes: number, download: number, upload: number): void {
    if (bytes <= 0) return;
    const sum = this.#sums.get(id);
    if (sum === undefined) {
      this.#sums.set(id, { id, bytes, download, upload });
      return;
    }
    sum.bytes += bytes;
    sum.download += download;
    sum.upload += upload;
  }

  sorted(): Usage[] {
    return sortUsages([...this.#sums.values()]);
  }
}

/** In place: largest first, equal ones by name. */
export function sortUsages(usages: Usage[]): Usage[] {
  return usages.sort((a, b) => b.bytes - a.bytes || (a.id < b.id ? -1 : 1));
}

/** Of the total of a day or a range. */
export function totalTraffic({
  total,
  download,
  upload,
}: {
  readonly total: number;
  readonly download: number;
  readonly upload: number;
}): Traffic {
  return { bytes: total, download, upload };
}

export function trafficOf(usages: readonly Traffic[]): Traffic {
  let [bytes, download, upload] = [0, 0, 0];
  for (const usage of usages) {
    bytes += usage.bytes;
    download += usage.download;
    upload += usage.upload;
  }
  return { bytes, download, upload };
}

/** The rest of some traffic: what is not in the list. */
export function trafficWithout(all: Traffic, usages: readonly Traffic[]): Traffic {
  const listed = trafficOf(usages);
  return {
    bytes: Math.max(0, all.bytes - listed.bytes),
    download: Math.max(0, all.download - listed.download),
    upload: Math.max(0, all.upload - listed.upload),
  };
}

/** Of less than this share, a sum by direction says nothing about the whole. */
const leastKnown = 0.9;

export interface Split {
  readonly download: number;
  readonly upload: number;
  /** Bytes whose direction is not known: download and upload may each be more by so many. */
  readonly rest: number;
}

/** undefined: of too much the direction is not known. */
export function splitOf({ bytes, download, upload }: Traffic): Split | undefined {
  const known = download + upload;
  return known < bytes * leastKnown ? undefined : { download, upload, rest: bytes - known };
}

/** For programs: null while the direction of more than a tenth is not known. */
export function splitJson(traffic: Traffic): { readonly download: number | null; readonly upload: number | null } {
  const split = splitOf(traffic);
  return { download: split?.download ?? null, upload: split?.upload ?? null };
}
