/**
 * `Host`: the only access of domain code to the machine (design decision 7). Domain code takes the parts of `Host` that it needs and is pure
 * otherwise. `local-host.ts` is the real implementation; `testing/fake-host.ts` keeps services, network and time in memory over a temporary folder,
 * and passes the same contract suite.
 */
import type { UciStore } from "./uci-store.ts";

export interface Host {
  readonly files: Files;
  readonly run: Run;
  readonly services: Services;
  readonly cron: Cron;
  readonly net: Net;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly uci: UciStore;
}

/** Files under a root folder ("/" on a firewall, a temporary folder in tests). Paths are absolute, as on the firewall. */
export interface Files {
  readonly root: string;
  /** The real path of `path`, that is with the root prepended: to pass to programs. */
  real(path: string): string;
  /** undefined when the file does not exist; every other failure throws {@link FileError}. */
  readText(path: string): string | undefined;
  readBytes(path: string): Uint8Array | undefined;
  /** The content as a stream, for files that are too large for memory. If the file does not exist, the stream errors. */
  readStream(path: string): ReadableStream<Uint8Array>;
  /** undefined when it does not exist. Follows a final symbolic link only with `follow`. */
  stat(path: string, options?: { follow?: boolean }): FileStat | undefined;
  exists(path: string): boolean;
  /** Names in byte order; empty when the folder does not exist. */
  list(dir: string): string[];
  /**
   * Writes a temporary file beside `path`, fsyncs, renames and fsyncs the folder: readers see the old or the new file. Missing parent folders are
   * created (0755). `mode` is set before the first byte; default: the mode of the replaced file, else 0644. A symbolic link at `path` is replaced,
   * never followed, unless `follow` is true.
   */
  write(path: string, data: string | Uint8Array, options?: { mode?: number; follow?: boolean }): void;
  /** Appends in one write(2); creates with `mode` (default 0644). */
  append(path: string, data: string, options?: { mode?: number }): void;
  /** `gid`: the group id set on the folder, even if the folder exists already. */
  mkdir(path: string, options?: { mode?: number; gid?: number }): void;
  rename(from: string, to: string): void;
  symlink(target: string, path: string): void;
  readlink(path: string): string | undefined;
  chmod(path: string, mode: number): void;
  /** Removes a file, link, or (with `recursive`) a folder. A missing path counts as success. */
  remove(path: string, options?: { recursive?: boolean }): void;
  /** Calls `changed` with the path of each change below `path` (recursive when a folder); stops when the signal aborts. */
  watch(path: string, changed: (path: string) => void, signal: AbortSignal): void;
}

export interface FileStat {
  readonly type: "file" | "directory" | "symlink" | "other";
  /** Permission bits only, e.g. 0o600. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Time of the last change of content, name or attributes; cannot be set back. */
  readonly ctimeMs: number;
  readonly ino: number;
}

export type Argv = readonly [program: string, ...args: string[]];

/** Starts programs. No shell; the environment is PATH, HOME, LC_ALL=C and the variables of `env`; each program has its own process group. */
export interface Run {
  /** Runs a program to its end. Throws {@link RunError} (argv, code, stderr) unless `ok` accepts the exit code. */
  (argv: Argv, options: RunOptions): Promise<RunResult>;
  /** Starts a program and returns; for daemons and streams. The signal, or `kill`, ends the whole process group. */
  spawn(argv: Argv, options?: SpawnOptions): Process;
}

export interface RunOptions {
  /** After this time the whole process group is killed and the result has `timedOut` (which `ok` never accepts). */
  readonly timeoutMs: number;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Accepted exit codes; default [0]; "any" accepts all but a timeout and a program that cannot be started. */
  readonly ok?: readonly number[] | "any";
  /** Bytes kept of stdout and of stderr, each; default 16 MiB. The excess is dropped and `truncated` set. */
  readonly maxOutput?: number;
  /** Aborting ends the program; the run then throws "program_aborted", whose `result` has the output so far. */
  readonly signal?: AbortSignal;
  /** Signal sent instead of SIGTERM on abort or timeout, with 5 s to finish: for programs that print their results at the end. */
  readonly stopWith?: "SIGINT";
  /** Texts that must not appear in an error (passwords never belong in argv; this is for output echoed by programs). */
  readonly secrets?: readonly string[];
}

export interface RunResult {
  /** null when ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly truncated: boolean;
  /** Milliseconds. */
  readonly tookMs: number;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** "pipe": `stdin` of the Process is writable; "inherit": the terminal; default: /dev/null. */
  readonly stdin?: "pipe" | "inherit" | ReadableStream<Uint8Array>;
  /** Default "pipe". */
  readonly stdout?: "pipe" | "inherit" | "ignore";
  readonly stderr?: "pipe" | "inherit" | "ignore";
  readonly signal?: AbortSignal;
  /** The program may run on after this process ends. Only with streams that are not pipes. */
  readonly outlives?: boolean;
}

