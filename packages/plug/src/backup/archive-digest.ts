/**
 * Digest of a configuration archive's content: names, kinds, modes, link targets and file contents, in name order. Times, owners' names, the order
 * of members and the compression do not count, so that the same configuration gives the same digest every night (contract ns-plug 3).
 * The archive is parsed as a stream of 512-byte blocks (POSIX ustar, GNU long names, pax paths), in a few kilobytes of memory whatever its size.
 */
import { createHash } from "node:crypto";
import { createGunzip } from "node:zlib";
import { Readable } from "node:stream";
import { NethsecError } from "@nethsec/host/error";

const block = 512;
/** An archive with a longer name is refused: no configuration has one. */
const maxNameBytes = 64 * 1024;

const damaged = (why: string): NethsecError =>
  new NethsecError({
    code: "archive_damaged",
    message: `The configuration archive cannot be read: ${why}`,
    advice: "Run `sysupgrade -b` by hand and look at its output.",
  });

const tooLarge = (maxBytes: number): NethsecError =>
  new NethsecError({
    code: "archive_too_large",
    message: `The archive is larger than ${maxBytes} bytes when unpacked.`,
    advice: "Free memory in /tmp, or restore it by hand from another file system: sysupgrade -r FILE",
  });

/** Throws NethsecError "archive_damaged" or "archive_too_large" unless it is a whole archive of at most `maxBytes` when unpacked. */
export async function checkArchive(archive: ReadableStream<Uint8Array>, maxBytes: number): Promise<void> {
  let members = 0;
  for await (const { name } of tarMembers(archive, maxBytes)) {
    if (name.split("/").includes(".."))
      throw damaged(`a member is outside of it: ${JSON.stringify(name.slice(0, 200))}`);
    members += 1;
  }
  if (members === 0) throw damaged("it is empty");
}

/** SHA-256, hexadecimal, of a gzip-compressed tar archive. */
export async function archiveDigest(archive: ReadableStream<Uint8Array>): Promise<string> {
  const members: string[] = [];
  for await (const member of tarMembers(archive, Infinity)) {
    members.push(`${member.name}\0${member.type}\0${member.mode}\0${member.link}\0${member.sha256}\n`);
  }
  const hash = createHash("sha256");
  for (const member of members.toSorted()) hash.update(member);
  return hash.digest("hex");
}

interface Member {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly link: string;
  readonly sha256: string;
}

async function* tarMembers(archive: ReadableStream<Uint8Array>, maxBytes: number): AsyncGenerator<Member> {
  const reader = blockReader(archive, maxBytes);
  let longName: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const header = await reader.take(block);
    if (header === undefined || header.every((byte) => byte === 0)) return reader.rest();
    const type = String.fromCharCode(header[156] ?? 0).replace("\0", "0");
    const size = octal(header.subarray(124, 136));
    if (type === "L" || type === "K" || type === "x") {
      if (size > maxNameBytes) throw damaged("a name is too long");
      const text = Buffer.from((await reader.take(padded(size))) ?? [])
        .subarray(0, size)
        .toString("latin1");
      if (type === "L") longName = text.replace(/\0+$/, "");
      else if (type === "K") longLink = text.replace(/\0+$/, "");
      else {
        longName = /\d+ path=(.*)\n/.exec(text)?.[1] ?? longName;
        longLink = /\d+ linkpath=(.*)\n/.exec(text)?.[1] ?? longLink;
      }
      continue;
    }
    const prefix = field(header, 345, 155);
    const name = longName ?? (prefix === "" ? "" : `${prefix}/`) + field(header, 0, 100);
    const sha256 = type === "0" || type === "7" ? await reader.hash(size) : await reader.hash(type === "g" ? size : 0);
    if (type !== "g") {
      yield {
        name: name.replace(/^\.?\//, ""),
        type,
        mode: field(header, 100, 8).trim(),
        link: longLink ?? field(header, 157, 100),
        sha256,
      };
      [longName, longLink] = [undefined, undefined];
    }
  }
}

const padded = (size: number): number => Math.ceil(size / block) * block;
const field = (header: Uint8Array, at: number, length: number): string =>
  Buffer.from(header.subarray(at, at + length))
    .toString("latin1")
    .split("\0")[0] ?? "";

function octal(bytes: Uint8Array): number {
  // GNU's base-256 form, for sizes too large for octal digits.
  if (((bytes[0] ?? 0) & 0x80) !== 0) return bytes.subarray(4).reduce((sum, byte) => sum * 256 + byte, 0);
  const size = Number.parseInt(Buffer.from(bytes).toString("latin1").replaceAll(/[\0 ]/g, "") || "0", 8);
  if (!Number.isSafeInteger(size) || size < 0) throw damaged("a member has no size");
  return size;
}

function blockReader(
  archive: ReadableStream<Uint8Array>,
  maxBytes: number,
): {
  take(count: number): Promise<Uint8Array | undefined>;
  hash(size: number): Promise<string>;
  /** Reads to the end of the stream, because gzip's checksum is there. */
  rest(): Promise<void>;
} {
  const source = Readable.from(archive);
  const unpacked = createGunzip();
  // pipe() does not forward errors of its source.
  source.on("error", (error) => unpacked.destroy(error));
  const chunks = source.pipe(unpacked)[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  let read = 0;
  const more = async (): Promise<boolean> => {
    try {
      const next = await chunks.next();
      if (next.done === true) return false;
      read += next.value.length;
      if (read > maxBytes) throw tooLarge(maxBytes);
      held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
      return true;
    } catch (cause) {
      if (cause instanceof NethsecError) throw cause;
      throw damaged(cause instanceof Error ? cause.message : "it is no gzip file");
    }
  };
  return {
    take: async (count) => {
      while (held.length < count)
        if (!(await more())) return held.length === 0 ? undefined : Promise.reject(damaged("it ends in the middle"));
      const taken = held.subarray(0, count);
      held = held.subarray(count);
      return taken;
    },
    hash: async (size) => {
      const hash = createHash("sha256");
      let content = size;
      let rest = padded(size);
      while (rest > 0) {
        if (held.length === 0 && !(await more())) throw damaged("it ends in the middle");
        const part = held.subarray(0, Math.min(rest, held.length));
        hash.update(part.subarray(0, Math.min(content, part.length)));
        content = Math.max(0, content - part.length);
        rest -= part.length;
        held = held.subarray(part.length);
      }
      return hash.digest("hex");
    },
    rest: async () => {
      do held = Buffer.alloc(0);
      while (await more());
    },
  };
}
