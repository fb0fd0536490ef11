/** `Run` for tests: programs are functions, by name. Starting an undeclared program fails, as on a machine that lacks it. */
import { basename } from "node:path";
import type { Argv, Clock, Process, Run, RunOptions, RunResult, SpawnOptions } from "../host.ts";
import { failedRun, RunError, showArgv } from "../process/run-error.ts";

/** Input of a fake program. */
export interface FakeCall {
  readonly argv: Argv;
  /** argv without the program. */
  readonly args: readonly string[];
  /** The complete standard input; settles when the input ends. */
  readonly stdin: Promise<string>;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** Aborted when the program is killed. */
  readonly signal: AbortSignal;
  /** Prints immediately: for programs that keep running (spawn). */
  readonly print: (text: string) => void;
}

/** Result of a fake program: its stdout, or more. */
export type FakeAnswer = string | { readonly code?: number | null; readonly stdout?: string; readonly stderr?: string };
export type FakeProgram = (call: FakeCall) => FakeAnswer | Promise<FakeAnswer>;

/** `programs`: by the last part of argv[0]. `started` gets each command line, even if the start fails. */
export function fakeRun(
  programs: ReadonlyMap<string, FakeProgram>,
  clock: Clock,
  started: (line: string) => void,
): Run {
  const launch = (
    argv: Argv,
    options: { env?: Readonly<Record<string, string>>; cwd?: string },
    stdin: Promise<string>,
  ): Launched => {
    started(showArgv(argv));
    const program = programs.get(basename(argv[0]));
    if (program === undefined) {
      throw new RunError({
        code: "program_not_found",
        argv,
        message: `${argv[0]} cannot be run: it, its interpreter or the working folder does not exist`,
      });
    }
    return launchProgram(program, argv, options, stdin);
  };

  const run = async (argv: Argv, options: RunOptions): Promise<RunResult> => {
    options.signal?.throwIfAborted();
    const startedAt = clock.monotonic();
    const input = typeof options.stdin === "string" ? options.stdin : Buffer.from(options.stdin ?? []).toString("utf8");
    const child = launch(argv, options, Promise.resolve(input));
    const stop = (): void => child.abort.abort();
    options.signal?.addEventListener("abort", stop, { once: true });
    const finished = new AbortController();
    let timedOut = false;
    const watchdog = async (): Promise<void> => {
      await clock.sleep(options.timeoutMs, finished.signal);
      timedOut = true;
      stop();
    };
    void watchdog().catch(() => undefined);
    const ended = await child.ended;
    finished.abort();
    options.signal?.removeEventListener("abort", stop);
    const limit = options.maxOutput ?? 16 * 1024 * 1024;
    const result: RunResult = {
      code: ended.code,
      stdout: ended.stdout.slice(0, limit),
      stderr: ended.stderr.slice(0, limit),
      timedOut,
      truncated: ended.stdout.length > limit || ended.stderr.length > limit,
      tookMs: clock.monotonic() - startedAt,
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
  };

  return Object.assign(run, { spawn: (argv: Argv, options: SpawnOptions = {}) => spawnFake(launch, argv, options) });
}

interface Launched {
  readonly abort: AbortController;
  readonly printed: ReadableStream<Uint8Array>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function launchProgram(
  program: FakeProgram,
  argv: Argv,
  options: { env?: Readonly<Record<string, string>>; cwd?: string },
  stdin: Promise<string>,
): Launched {
  const abort = new AbortController();
  const printed = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: Infinity });
  const writer = printed.writable.getWriter();
  let before = "";
  const print = (text: string): void => {
    before += text;
    void writer.write(Buffer.from(text)).catch(() => undefined);
  };
  const killed = new Promise<null>((resolve) => {
    abort.signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  const work = async (): Promise<FakeAnswer> =>
    program({
      argv,
      args: argv.slice(1),
      stdin,
      env: options.env ?? {},
      cwd: options.cwd,
      signal: abort.signal,
      print,
    });
  const ended = Promise.race([killed, work()]).then((answer) => {
    const {
      code = 0,
      stdout = "",
      stderr = "",
    } = answer === null ? { code: null } : typeof answer === "string" ? { stdout: answer } : answer;
    print(stdout);
    void writer.close().catch(() => undefined);
    return { code, stdout: before, stderr };
  });
  return { abort, printed: printed.readable, ended };
}

function spawnFake(
  launch: (argv: Argv, options: SpawnOptions, stdin: Promise<string>) => Launched,
  argv: Argv,
  options: SpawnOptions,
): Process {
  options.signal?.throwIfAborted();
  let written = "";
  const input = Promise.withResolvers<string>();
  if (options.stdin instanceof ReadableStream) input.resolve(new Response(options.stdin).text());
  else if (options.stdin !== "pipe") input.resolve("");
  const child = launch(argv, options, input.promise);
  const kill = async (): Promise<void> => {
    child.abort.abort();
    await child.ended;
  };
  options.signal?.addEventListener("abort", () => void kill(), { once: true });
  return {
    pid: 1,
    stdin: {
      write: async (data) => {
        written += typeof data === "string" ? data : Buffer.from(data).toString("utf8");
      },
      end: async () => input.resolve(written),
    },
    stdout: (options.stdout ?? "pipe") === "pipe" ? child.printed : new Blob([]).stream(),
    stderr:
      (options.stderr ?? "pipe") === "pipe"
        ? lateStream(child.ended.then(({ stderr }) => stderr))
        : new Blob([]).stream(),
    exited: child.ended.then(({ code }) => ({ code })),
    kill,
  };
}

function lateStream(text: Promise<string>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: async (controller) => {
      controller.enqueue(Buffer.from(await text));
      controller.close();
    },
  });
}
