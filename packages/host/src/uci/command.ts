/**
 * The `uci` command, for systems without one: options, output, messages and exit statuses of the original (spec "uci"). It loads only UCI code: a
 * `uci get` should take milliseconds.
 */
import { messageOf } from "../message-of.ts";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { StreamLexer } from "@nethsec/uci/stream-lexer";
import { encodeText, isAscii } from "@nethsec/uci/text";
import { UciError } from "@nethsec/uci/uci-error";
import type { Call } from "../command/command.ts";
import { NethsecError } from "../error.ts";
import type { Output } from "../command/local-output.ts";
import { ioError } from "./install.ts";
import { isErrno } from "./locked-file.ts";
import { OptionTrouble, parseUciOptions, type UciOptions } from "./options.ts";
import { UciSession, usage } from "./session.ts";
import { uciUsage } from "./usage.ts";

/** Runs `uci` with the whole argv in `call.rest`; returns the exit status. */
export async function run(call: { readonly rest: Call["rest"]; readonly io: Output }): Promise<number> {
  const { io } = call;
  // Waiting for a lock blocks the whole process, so signals must keep their default action, as in the original. Being killed is safe at any point.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(name);
  const options = parseUciOptions(call.rest, (error) => io.err(`${error.message}\n`));
  if (options instanceof OptionTrouble) {
    io.err(options.kind === "unknown" ? options.message + uciUsage : options.message);
    return options.kind === "unknown" ? 0 : 1;
  }
  const words = byteWords(options.words, call.rest);
  if (words.length === 0) {
    io.err(uciUsage);
    return 0;
  }
  let input: number;
  try {
    input = options.inputFile === undefined ? 0 : openSync(options.inputFile, "r");
  } catch (error) {
    if (!options.quiet) io.err(`uci: ${systemMessage(error)}`);
    return 1;
  }
  try {
    const status = await new Shell(options, io, input).run(words);
    if (status === usage) io.err(uciUsage);
    return status;
  } finally {
    if (input !== 0) closeSync(input);
  }
}

class Shell {
  readonly #options: UciOptions;
  readonly #io: Output;
  readonly #input: number;
  #output = "";

  constructor(options: UciOptions, io: Output, input: number) {
    this.#options = options;
    this.#io = io;
    this.#input = input;
  }

  async run(words: readonly string[]): Promise<number> {
    const command = words[0]?.toLowerCase();
    if (command === "help") return usageOnRequest(this.#io);
    try {
      if (command === "batch") return await this.#batch();
      return this.#session(() => readAll(this.#input), false).run(words);
    } catch (error) {
      this.#complain(error);
      return 1;
    } finally {
      await this.#flush();
    }
  }

  #session(input: () => string, keepsPackage: boolean): UciSession {
    const io = {
      out: (bytes: string) => (this.#output += bytes),
      input,
      complain: (error: unknown) => this.#complain(error),
    };
    return new UciSession(this.#options, io, keepsPackage);
  }

  /** The exit status is 0 whatever the results of the commands. */
  async #batch(): Promise<number> {
    const lexer = new StreamLexer(() => readSome(this.#input));
    const session = this.#session(() => lexer.rest(), true);
    const watched = this.#io.stdoutIsTerminal;
    while (lexer.nextLine()) {
      const loads = session.loads;
      const words = this.#batchWords(lexer);
      if (words[0]?.toLowerCase() === "exit") break;
      if (words.length > 0) this.#batchCommand(session, words, lexer);
      // After it has read a file, the original counts the lines of its input from 0 again.
      if (session.loads > loads) lexer.line = 0;
      if (this.#output.length > 65_536 || watched) await this.#flush();
    }
    return 0;
  }

  #batchWords(lexer: StreamLexer): string[] {
    try {
      const words: string[] = [];
      for (let word = lexer.word(); word !== ""; word = lexer.word()) words.push(word);
      if (words.length <= 3) return words;
      if (!this.#options.quiet) this.#io.err("Too many arguments\n");
    } catch (error) {
      this.#complain(error);
    }
    return [];
  }

  #batchCommand(session: UciSession, words: readonly string[], lexer: StreamLexer): void {
    if (words[0]?.toLowerCase() === "help") {
      usageOnRequest(this.#io);
      return;
    }
    try {
      if (session.run(words) === usage && !this.#options.quiet) this.#io.err("Unknown command\n");
    } catch (error) {
      const isTuple = error instanceof UciError && error.kind === "parse" && error.position === undefined;
      this.#complain(isTuple ? new UciError("parse", { reason: "unknown", line: lexer.line, byte: 0 }) : error);
    }
  }

  #complain(error: unknown): void {
    if (!(error instanceof UciError) && !(error instanceof NethsecError)) throw error;
    if (!this.#options.quiet) this.#io.err(`uci: ${error.message}\n`);
  }

  /** A closed pipe or a full disk does not change the exit status, as in the original. */
  async #flush(): Promise<void> {
    const output = this.#output;
    this.#output = "";
    try {
      // ASCII is written synchronously: handing it to another thread takes longer than the rest of a `get`.
      if (isAscii(output)) this.#io.out(output);
      else await this.#io.write(Buffer.from(output, "latin1"));
    } catch {
      // The exit status does not change.
    }
  }
}

function usageOnRequest(io: Output): number {
  io.err(uciUsage);
  return 0;
}

/** The arguments as byte strings. The runtime replaces bytes that are not valid UTF-8: such arguments are read from the kernel instead. */
function byteWords(words: readonly string[], argv: readonly string[]): readonly string[] {
  const all = argv.join("");
  if (isAscii(all)) return words;
  if (!all.includes("\ufffd")) return words.map(encodeText);
  const raw = readFileSync("/proc/self/cmdline", "latin1").split("\0").slice(0, -1).slice(-argv.length);
  return words.map((word) => raw[argv.indexOf(word)] ?? word);
}

function readAll(fd: number): string {
  try {
    return readFileSync(fd, "latin1");
  } catch (error) {
    if (isErrno(error, "EISDIR")) return "";
    throw ioError(error);
  }
}

/** Reads the next bytes of the input, blocking; "" at the end. */
function readSome(fd: number): string {
  const buffer = Buffer.alloc(65_536);
  for (;;) {
    try {
      return buffer.toString("latin1", 0, readSync(fd, buffer));
    } catch (error) {
      if (isErrno(error, "EISDIR", "EOF")) return "";
      if (!isErrno(error, "EAGAIN")) throw ioError(error);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** The strerror(3) texts of the errors that opening a file can give. */
function systemMessage(error: unknown): string {
  if (isErrno(error, "ENOENT")) return "No such file or directory";
  if (isErrno(error, "EACCES")) return "Permission denied";
  if (isErrno(error, "ENOTDIR")) return "Not a directory";
  return messageOf(error);
}
