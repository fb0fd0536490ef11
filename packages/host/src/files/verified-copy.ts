/**
 * Hashes files (SHA-256), and copies them so that a copy is complete and verified, or absent.
 * Invariants: a symbolic link as last component is not followed; anything but a regular file is closed right after the check; memory is one buffer
 * whatever the file size.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lchownSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { NethsecError } from "../error.ts";
import { osPath } from "./os-path.ts";

const bufferBytes = 256 * 1024;

/** SHA-256 in hexadecimal and size in bytes of a regular file. Throws {@link NethsecError} `not_a_regular_file`, or the system's error. */
export function digestFile(path: string): { readonly sha256: string; readonly size: number } {
  return withRegularFile(path, (fd) => {
    const hash = new Bun.CryptoHasher("sha256");
    let size = 0;
    eachChunk(fd, (chunk) => {
      hash.update(chunk);
      size += chunk.byteLength;
    });
    return { sha256: hash.digest("hex"), size };
  });
}

export interface VerifiedCopy {
  readonly from: string;
  /** The target path; must not exist. */
  readonly to: string;
  /** Hexadecimal digest that `from` must have. */
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Throws {@link NethsecError} `content_differs` when the copied bytes do not have the expected digest; `to` does not exist then. */
export function copyVerified(copy: VerifiedCopy): void {
  const out = openSync(
    osPath(copy.to),
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    const hash = new Bun.CryptoHasher("sha256");
    withRegularFile(copy.from, (fd) =>
      eachChunk(fd, (chunk) => {
        hash.update(chunk);
        writeAll(out, chunk);
      }),
    );
    if (hash.digest("hex") !== copy.sha256) {
      throw new NethsecError({ code: "content_differs", message: `${copy.from} is not what was announced.` });
    }
    fchownSync(out, copy.uid, copy.gid);
    fchmodSync(out, copy.mode);
    fsyncSync(out);
  } catch (error) {
    rmSync(osPath(copy.to), { force: true });
    throw error;
  } finally {
    closeSync(out);
  }
}

function withRegularFile<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(osPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile())
      throw new NethsecError({ code: "not_a_regular_file", message: `${path} is not a regular file.` });
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function eachChunk(fd: number, use: (chunk: Uint8Array) => void): void {
  const buffer = new Uint8Array(bufferBytes);
  for (;;) {
    const count = readSync(fd, buffer, 0, buffer.byteLength, null);
    if (count === 0) return;
    use(buffer.subarray(0, count));
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength) done += writeSync(fd, bytes, done);
}

/** Sets the owner of a file, folder, or of a link itself. */
export function setOwner(path: string, uid: number, gid: number): void {
  lchownSync(osPath(path), uid, gid);
}
