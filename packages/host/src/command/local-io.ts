/**
 * `Io` of the process: its standard streams.
 * Invariants: a secret is not echoed, and the terminal's mode is always restored.
 */
import * as fs from "node:fs";
import type { Io } from "./command.ts";
import { errnoOf } from "../files/file-error.ts";
import { type LineReader, lineReader } from "./line-reader.ts";
import { once } from "../once.ts";
import { NethsecError } from "../error.ts";
import { isTerminalFile, localOutput, writeText } from "./local-output.ts";

const defaultReadLimit = 1024 * 1024;

export function localIo(): Io {
  const reader = once(() => lineReader(standardInput()));
  const stdinIsTerminal = once(() => isTerminalFile(0));
  const stdoutIsTerminal = once(() => isTerminalFile(1));
  const readLine = async (): Promise<string | undefined> => reader().line();
  return {
    out: localOutput.out,
    err: localOutput.err,
    write: localOutput.write,
    get stdin() {
      return reader().rest();
    },
    readAll: (maxBytes = defaultReadLimit) => reader().all(maxBytes),
    readLine,
    readSecret: async (prompt) => {
      if (!stdinIsTerminal()) return (await readLine()) ?? "";
      return readWithoutEcho(prompt, reader());
    },
    get stdinIsTerminal() {
      return stdinIsTerminal();
    },
    get stdoutIsTerminal() {
      return stdoutIsTerminal();
    },
    get color() {
      return stdoutIsTerminal() && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
    },
    get columns() {
      return stdoutIsTerminal() ? (process.stdout.columns ?? 80) : 80;
    },
    get rows() {
      return stdoutIsTerminal() ? process.stdout.rows : undefined;
    },
    env: process.env,
  };
}

/** Reads only on demand. The runtime's own stream reads ahead, so an open terminal or pipe would keep a finished process alive. */
function standardInput(): ReadableStream<Uint8Array> {
  const buffer = Buffer.allocUnsafe(64 * 1024);
  const read = (): Promise<{ errno: string | undefined; count: number }> =>
    new Promise((resolve) => {
      fs.read(0, buffer, 0, buffer.length, null, (error, count) =>
        resolve({ errno: errnoOf(error), count: error === null ? count : 0 }),
      );
    });
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        let { errno, count } = await read();
        // Another process set the descriptor non-blocking.
        while (errno === "EAGAIN") {
          await Bun.sleep(10);
          ({ errno, count } = await read());
        }
        if (count > 0) controller.enqueue(new Uint8Array(buffer.subarray(0, count)));
        // End of input, or the terminal was closed.
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Reads keys in raw mode: Enter ends, Backspace and Ctrl-U correct, Ctrl-C and Ctrl-D cancel. */
async function readWithoutEcho(prompt: string, keys: LineReader): Promise<string> {
  // Before the prompt, so that fast typing is not echoed either.
  process.stdin.setRawMode(true);
  writeText(2, prompt);
  let typed: number[] = [];
  try {
    for (;;) {
      const key = await keys.byte();
      if (key === 13 || key === 10) return Buffer.from(typed).toString("utf8");
      if (key === undefined || key === 3 || (key === 4 && typed.length === 0)) {
        throw new NethsecError({ code: "cancelled", message: "Cancelled", exitCode: 130 });
      }
      if (key === 127 || key === 8) typed = withoutLastCharacter(typed);
      else if (key === 21) typed = [];
      else if (key >= 32) typed.push(key);
    }
  } finally {
    process.stdin.setRawMode(false);
    writeText(2, "\n");
  }
}

/** Removes the last UTF-8 character: its continuation bytes (10xxxxxx) and its first byte. */
function withoutLastCharacter(bytes: readonly number[]): number[] {
  return bytes.slice(
    0,
    bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80),
  );
}
