/**
 * Runs a command of the table: dispatch by the name the program was called by, strict arguments and options, `--help`, `--version`, `--json`, usage
 * errors with an example and the nearest name. Errors are printed once, with their advice.
 *
 * Invariant: a command runs only with arguments and options that it declares.
 */
import { basename } from "node:path";
import { builtinCommands } from "./builtin-commands.ts";
import type { Call, Command, Io } from "./command.ts";
import type { Host } from "../host.ts";
import { commandHelp, isShown, overview } from "./command-help.ts";
import { actionOf, type CommandPath, topLevel } from "./command-path.ts";
import { NethsecError, UsageError } from "../error.ts";
import { FileError } from "../files/file-error.ts";
import { localIo } from "./local-io.ts";
import { outputName, PipeClosed } from "./local-output.ts";
import { nearest } from "./nearest.ts";
import { filteredIo, indented } from "./visible-text.ts";
import { terminationSignal } from "./termination-signal.ts";
import { version } from "../version.ts";

/** Makes the host for a command; called only for commands that need one. `tag`: the tag of its log lines. */
export type LoadHost = (tag: string) => Promise<Host>;

interface Surroundings {
  readonly io: Io;
  readonly loadHost: LoadHost;
}

/**
 * Runs the command named by `argv0` (a link's name) or, if that is not a command, by the first argument. Returns the exit code and never exits the
 * process. `argv` excludes the executable's own path. Programming errors are rethrown.
 */
export async function main(
  commands: readonly Command[],
  argv0: string,
  argv: readonly string[],
  loadHost: LoadHost,
  io: Io = localIo(),
): Promise<number> {
  const all = [...commands, ...builtinCommands(commands)];
  const called = all.find(({ name }) => name === argv0 || name === basename(argv0));
  let path: CommandPath | undefined;
  let rest = argv;
  try {
    if (called === undefined) {
      const [first, ...others] = argv;
      if (first === undefined || first === "--help" || first === "-h") {
        io.out(overview(all, version, io));
        return 0;
      }
      if (first === "--version") {
        io.out(`nethsec ${version}\n`);
        return 0;
      }
      path = topLevel(findCommand(all, first, `there is no command "${first}"`));
      rest = others;
    } else path = topLevel(called);
    return await runCommand(path, rest, { io, loadHost }, (deeper) => {
      path = deeper;
    });
  } catch (thrown) {
    return report(thrown, path, rest, io, called === undefined ? ["nethsec"] : []);
  }
}

function findCommand(commands: readonly Command[], name: string, problem: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = commands.filter(isShown).map((command) => command.name);
  const near = nearest(name, names);
  throw new UsageError(near === undefined ? problem : `${problem}; did you mean "${near}"?`);
}

async function runCommand(
  path: CommandPath,
  argv: readonly string[],
  around: Surroundings,
  entered: (path: CommandPath) => void,
): Promise<number> {
  const { command } = path;
  const { io } = around;
  if (command.raw === true) return start(path, { args: {}, rest: argv, options: {}, json: false }, around);

  const at = command.actions === undefined ? -1 : firstWord(path, argv);
  const word = argv[at];
  if (command.actions !== undefined && word !== undefined) {
    const action = findCommand(command.actions, word, `there is no action "${word}"`);
    const deeper = actionOf(path, action);
    entered(deeper);
    return runCommand(deeper, argv.toSpliced(at, 1), around, entered);
  }
  // Loaded only here: node:util takes a millisecond, which raw commands do not need.
  const { parseArguments } = await import("./parse-arguments.ts");
  const parsed = parseArguments(path, argv);
  if (parsed.help) {
    io.out(commandHelp(path, io));
    return 0;
  }
  if (parsed.version) {
    io.out(`${path.names[0]} ${version}\n`);
    return 0;
  }
  if (command.load === undefined) throw new UsageError("an action is missing");
  return start(path, parsed, around);
}

/** Index of the first argument that is neither an option nor an option's value; -1 without one. */
function firstWord(path: CommandPath, argv: readonly string[]): number {
  const takesValue = new Set(
    path.options.flatMap(({ name, short, value }) =>
      value === undefined ? [] : [`--${name}`, ...(short === undefined ? [] : [`-${short}`])],
    ),
  );
  return argv.findIndex((arg, index) => !arg.startsWith("-") && !takesValue.has(argv[index - 1] ?? ""));
}

async function start(
  path: CommandPath,
  given: Pick<Call, "args" | "rest" | "options" | "json">,
  { io, loadHost }: Surroundings,
): Promise<number> {
  // A raw command prints another program's output (uci), or JSON for another program: unfiltered.
  const shown = path.command.raw === true ? io : filteredIo(io, given.json);
  if (path.command.load === undefined) throw new Error(`the command ${path.names.join(" ")} has no implementation`);
  const calledAs = path.names[0] ?? "nethsec";
  const [{ run }, host] = await Promise.all([
    path.command.load(),
    path.command.withoutHost === true ? undefined : loadHost(calledAs),
  ]);
  using termination = terminationSignal();
  // `return await`: with a plain return, `using` would remove the signal listeners before the command ends, and SIGTERM would kill it at once.
  return await run({
    ...given,
    calledAs,
    io: shown,
    get host(): Host {
      if (host === undefined) throw new Error(`the command ${calledAs} says that it uses no host`);
      return host;
    },
    signal: termination.signal,
  });
}

/** Prints an operating error once, with the command's name as typed (`before`: the names typed before the command's own), and returns its exit code. */
function report(
  thrown: unknown,
  path: CommandPath | undefined,
  argv: readonly string[],
  io: Io,
  before: readonly string[],
): number {
  if (thrown instanceof PipeClosed) return thrown.exitCode;
  if (!(thrown instanceof NethsecError)) throw thrown;
  const unwritten = thrown instanceof FileError && thrown.path === outputName;
  const json = path?.command.raw !== true && argv.includes("--json") && !unwritten;
  const usage = thrown instanceof UsageError;
  const name = [...before, ...(path?.names ?? [])].join(" ");
  const advice = thrown.advice ?? (usage ? usageAdvice(path, name) : undefined);
  if (json) {
    filteredIo(io, true).out(`${JSON.stringify({ error: thrown.code, message: thrown.message, advice })}\n`);
    return thrown.exitCode;
  }
  const label = io.color ? `\u001b[31m${name}:\u001b[0m` : `${name}:`;
  const text = `${label} ${indented(thrown.message)}\n${advice === undefined ? "" : `${advice}\n`}`;
  filteredIo(io, false).err(text);
  return thrown.exitCode;
}

function usageAdvice(path: CommandPath | undefined, name: string): string {
  if (path === undefined) return "All commands: nethsec help";
  const example = path.command.examples?.[0]?.[0] ?? path.command.actions?.find(isShown)?.examples?.[0]?.[0];
  const help = `More: ${name} --help`;
  return example === undefined ? help : `Example: ${example}\n${help}`;
}
