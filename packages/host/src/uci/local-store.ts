/** The UCI store of this machine, or of a folder used as its root. Every call reads the current files; locks are libuci's, with a timeout of 30 seconds. */
import { unlinkSync } from "node:fs";
import { Package as Model } from "@nethsec/uci/model";
import { isLost } from "@nethsec/uci/lost-changes";
import { parsePackage } from "@nethsec/uci/parse";
import { UciError } from "@nethsec/uci/uci-error";
import { writePackage } from "@nethsec/uci/write";
import { encodeText } from "@nethsec/uci/text";
import { sha256 } from "../files/digests.ts";
import { NethsecError } from "../error.ts";
import { defaultAccess, type UciAccess } from "./access.ts";
import { openOrCreate } from "./commit.ts";
import { discardFiles, finishInterrupted, installFiles, type NewFile, prepareFile } from "./install.ts";
import { configPath, loadPackage, parseFile } from "./load.ts";
import { openLocked } from "./locked-file.ts";
import { packageNames } from "./package-names.ts";
import { foreignCommitters, waitForCommitters } from "./read-back.ts";
import { appendDeltas, replaceDelta } from "./save.ts";
import type { Package, Transaction, UciStore } from "../uci-store.ts";
import { LocalTransaction } from "./transaction.ts";
import { findSection, viewPackage } from "./view.ts";

export interface LocalUciOptions {
  /** Milliseconds to wait for a lock; default 30,000. */
  readonly lockTimeoutMs?: number;
}

/** `root` is "/" on a firewall. */
export function localUciStore(root: string, options: LocalUciOptions = {}): UciStore {
  return new LocalUciStore(rootedAccess(root === "/" ? "" : root, options));
}

function rootedAccess(root: string, options: LocalUciOptions): UciAccess {
  const saveDir = root + defaultAccess.saveDir;
  return {
    ...defaultAccess,
    configDir: root + defaultAccess.configDir,
    overrideDir: root + defaultAccess.overrideDir,
    saveDir,
    deltaDirs: [saveDir],
    lockTimeoutMs: options.lockTimeoutMs ?? 30_000,
  };
}

class LocalUciStore implements UciStore {
  readonly #access: UciAccess;
  /** As `uci -P /var/state`. */
  readonly #state: UciAccess;

  constructor(access: UciAccess) {
    this.#access = access;
    const saveDir = `${access.saveDir.slice(0, -defaultAccess.saveDir.length)}/var/state`;
    this.#state = { ...access, saveDir, deltaDirs: [...access.deltaDirs, saveDir] };
  }

  load(name: string): Package | undefined {
    const model = this.#load(this.#access, name);
    return model === undefined ? undefined : viewPackage(model);
  }

  read(name: string): Package {
    return this.load(name) ?? viewPackage(new Model(name));
  }

