/**
 * Reading lines from a FIFO. Opened for reading and writing, so that the end of a writer is not an end of file and a writer that starts
 * later finds a reader; the lines of a writer that died half-way through one are cut at `maxLine` and never joined for ever.
 * Invariant: whoever replaced the FIFO by a file or link gets an error, not a reader.
 */
import { closeSync, constants, createReadStream, fstatSync, openSync, writeSync } from "node:fs";
import { NethsecError } from "../error.ts";
import { LineCutter } from "./line-cutter.ts";

/** Characters of one line; longer ones are dropped. */
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
  // The very FIFO that was checked, whatever stands under its name now; to read it a thread waits, so without O_NONBLOCK.
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

/** A thread waits in read(2) and would keep the process alive until somebody writes: an empty line, which nobody hears any more. */
function wake(fd: number): void {
  try {
    writeSync(fd, "\n");
  } catch {
    // Full: then there is something to read, and the thread is awake.
  } finally {
    closeSync(fd);
  }
}
