/** A command's call with strings as standard streams, for tests. */
import type { Call, Io } from "../command/command.ts";
import type { Host } from "../host.ts";
import { lineReader } from "../command/line-reader.ts";

export interface IoFacts {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CallFacts extends IoFacts, Partial<Pick<Call, "args" | "rest" | "options" | "json" | "signal">> {
  readonly calledAs?: string;
}

/** The output so far. */
export interface Output {
  out: string;
  err: string;
}

/** Not a terminal; 80 columns. */
export function fakeIo({ stdin = "", env = {} }: IoFacts = {}): { readonly io: Io; readonly output: Output } {
  const output = { out: "", err: "" };
  const reader = lineReader(new Blob([stdin]).stream());
  const io: Io = {
    out: (text) => void (output.out += text),
    err: (text) => void (output.err += text),
    write: async (bytes) => void (output.out += new TextDecoder().decode(bytes)),
    stdin: new Blob([stdin]).stream(),
    readAll: (maxBytes = 1024 * 1024) => reader.all(maxBytes),
    readLine: () => reader.line(),
    readSecret: async () => (await reader.line()) ?? "",
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    color: false,
    columns: 80,
    env,
  };
  return { io, output };
}

export function fakeCall(host: Host, facts: CallFacts = {}): { readonly call: Call; readonly output: Output } {
  const { io, output } = fakeIo(facts);
  const { args = {}, rest = [], options = {}, json = false, calledAs = "nethsec" } = facts;
  const signal = facts.signal ?? new AbortController().signal;
  return { call: { args, rest, options, json, calledAs, io, host, signal }, output };
}
