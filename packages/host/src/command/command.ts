/**
 * What a command is. Each package lists its own in `commands.ts` (`export const commands: readonly Command[]`), as data that loads
 * no implementation; `packages/cli` joins the lists into the one table from which dispatch by name, `--help`, `--json`, completion and
 * the man pages come.
 */
import type { Host } from "../host.ts";

export interface Command {
  /** The name it is called by, e.g. "ns-ha-config"; for an action, e.g. "init-primary-node". */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Paragraphs for `--help` and the man page. */
  readonly description?: string;
  readonly args?: readonly Arg[];
  /** `--help`, `--version` and (except with `textOnly`) `--json` are added to every command that is not `raw`. */
  readonly options?: readonly Option[];
  /** Whole command lines, each with its description. The first one is shown with usage errors. */
  readonly examples?: readonly (readonly [line: string, what: string])[];
  /** Verbs; a command has either actions or `load`. The actions of a raw command are used for its help only. */
  readonly actions?: readonly Command[];
  /** `run` gets the whole argv unparsed in `rest` (uci, rpcd plugins, compatibility scripts). */
  readonly raw?: boolean;
  /** The output has its own format (a man page, metrics, another program's output): no `--json`. */
  readonly textOnly?: boolean;
  /** Not shown in `nethsec help` (rpcd plugins, hooks). */
  readonly hidden?: boolean;
  /** Where the link is installed on OpenWrt, e.g. "/usr/sbin/ns-plug"; default /usr/sbin/NAME. Actions have none. */
  readonly path?: string;
  readonly load?: () => Promise<{ readonly run: RunCommand }>;
  /** `run` does not use `call.host`, which is then not loaded: saves a third of the time of a command that takes milliseconds. */
  readonly withoutHost?: boolean;
}

export interface Arg {
  /** As in the documentation, e.g. "lan_interface". */
  readonly name: string;
  readonly summary: string;
  readonly optional?: boolean;
  /** For completion: all allowed values, or the words among them. */
  readonly values?: readonly string[];
  /** Takes all remaining arguments; only as the last argument. */
  readonly variadic?: boolean;
}

export interface Option {
  /** Without dashes, e.g. "wait". */
  readonly name: string;
  readonly short?: string;
  readonly summary: string;
  /** Placeholder of the value in the help (e.g. "N"); an option without `value` is a switch. */
  readonly value?: string;
  /** For completion: all allowed values, or the words among them. */
  readonly values?: readonly string[];
}

/** Returns the exit code. A thrown {@link NethsecError} is printed once, with its advice, by the caller (as JSON with `--json`). */
export type RunCommand = (call: Call) => Promise<number> | number;

export interface Call {
  /** Arguments by name; optional ones that were not given are absent. */
  readonly args: Readonly<Record<string, string>>;
  /** The values of the variadic argument, or the whole argv of a `raw` command. */
  readonly rest: readonly string[];
  /** Values of the options given: string, or true for a switch. */
  readonly options: Readonly<Record<string, string | true>>;
  readonly json: boolean;
  /** The name the program was called by. */
  readonly calledAs: string;
  readonly io: Io;
  readonly host: Host;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Writes raw bytes to stdout, waiting for a slow reader. */
  write(bytes: Uint8Array): Promise<void>;
  readonly stdin: ReadableStream<Uint8Array>;
  /** All of stdin as text, at most `maxBytes` (default 1 MiB). */
  readAll(maxBytes?: number): Promise<string>;
  /** One line of stdin without its newline; undefined at the end. */
  readLine(): Promise<string | undefined>;
  /** On a terminal, prompts and reads without echo; otherwise reads one line of stdin. */
  readSecret(prompt: string): Promise<string>;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  /** True on a terminal unless NO_COLOR is set. */
  readonly color: boolean;
  /** Width of the terminal; 80 when there is none. */
  readonly columns: number;
  /** Height of the terminal; undefined when there is none. */
  readonly rows?: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}