  readState(name: string): Package {
    return viewPackage(this.#load(this.#state, name) ?? new Model(name));
  }

  names(): string[] {
    try {
      return packageNames(this.#access.configDir);
    } catch (error) {
      if (error instanceof UciError && error.kind === "not_found") return [];
      throw error;
    }
  }

  change(work: (transaction: Transaction) => void): string[] {
    // The first run finds out which packages change; the next one works on them under their locks, which are taken in name order.
    for (let names: string[] = []; ;) {
      const attempt = this.#attempt(names, work);
      if (attempt.done && !attempt.isLost()) return attempt.changed;
      names = [...new Set([...names, ...attempt.changed])].sort();
    }
  }

  /** Call `isLost` after the locks are released: true if a libuci committer has overwritten the change. */
  #attempt(
    names: readonly string[],
    work: (transaction: Transaction) => void,
  ): { readonly done: boolean; readonly changed: string[]; readonly isLost: () => boolean } {
    const access = this.#access;
    const created: string[] = [];
    using locks = new DisposableStack();
    try {
      finishInterrupted(access);
      const files = new Map(
        names.map((name) => [name, locks.use(openOrCreate(access, configPath(access, name), created))]),
      );
      const transaction = new LocalTransaction((name) => {
        const file = files.get(name);
        return file === undefined ? this.#committed(name) : parseFile(access, file, name);
      });
      work(transaction);
      const models = transaction.changed();
      const changed = models.map(({ name }) => name).sort();
      if (!changed.every((name) => files.has(name))) return { done: false, changed, isLost: () => false };
      const next: NewFile[] = [];
      try {
        for (const model of models) {
          const file = files.get(model.name);
          if (file !== undefined) next.push(prepareFile(access, model.name, file.path, file.stat, writePackage(model)));
        }
      } catch (error) {
        discardFiles(next);
        throw error;
      }
      installFiles(access, next);
      for (const model of models) removeOnce(created, configPath(access, model.name));
      const committers = [...files.values()].map((file) => [file.stat, foreignCommitters(file)] as const);
      const wasLost = (): boolean => {
        const seen = committers.filter(([, pids]) => pids.size > 0);
        for (const [stat, pids] of seen) waitForCommitters(stat, pids);
        return seen.length > 0 && models.some((model) => this.#isLost(transaction.before(model.name), model));
      };
      return { done: true, changed, isLost: wasLost };
    } catch (error) {
      throw explained(error, names.join(", "));
    } finally {
      for (const path of created) unlinkSync(path);
    }
  }

  #isLost(before: string, model: Model): boolean {
    return isLost(parsePackage(before, model.name), model, this.#committed(model.name));
  }

  /** The package without pending deltas. */
  #committed(name: string): Model {
    try {
      using file = openLocked(configPath(this.#access, name), "shared", this.#access.lockTimeoutMs);
      return file === undefined ? new Model(name) : parseFile(this.#access, file, name);
    } catch (error) {
      throw explained(error, name);
    }
  }

  setState(pkg: string, section: string, option: string, value: string | undefined, type?: string): void {
    const model = this.#load(this.#state, pkg);
    const found = model === undefined ? undefined : findSection(model, section);
    if (found === undefined) {
      if (value === undefined) return;
      if (model !== undefined && type !== undefined) {
        try {
          appendDeltas(this.#state, pkg, [
            { kind: "set", section, value: encodeText(type) },
            { kind: "set", section, option, value: encodeText(value) },
          ]);
        } catch (error) {
          throw explained(error, pkg);
        }
        return;
      }
      throw new NethsecError({
        code: "uci_not_found",
        message: `The configuration package ${pkg} has no section "${section}" to keep the state of`,
      });
    }
    try {
      replaceDelta(this.#state, pkg, found.name, option, value === undefined ? undefined : encodeText(value));
    } catch (error) {
      throw explained(error, pkg);
    }
  }

  fingerprint(names: readonly string[] = this.names()): Map<string, string> {
    const prints = new Map<string, string>();
    for (const name of names) {
      const print = this.#fingerprint(name);
      if (print !== undefined) prints.set(name, print);
    }
    return prints;
  }

  /** A package that does not parse also has a fingerprint, so that its repair is detected as a change. */
  #fingerprint(name: string): string | undefined {
    try {
      const { pkg } = loadPackage(this.#access, name);
      return sha256(encodeText(writePackage(pkg)));
    } catch (error) {
      if (error instanceof UciError && error.kind === "parse") return `unreadable: ${error.message}`;
      if (error instanceof UciError && error.kind === "not_found") return undefined;
      throw explained(error, name);
    }
  }

  #load(access: UciAccess, name: string): Model | undefined {
    try {
      if (name.includes("/")) throw new UciError("invalid_argument");
      return loadPackage(access, name).pkg;
    } catch (error) {
      if (error instanceof UciError && error.kind === "not_found") return undefined;
      throw explained(error, name);
    }
  }
}

function removeOnce(list: string[], item: string): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}

const ioAdvice: ReadonlyMap<string, string> = new Map([
  ["EACCES", "Run it as root."],
  ["ENOSPC", "The disk is full: df -h /etc/config"],
]);

/** Adds the package's name to a UCI error; other errors are returned unchanged. */
function explained(error: unknown, name: string): unknown {
  if (!(error instanceof UciError)) return error;
  const reason = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  const errno = error.cause instanceof Error && "code" in error.cause ? String(error.cause.code) : "";
  return new NethsecError({
    code: `uci_${error.kind}`,
    message: `The configuration (${name}) cannot be used: ${error.message}${reason}`,
    advice:
      error.kind === "parse"
        ? `Correct the file /etc/config/${name}; "uci show ${name}" tells when it is right.`
        : (ioAdvice.get(errno) ?? `Try "uci show ${name}".`),
    cause: error,
  });
}