export interface Process {
  readonly pid: number;
  readonly stdin: { write(data: string | Uint8Array): Promise<void>; end(): Promise<void> };
  /** Empty streams when not "pipe". */
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Settles when the process has ended; `code` is null when a signal ended it. */
  readonly exited: Promise<{ code: number | null }>;
  /** Sends the signal to the process group; SIGKILL follows after `graceMs` (default 5000) if the group still exists. */
  kill(signal?: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL", graceMs?: number): Promise<void>;
}

/** `/etc/init.d/NAME`. Exit codes of start and stop are not reliable on OpenWrt: check `running` afterwards. */
export interface Services {
  exists(name: string): boolean;
  enabled(name: string): Promise<boolean>;
  running(name: string): Promise<boolean>;
  /** Throws {@link RunError} when the script cannot be run or exceeds its timeout. */
  call(name: string, action: ServiceAction, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<void>;
  /** Runs `/sbin/reload_config`, which notifies procd that files under /etc/config changed. */
  reloadConfig(): Promise<void>;
}
export type ServiceAction = "start" | "stop" | "restart" | "reload" | "enable" | "disable";

/**
 * `/etc/crontabs/root`. Each of our lines ends in a comment ` # nethsec:<id>`; a line that we commented out begins with `#nethsec# `. Everything else
 * stays byte for byte. Each call is one atomic edit and returns whether the file changed (then crond needs `services.call("cron", "restart")`).
 */
export interface Cron {
  text(): string;
  /** Installs or replaces our line `id`. */
  set(id: string, line: string): boolean;
  remove(id: string): boolean;
  /** Comments out every active line (ours or not) whose command contains one of the words; users' own comments are not changed. */
  suspend(words: readonly string[]): boolean;
  /** Restores only lines that `suspend` commented out. */
  resume(words: readonly string[]): boolean;
}

export interface Net {
  /** `ubus call network.interface dump`. */
  interfaces(): Promise<NetworkInterface[]>;
  /** Protocols that an interface can have on this machine (`ubus call network get_proto_handlers`), including "none". */
  protocols(): Promise<string[]>;
  /** `ip -j address show`. */
  addresses(): Promise<DeviceAddresses[]>;
  /** `ip -j route show` (both families, main table). */
  routes(): Promise<Route[]>;
  /**
   * netifd's call for this one interface; it returns before the interface is up: check `interfaces` afterwards. The program `ifup` would first make
   * netifd reload all of /etc/config/network and so apply pending changes. An interface that is up or pending is left as it is. Throws {@link
   * RunError} when netifd does not know the interface.
   */
  ifup(name: string): Promise<void>;
  ifdown(name: string): Promise<void>;
}
export interface NetworkInterface {
  readonly name: string;
  readonly up: boolean;
  readonly proto: string;
  readonly device: string | undefined;
  readonly ipv4: readonly { readonly address: string; readonly prefix: number }[];
  readonly ipv6: readonly { readonly address: string; readonly prefix: number }[];
  readonly routes: readonly { readonly target: string; readonly prefix: number; readonly nexthop: string }[];
  /** netifd is setting it up. */
  readonly pending: boolean;
  /** netifd's codes for why the interface is not up, e.g. "NO_DEVICE"; a code may be repeated. */
  readonly errors: readonly string[];
}
export interface DeviceAddresses {
  readonly device: string;
  readonly mac: string;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly addresses: readonly {
    readonly address: string;
    readonly prefix: number;
    readonly label: string | undefined;
  }[];
}
export interface Route {
  readonly target: string;
  readonly gateway: string | undefined;
  readonly device: string;
  readonly metric: number | undefined;
}

export interface System {
  /** Keys of /etc/os-release, unquoted. */
  osRelease(): Readonly<Record<string, string>>;
  hostname(): string;
  /** Bytes. */
  memory(): { readonly total: number; readonly available: number };
  /** Of the file system that holds `path`; bytes. */
  fileSystem(path: string): { readonly size: number; readonly free: number; readonly device: number };
}

export interface Clock {
  /** Wall clock, milliseconds since 1970: for display and file names only. */
  now(): number;
  /** Monotonic milliseconds: for durations. */
  monotonic(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** From the system's CSPRNG. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** `count` characters of `alphabet` (default A-Za-z0-9), without bias. */
  text(count: number, alphabet?: string): string;
  /** 0 ≤ x < 1: for jitter only. */
  fraction(): number;
}

export type Level = "debug" | "info" | "warning" | "err";
/** syslog. Control characters are escaped; a line is cut at 4,000 characters. */
export interface Log {
  (level: Level, text: string): void;
  /** The same log under another tag (`logger -t`), e.g. "ns-rsync.sh". */
  tagged(tag: string): Log;
}

/** A persistent problem that `status`, pages, alerts and metrics read (design decision 8). */
export interface Condition {
  /** Stable, snake_case. */
  readonly code: string;
  readonly severity: "info" | "warning" | "error";
  /** Wall clock, milliseconds since 1970. */
  readonly since: number;
  readonly text: string;
}
