/**
 * `Run` of the machine. No shell; the environment is PATH, HOME, LC_ALL and the given variables. Each program has its own process group, which is
 * killed as a whole: with the runtime's own timeout a grandchild would keep the pipes open.
 *
 * Invariants: a run ends within its timeout and the grace for SIGTERM; memory stays within `maxOutput`; a daemon that inherited the pipes does not
 * delay the end of the run that started it.
 */
import { errnoOf } from "../files/file-error.ts";
import type { Argv, Process, Run, RunOptions, RunResult, SpawnOptions } from "../host.ts";
import { type Collected, collectOutput } from "./collect-output.ts";
import { failedRun, RunError, showArgv } from "./run-error.ts";

const systemPath = "/usr/sbin:/usr/bin:/sbin:/bin";
const defaultMaxOutput = 16 * 1024 * 1024;
/** Time from SIGTERM to SIGKILL after a timeout. */
const timeoutGraceMs = 500;
/** The same for a program that gets `stopWith`. */
const stopGraceMs = 5000;
/** After the program's end, output is read until none arrives for this time: a daemon left running may hold the pipe open for ever. */
const lingerMs = 50;

/** If `root` is not "/", its programs come first in PATH. */
export function localRun(root = "/"): Run {
  const prefix =
    root === "/"
      ? ""
      : `${systemPath
          .split(":")
          .map((dir) => root + dir)
          .join(":")}:`;
  const base = { PATH: prefix + systemPath, HOME: process.env["HOME"] ?? "/root", LC_ALL: "C" };

  const spawn = (argv: Argv, options: SpawnOptions = {}): Process =>
    startProcess(argv, { ...base, ...options.env }, options);
  return Object.assign((argv: Argv, options: RunOptions) => runToEnd(argv, { ...base, ...options.env }, options), {
    spawn,
  });
}

async function runToEnd(argv: Argv, env: Record<string, string>, options: RunOptions): Promise<RunResult> {
  const started = performance.now();
  options.signal?.throwIfAborted();
  const child = startChild(argv, env, {
    cwd: options.cwd,
    stdin:
      options.stdin === undefined
        ? "ignore"
        : typeof options.stdin === "string"
          ? new TextEncoder().encode(options.stdin)
          : options.stdin,
    stdout: "pipe",
    stderr: "pipe",
    ownGroup: true,
  });
  const limit = options.maxOutput ?? defaultMaxOutput;
  const stdout = collectOutput(outputOf(child.stdout), limit);
  const stderr = collectOutput(outputOf(child.stderr), limit);

  let timedOut = false;
  const end = (): void =>
    void (options.stopWith === undefined
      ? killGroup(child, "SIGTERM", timeoutGraceMs)
      : killGroup(child, options.stopWith, stopGraceMs));
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  options.signal?.addEventListener("abort", end, { once: true });
  try {
    await child.exited;
    if (timedOut || options.signal?.aborted === true) signalGroup(child.pid, "SIGKILL");
    await lastOutput(stdout, stderr);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", end);
    stdout.stop();
    stderr.stop();
  }
  const result: RunResult = {
    code: child.signalCode === null ? child.exitCode : null,
    stdout: stdout.text(),
    stderr: stderr.text(),
    timedOut,
    truncated: stdout.truncated() || stderr.truncated(),
    tookMs: performance.now() - started,
  };
  if (options.signal?.aborted === true) {
    throw new RunError({
      code: "program_aborted",
      argv,
      result,
      message: `${showArgv(argv)} was stopped`,
      cause: options.signal.reason,
    });
  }
  const ok = options.ok ?? [0];
  if (timedOut || (ok !== "any" && (result.code === null || !ok.includes(result.code)))) {
    throw failedRun(argv, result, options.timeoutMs, options.secrets ?? []);
  }
  return result;
}

