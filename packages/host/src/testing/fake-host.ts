/**
 * A machine for tests: real files, crontab and UCI store in a temporary folder; services, network, programs, time and the log in memory.
 * It passes the contract suite of the real one (test/host-contract.ts). A program that was not declared cannot be started.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host, Level, Log, System } from "../host.ts";
import { localCron } from "../local/local-cron.ts";
import { localFiles } from "../files/local-files.ts";
import { cleanLine } from "../local/local-log.ts";
import { localRun } from "../process/local-run.ts";
import { localSystem } from "../local/local-system.ts";
import { localUciStore } from "../uci/local-store.ts";
import { type FakeClock, fakeClock } from "./fake-clock.ts";
import { type FakeNet, fakeNet } from "./fake-net.ts";
import { fakeRandom } from "./fake-random.ts";
import { fakeRun, type FakeProgram } from "./fake-run.ts";
import { type FakeServices, fakeServices } from "./fake-services.ts";

export interface FakeHostOptions {
  /** Initial files, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Default "NethSec". */
  readonly hostname?: string;
  /** Programs by name; "real" runs the machine's own program with a clean environment. */
  readonly programs?: Readonly<Record<string, FakeProgram | "real">>;
  /** Start of the clock in milliseconds since 1970; default 2026-01-01 00:00 UTC. */
  readonly now?: number;
  /** Seed of `random`; default "seed". */
  readonly seed?: string;
}

export interface FakeHost extends Host, Disposable {
  readonly clock: FakeClock;
  readonly services: FakeServices;
  readonly net: FakeNet;
  /** Declares a program, or replaces its declaration. */
  program(name: string, program: FakeProgram): void;
  /** Calls in order: "dnsmasq restart", "ifup wan", "reload_config", command lines of programs. */
  readonly calls: string[];
  /** Lines of the log: "ns-ha info: text". */
  readonly logged: string[];
  setHostname(name: string): void;
  setMemory(memory: { readonly total: number; readonly available: number }): void;
  /** Sets the result for all paths. */
  setFileSystem(fileSystem: { readonly size: number; readonly free: number; readonly device: number }): void;
  /** Services, interfaces and crontab as text: to compare the whole state at once. */
  state(): string;
}

/** Remove it with `using host = fakeHost()` or by calling `host[Symbol.dispose]()`. */
export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "nethsec-host-")));
  const files = localFiles(root);
  for (const [path, text] of Object.entries(options.files ?? {})) files.write(path, text);

  const calls: string[] = [];
  const logged: string[] = [];
  const called = (what: string): void => {
    calls.push(what);
  };
  const clock = fakeClock(options.now);
  const services = fakeServices(files, clock, called);
  const net = fakeNet(called);
  const cron = localCron(files);
  const programs = new Map<string, FakeProgram>();
  const real = localRun();
  for (const [name, program] of Object.entries(options.programs ?? {})) {
    programs.set(name, program === "real" ? realProgram(real) : program);
  }
  return {
    files,
    run: fakeRun(programs, clock, called),
    services,
    cron,
    net,
    ...changeableSystem(localSystem(files), options.hostname ?? "NethSec"),
    clock,
    random: fakeRandom(options.seed ?? "seed"),
    log: fakeLog(logged, "nethsec"),
    uci: localUciStore(root),
    program: (name, program) => {
      programs.set(name, program);
    },
    calls,
    logged,
    state: () =>
      [
        ...services.describe(),
        ...net.describe(),
        ...cron
          .text()
          .split("\n")
          .filter(Boolean)
          .map((line) => `cron ${line}`),
      ].join("\n"),
    [Symbol.dispose]: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function fakeLog(lines: string[], tag: string): Log {
  const log = (level: Level, text: string): void => {
    lines.push(`${tag} ${level}: ${cleanLine(text)}`);
  };
  return Object.assign(log, { tagged: (other: string) => fakeLog(lines, other) });
}

function changeableSystem(
  system: System,
  name: string,
): Pick<FakeHost, "system" | "setHostname" | "setMemory" | "setFileSystem"> {
  let hostname = name;
  let memory = { total: 1024 ** 3, available: 512 * 1024 ** 2 };
  let fileSystem: ReturnType<System["fileSystem"]> | undefined;
  return {
    system: {
      ...system,
      hostname: () => hostname,
      memory: () => memory,
      fileSystem: (path) => fileSystem ?? system.fileSystem(path),
    },
    setHostname: (changed) => {
      hostname = changed;
    },
    setMemory: (changed) => {
      memory = changed;
    },
    setFileSystem: (changed) => {
      fileSystem = changed;
    },
  };
}

/** Runs the machine's own program of that name in place of a fake one. */
function realProgram(run: Host["run"]): FakeProgram {
  return async ({ argv, stdin, env, cwd, signal }) => {
    const { code, stdout, stderr } = await run(argv, {
      timeoutMs: 60_000,
      ok: "any",
      stdin: await stdin,
      env,
      signal,
      ...(cwd === undefined ? {} : { cwd }),
    });
    return { code, stdout, stderr };
  };
}
