/**
 * Standard output and standard error of the process. Output is complete and in order when the process ends. Apart from `local-io.ts`, so that `uci` loads nothing
 * else.
 */
import { fstatSync, write, writeSync } from "node:fs";
import { isAscii } from "@nethsec/uci/text";
import { isTerminal } from "../ffi/c-library.ts";
import type { Io } from "./command.ts";
import { NethsecError } from "../error.ts";
import { errnoOf, fileError } from "../files/file-error.ts";

export type Output = Pick<Io, "out" | "err" | "write" | "stdoutIsTerminal">;

/** The reader of our output went away (`| head`): the command ends quietly, as a program killed by SIGPIPE. */
export class PipeClosed extends NethsecError {
  constructor() {
    super({ code: "pipe_closed", message: "nobody reads the output any more", exitCode: 141 });
  }
}

/** The path of a {@link FileError} of standard output, which may be a file on a full disk. */
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

/** Most are pipes or files: those need no C library. */
export function isTerminalFile(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && isTerminal(fd);
  } catch {
    return false;
  }
}

/** ASCII is written as it is: before the first `Buffer` of a process is made, a small command is over. */
export function writeText(fd: number, text: string): void {
  const data = isAscii(text) ? text : Buffer.from(text);
  for (let at = 0; at < data.length;) {
    try {
      at += typeof data === "string" ? writeSync(fd, data.slice(at)) : writeSync(fd, data, at);
    } catch (thrown) {
      if (isGone(errnoOf(thrown))) throw new PipeClosed();
      // Somebody made the pipe non-blocking and it is full.
      if (errnoOf(thrown) !== "EAGAIN") {
        if (fd === 2) return; // There is nowhere to say it.
        throw fileError("write", outputName, thrown);
      }
      Bun.sleepSync(1);
    }
  }
}

/** Pipes answer EPIPE; sockets, which some parents use for pipes, also ECONNRESET. */
function isGone(errno: string | undefined): boolean {
  return errno === "EPIPE" || errno === "ECONNRESET";
}

/** On a thread of the runtime: the event loop goes on while the reader is slow. */
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