async function lastOutput(...outputs: Collected[]): Promise<void> {
  const all = Promise.all(outputs.map((output) => output.done)).then(() => true);
  const received = (): number => outputs.reduce((sum, output) => sum + output.received(), 0);
  for (let before = -1; received() > before;) {
    before = received();
    const silence = Promise.withResolvers<boolean>();
    // Cleared below: a pending timer would keep a finished command alive.
    const timer = setTimeout(() => silence.resolve(false), lingerMs);
    const ended = await Promise.race([all, silence.promise]);
    clearTimeout(timer);
    if (ended) return;
  }
}

function startProcess(argv: Argv, env: Record<string, string>, options: SpawnOptions): Process {
  options.signal?.throwIfAborted();
  const terminal = options.stdin === "inherit";
  const child = startChild(
    argv,
    terminal && process.env["TERM"] !== undefined ? { TERM: process.env["TERM"], ...env } : env,
    {
      cwd: options.cwd,
      stdin: options.stdin ?? "ignore",
      stdout: options.stdout ?? "pipe",
      stderr: options.stderr ?? "pipe",
      // A program that uses the terminal must stay in the terminal's foreground group.
      ownGroup: !terminal,
    },
  );
  if (options.outlives === true) child.unref();
  const kill: Process["kill"] = (signal = "SIGTERM", graceMs = 5000) =>
    terminal ? killOne(child, signal, graceMs) : killGroup(child, signal, graceMs);
  const abort = (): void => void kill();
  options.signal?.addEventListener("abort", abort, { once: true });
  const exited = child.exited.then(() => {
    options.signal?.removeEventListener("abort", abort);
    return { code: child.signalCode === null ? child.exitCode : null };
  });
  return {
    pid: child.pid,
    stdin: {
      write: async (data) => {
        if (typeof child.stdin !== "object" || child.stdin === null) throw new Error("stdin is not a pipe");
        await child.stdin.write(data);
        await child.stdin.flush();
      },
      end: async () => {
        if (typeof child.stdin === "object" && child.stdin !== null) await child.stdin.end();
      },
    },
    stdout: outputOf(child.stdout),
    stderr: outputOf(child.stderr),
    exited,
    kill,
  };
}

interface ChildOptions {
  readonly cwd: string | undefined;
  readonly stdin: "pipe" | "inherit" | "ignore" | ReadableStream<Uint8Array> | Uint8Array;
  readonly stdout: "pipe" | "inherit" | "ignore";
  readonly stderr: "pipe" | "inherit" | "ignore";
  readonly ownGroup: boolean;
}

function startChild(argv: Argv, env: Record<string, string>, options: ChildOptions): Bun.Subprocess {
  try {
    return Bun.spawn({
      cmd: [...argv],
      env,
      stdin: options.stdin,
      stdout: options.stdout,
      stderr: options.stderr,
      detached: options.ownGroup,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    const missing = errno === "ENOENT";
    throw new RunError({
      code: missing ? "program_not_found" : "program_not_started",
      argv,
      message: missing
        ? `${argv[0]} cannot be run: it, its interpreter or the working folder does not exist`
        : `${argv[0]} cannot be started (${errno})`,
      cause: thrown,
    });
  }
}

/** Waits for the whole group, not only its leader: a grandchild may ignore SIGTERM. */
async function killGroup(child: Bun.Subprocess, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  if (!signalGroup(child.pid, signal)) return;
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline) {
    if (!signalGroup(child.pid, 0)) return;
    // Sleep in short steps: a pending sleep would keep this process alive.
    await (child.exitCode === null ? Promise.race([child.exited, Bun.sleep(20)]) : Bun.sleep(20));
  }
  signalGroup(child.pid, "SIGKILL");
  await child.exited;
}

async function killOne(child: Bun.Subprocess, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await child.exited;
  clearTimeout(timer);
}

/** False when no process of the group is left. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === "ESRCH") return false;
    throw thrown;
  }
}

/** An empty stream when the output is not a pipe. */
function outputOf(output: Bun.Subprocess["stdout"]): ReadableStream<Uint8Array> {
  return output instanceof ReadableStream ? output : new ReadableStream({ start: (controller) => controller.close() });
}
