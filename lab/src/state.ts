/**
 * State of a lab between two commands, in /run/nethsec-lab/NAME. A reboot clears it, and ends the lab as well. Losing it does no harm:
 * processes are found by their environment (process.ts).
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { NethsecError } from "@nethsec/host/error";
import { type Faults, noFaults } from "./faults.ts";
import { identify, isAlive, parseIdentity, type Identity } from "./process.ts";
import type { NodeName, WanProto } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

export const stateRoot = "/run/nethsec-lab";

/** Settings of `lab up`. */
export interface Settings {
  readonly wan: WanProto;
  /** Wall clock, milliseconds since 1970. */
  readonly started: number;
  /** The process that holds the lab's switches and file systems. */
  readonly holder: Identity;
  /** False until every node has booted and every client has its address. */
  readonly complete: boolean;
}

/** Seconds that a node's clocks are ahead (or, negative, behind). */
export interface ClockOffset {
  readonly wall: number;
  readonly monotonic: number;
}

export class State {
  readonly name: string;
  readonly dir: string;

  constructor(name: string) {
    if (!/^[a-z][a-z0-9-]{0,20}$/.test(name))
      throw new NethsecError({
        code: "bad_lab_name",
        message: `"${name}" cannot name a lab.`,
        advice: "Use lower-case letters, digits and dashes, a letter first.",
        exitCode: 2,
      });
    this.name = name;
    this.dir = `${stateRoot}/${name}`;
  }

  create(): void {
    mkdirSync(this.dir, { recursive: true, mode: 0o755 });
  }

  /** Removes every file; the mounts live in other namespaces and are gone with them. */
  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  settings(): Settings | undefined {
    return this.#read("lab.json") as Settings | undefined;
  }
  saveSettings(settings: Settings): void {
    this.#write("lab.json", settings);
  }

  faults(): Faults {
    return (this.#read("faults.json") as Faults | undefined) ?? noFaults;
  }
  saveFaults(faults: Faults): void {
    this.#write("faults.json", faults);
  }

  clock(node: NodeName): ClockOffset {
    return (this.#read(`clock-${node}.json`) as ClockOffset | undefined) ?? { wall: 0, monotonic: 0 };
  }
  saveClock(node: NodeName, offset: ClockOffset): void {
    this.#write(`clock-${node}.json`, offset);
  }

  nodeDir(node: NodeName): string {
    return `${this.dir}/${node}`;
  }

  /** Process 1 of a node, if it is alive. */
  init(node: NodeName): Identity | undefined {
    const file = `${this.nodeDir(node)}/pid.new`;
    const identity = existsSync(file) ? parseIdentity(readFileSync(file, "utf8")) : undefined;
    return identity !== undefined && isAlive(identity) ? identity : undefined;
  }

  /** Exclusive lock of a lab: only one command at a time changes it. A lock whose owner is dead is taken over. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    const path = `${this.dir}.lock`;
    const own = identify(process.pid);
    await until(() => takeLock(path, own), {
      what: `another lab command finishes its work on "${this.name}" (${path})`,
      timeoutMs: 120_000,
    });
    try {
      return await work();
    } finally {
      rmSync(path, { force: true });
      removeWhenEmpty(stateRoot);
    }
  }

  #read(file: string): unknown {
    // Trusted input: only #write writes it, in a folder owned by root.
    return existsSync(`${this.dir}/${file}`) ? JSON.parse(readFileSync(`${this.dir}/${file}`, "utf8")) : undefined;
  }
  #write(file: string, value: unknown): void {
    writeFileSync(`${this.dir}/${file}.new`, `${JSON.stringify(value)}\n`);
    renameSync(`${this.dir}/${file}.new`, `${this.dir}/${file}`);
  }
}

/** Names of the labs that have files. */
export function labsWithState(): string[] {
  return readdirOrNone(stateRoot).filter((name) => !name.includes("."));
}

function readdirOrNone(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}

function removeWhenEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Not empty: another lab has files there.
  }
}

/** Creates the lock atomically with its owner as content, so that a crash never leaves a lock without an owner. */
function takeLock(path: string, own: Identity | undefined): boolean {
  mkdirSync(stateRoot, { recursive: true, mode: 0o755 });
  const draft = `${path}.${process.pid}.lock`;
  try {
    writeFileSync(draft, `${own?.pid ?? 0} ${own?.start ?? ""}\n`);
    linkSync(draft, path);
    return true;
  } catch {
    const owner = existsSync(path) ? parseIdentity(readFileSync(path, "utf8")) : undefined;
    if (owner !== undefined && !isAlive(owner)) rmSync(path, { force: true });
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}
