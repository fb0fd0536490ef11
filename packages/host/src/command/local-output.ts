/**
 * Standard output and standard error of the process. All output is written, in order, before the process ends. Separate from `local-io.ts`, so that
 * `uci` loads only this.
 */
import { fstatSync, write, writeSync } from "node:fs";
import { isAscii } from "@nethsec/uci/text";
import { isTerminal } from "../ffi/c-library.ts";
import type { Io } from "./command.ts";
import { NethsecError } from "../error.ts";
import { errnoOf, fileError } from "../files/file-error.ts";

export type Output = Pick<Io, "out" | "err" | "write" | "stdoutIsTerminal">;

/** The reader of our output closed it (`| head`): the command ends silently, as if killed by SIGPIPE. */
export class PipeClosed extends NethsecError {
  constructor() {
    super({ code: "pipe_closed", message: "nobody reads the output any more", exitCode: 141 });
  }
}

/** `path` of a {@link FileError} for standard output, which may be a file on a full disk. */
export const outputName = "the output";

export const localOutput: Output = {
  out: (text) => {
    writeText(1, text);
  },
  err: (text) => {
    writeText(2, text);
  },
  write: (bytes) => writeAll(1, bytes),
  get stdoutIsTerminal() {
    return isTerminalFile(1);
  },
};

/** Checked by file type first: most descriptors are pipes or files, which need no C library call. */
export function isTerminalFile(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && isTerminal(fd);
  } catch {
    return false;
  }
}

/** ASCII is written without a `Buffer`: creating the first one takes longer than a small command runs. */
export function writeText(fd: number, text: string): void {
  const data = isAscii(text) ? text : Buffer.from(text);
  for (let at = 0; at < data.length;) {
    try {
      at += typeof data === "string" ? writeSync(fd, data.slice(at)) : writeSync(fd, data, at);
    } catch (thrown) {
      if (isGone(errnoOf(thrown))) throw new PipeClosed();
      // Another process set the pipe non-blocking, and the pipe is full.
      if (errnoOf(thrown) !== "EAGAIN") {
        if (fd === 2) return; // Standard error is gone as well: nothing left to report to.
        throw fileError("write", outputName, thrown);
      }
      Bun.sleepSync(1);
    }
  }
}

/** A closed pipe gives EPIPE; a socket, which some parents use as a pipe, also ECONNRESET. */
function isGone(errno: string | undefined): boolean {
  return errno === "EPIPE" || errno === "ECONNRESET";
}

/** Writes on a thread of the runtime, so that a slow reader does not block the event loop. */
async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { error, written } = await new Promise<{ error: Error | null; written: number }>((resolve) => {
      write(fd, bytes, at, bytes.length - at, null, (failed, count) => {
        resolve({ error: failed, written: failed === null ? count : 0 });
      });
    });
    if (isGone(errnoOf(error))) throw new PipeClosed();
    if (errnoOf(error) === "EAGAIN") await Bun.sleep(2);
    else if (error !== null) throw fileError("write", outputName, error);
    at += written;
  }
}
