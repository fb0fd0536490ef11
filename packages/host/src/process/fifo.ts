/**
 * Reads lines from a FIFO. It is opened for reading and writing, so that a writer's exit is not an end of file and a later writer finds a reader. An
 * unfinished line of a killed writer is joined with the next writer's text, up to `maxLine`.
 * Invariant: a FIFO that was replaced by a file or link gives an error.
 */
import { closeSync, constants, createReadStream, fstatSync, openSync, writeSync } from "node:fs";
import { NethsecError } from "../error.ts";
import { LineCutter } from "./line-cutter.ts";

/** Characters per line; longer lines are dropped. */
const maxLine = 4096;

/**
 * Calls `line` for each complete line until the signal aborts. `path` is the real path of an existing FIFO.
 * Throws {@link NethsecError} `not_a_fifo` at once; later trouble with the descriptor goes to `failed`.
 */
export function readFifo(
  path: string,
  line: (text: string) => void,
  failed: (error: Error) => void,
  signal: AbortSignal,
): void {
  const checked = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  if (!fstatSync(checked).isFIFO()) {
    closeSync(checked);
    throw new NethsecError({ code: "not_a_fifo", message: `${path} is not a FIFO.`, advice: `Remove it: rm ${path}` });
  }
  // Reopens the FIFO that was checked, even if its name was replaced. Without O_NONBLOCK, since a thread blocks in read(2).
  const fd = openSync(`/proc/self/fd/${checked}`, constants.O_RDWR);
  const stream = createReadStream("", { fd, encoding: "utf8", highWaterMark: 4096 });
  const cutter = new LineCutter(maxLine + 1);
  stream.on("data", (chunk) => {
    for (const text of cutter.push(String(chunk))) if (text.length <= maxLine) line(text);
  });
  stream.on("error", failed);
  const end = (): void => {
    stream.destroy();
    wake(checked);
  };
  signal.addEventListener("abort", end, { once: true });
}

/** Writes an empty line to wake the thread that blocks in read(2), which would otherwise keep the process alive. */
function wake(fd: number): void {
  try {
    writeSync(fd, "\n");
  } catch {
    // The FIFO is full: then the thread has data to read and is not blocked.
  } finally {
    closeSync(fd);
  }
}
