/**
 * One synchronisation, primary's side: export → list → manifest → rsync into the staging area → "apply" (design decision 5).
 * Invariants: one run at a time (the caller's duty); nothing is sent that the receiver would refuse; a failed run leaves the backup
 * unchanged, since it applies only what matches the manifest; the status is one of the documented words.
 */
import { NethsecError } from "@nethsec/host/error";
import { pathBytes, shownPath } from "@nethsec/host/files/os-path";
import type { Host, RunResult } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import { type ApplyAnswer, applyAnswerSchema, type Withheld } from "../cluster/agent-schemas.ts";
import type { HaConfig } from "../cluster/config.ts";
import { holdPlace } from "../cluster/hold-place.ts";
import { dbclientTrouble, linkFailed, sshCommand, sshRun } from "../ssh/ssh-link.ts";
import { type Described, Description } from "./description.ts";
import { manifestPath as manifestFile, restoreListPath } from "./path-rules.ts";
import { withheldAdvice, withheldText } from "./withheld-text.ts";

/** The documented words, as in `/var/state`. */
export type SyncStatus =
  | "Successful"
  | "SSH Connection Failed"
  | "SSH Host Key Changed"
  | "Rsync Transfer Failed"
  | "Restore Failed"
  | "Export Failed";

export interface SyncOutcome {
  readonly status: SyncStatus;
  readonly ok: boolean;
  /** Paths that changed on the backup. */
  readonly changed: readonly string[];
  readonly tookMs: number;
  readonly reason?: string;
  readonly advice?: string;
  /** Paths that differ on the backup although everything else arrived; absent when the whole run failed. */
  readonly withheld?: readonly Withheld[];
}

const transferTimeoutMs = 300_000;
const applyTimeoutMs = 120_000;
/** Exit codes of rsync(1): error in socket I/O, in the protocol data stream, timeouts. */
const linkCodes = new Set([10, 12, 30, 35]);
const linkTimeoutMs = 5000;
/** Files may change between hashing and transfer: then the run is repeated. */
const attempts = 3;
/** Wait before a file counts as lost: a file being written may be empty for a moment. */
const settleMs = 1000;

export interface RunOfSync {
  /** Send nothing when the manifest equals that of the last delivered run. */
  readonly onlyIfChanged: boolean;
  /** Paths that are sent though their content looks lost. */
  readonly force: readonly string[];
  readonly signal: AbortSignal;
  /** Called before anything is read; an error makes the run fail with that reason. */
  readonly before?: (signal: AbortSignal) => Promise<void>;
  readonly shareList?: (config: HaConfig) => Promise<void>;
  readonly progress: (text: string) => void;
}

export class SyncSender {
  readonly #host: Host;
  readonly #description: Description;
  /** Result of the last delivered run. */
  #last:
    | { readonly id: string; readonly withheld: readonly Withheld[]; readonly notTaken: readonly Withheld[] }
    | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#description = new Description(host);
  }

  /** The restore list of the last description: the paths to watch. */
  get roots(): readonly string[] {
    return this.#description.roots;
  }

  async run(config: HaConfig, options: RunOfSync): Promise<SyncOutcome> {
    const from = this.#host.clock.monotonic();
    const outcome = (rest: Omit<SyncOutcome, "tookMs">): SyncOutcome => ({
      ...rest,
      tookMs: this.#host.clock.monotonic() - from,
    });
    const { signal, progress } = options;
    let status: SyncStatus = "Export Failed";
    try {
      await options.before?.(signal);
      progress("exporting the network configuration");
      for (let attempt = 1; ; attempt += 1) {
        const described = await this.#describe(config, options);
        const { manifest, id, withheld } = described;
        if (options.onlyIfChanged && id === this.#last?.id) return outcome(arrived([], withheld, this.#last.notTaken));
        status = "Rsync Transfer Failed";
        progress(`sending ${manifest.entries.length} entries to ${config.peer.address}`);
        const sent = await this.#transfer(config, described, attempt > 1, signal);
        // Files vanished meanwhile (24), or could not be read (23): describe and send again.
        const again = attempt < attempts && (sent.code === 23 || sent.code === 24);
        if (sent.code !== 0 && !again) return outcome(await this.#transferFailed(config, sent, signal));
        if (again) continue;
        status = "Restore Failed";
        progress("applying on the backup node");
        const answer = await this.#apply(config, id, signal);
        if (answer.ok) {
          // The files just applied on the backup, or the list sent now, may widen its scope: try again.
          if (attempt < attempts && answer.withheld.some(({ outOfScope }) => outOfScope === true)) {
            await this.#shareList(config, options);
            continue;
          }
          this.#last = { id, withheld, notTaken: answer.withheld };
          this.#description.delivered(described, answer.withheld, config);
          return outcome(arrived(answer.changed, withheld, answer.withheld));
        }
        if (answer.error === "staging_incomplete" && attempt < attempts) continue;
        return outcome({
          status,
          ok: false,
          changed: [],
          reason: answer.message,
          ...(answer.advice === undefined ? {} : { advice: answer.advice }),
        });
      }
    } catch (error) {
      signal.throwIfAborted();
      return outcome(failedBy(error, status));
    }
  }

  /** What would be sent now. Renews the export, so that the answer holds for a failover at this moment. */
  describe(config: HaConfig, signal: AbortSignal): Promise<Described> {
    return this.#description.describe(config, { fresh: false, force: new Set(), signal });
  }

  async #describe(config: HaConfig, { onlyIfChanged, force, signal }: RunOfSync): Promise<Described> {
    // A requested run usually follows a change, perhaps of the list itself: read it again.
    const options = { fresh: !onlyIfChanged, force: new Set(force), signal };
    const described = await this.#description.describe(config, options);
    const known = new Set(this.#last?.withheld.map(({ path }) => path));
    if (described.withheld.every(({ path }) => known.has(path))) return described;
    await this.#host.clock.sleep(settleMs, signal);
    return this.#description.describe(config, { ...options, fresh: false });
  }

  async #shareList(config: HaConfig, { shareList, signal }: RunOfSync): Promise<void> {
    try {
      await shareList?.(config);
    } catch (error) {
      signal.throwIfAborted();
      this.#host.log("warning", `the list of files could not be told to the backup node: ${messageOf(error)}`);
    }
  }

  /** Transfers exactly the entries of the manifest, each listed by name. */
  #transfer(
    config: HaConfig,
    { manifest, text }: Described,
    compareContents: boolean,
    signal: AbortSignal,
  ): Promise<RunResult> {
    const { files, run } = this.#host;
    // In /tmp any local user could create a folder of these names first, which no file can replace.
    for (const path of [manifestFile, restoreListPath]) holdPlace(this.#host, path);
    files.write(manifestFile, text, { mode: 0o600 });
    files.write(restoreListPath, `${manifest.roots.map(shownPath).join("\n")}\n`, { mode: 0o600 });
    const { argv, env } = sshCommand(this.#host, config, "sync");
    const shell = argv.slice(0, -1).join(" ");
    const target = argv.at(-1) ?? "";
    // Links are sent in the manifest only, so rsync creates none in the staging area.
    const sent = manifest.entries.flatMap(({ path, type }) => (type === "symlink" ? [] : [path]));
    const names = Buffer.concat(
      [...sent, manifestFile, restoreListPath].map((path) => pathBytes(`${path.slice(1)}\0`)),
    );
    const check = compareContents ? ["--checksum"] : [];
    return run(
      [
        "rsync",
        "-ptgo",
        "--relative",
        "--no-implied-dirs",
        // Allows a file to replace a folder in the staging area.
        "--force",
        ...check,
        "--timeout=10",
        "--from0",
        "--files-from=-",
        "-e",
        shell,
        files.real("/"),
        `${target}:${config.sync.stagingDir}`,
      ],
      { env, stdin: names, timeoutMs: transferTimeoutMs, ok: "any", signal },
    );
  }

  /** rsync times out on a silent link before its SSH client reports why: then an SSH request is made to get that error. */
  async #transferFailed(
    config: HaConfig,
    result: RunResult,
    signal: AbortSignal,
  ): Promise<Omit<SyncOutcome, "tookMs">> {
    const failed = transferFailed(config, result);
    if (failed.status !== "Rsync Transfer Failed" || !linkCodes.has(result.code ?? 0)) return failed;
    await sshRun(this.#host, config, { key: "sync", command: "facts", timeoutMs: linkTimeoutMs, signal });
    return failed;
  }

  async #apply(config: HaConfig, id: string, signal: AbortSignal): Promise<ApplyAnswer> {
    const { stdout, stderr, code } = await sshRun(this.#host, config, {
      key: "sync",
      command: `apply ${id}`,
      timeoutMs: applyTimeoutMs,
      signal,
    });
    try {
      return v.parse(applyAnswerSchema, JSON.parse(stdout));
    } catch {
      const said = stderr.trim().split("\n").at(-1) ?? "";
      return {
        ok: false,
        error: "no_answer",
        message: `The backup node did not say whether it applied the files (exit ${code ?? "by a signal"}${said === "" ? "" : `: ${said}`}).`,
      };
    }
  }
}

/** Everything arrived except paths held back by this node (`withheld`) or refused by the backup (`notTaken`). */
function arrived(
  changed: readonly string[],
  withheld: readonly Withheld[],
  notTaken: readonly Withheld[],
): Omit<SyncOutcome, "tookMs"> {
  const all = [...withheld, ...notTaken];
  if (all.length === 0) return { status: "Successful", ok: true, changed, withheld: [] };
  const status = withheld.length > 0 ? "Export Failed" : "Restore Failed";
  return { status, ok: false, changed, withheld: all, reason: withheldText(all), advice: withheldAdvice(all) };
}

function transferFailed(config: HaConfig, result: RunResult): Omit<SyncOutcome, "tookMs"> {
  const trouble = dbclientTrouble(result);
  if (trouble === "host key") return keyChanged;
  if (trouble !== undefined) return failedBy(linkFailed(config, trouble), "SSH Connection Failed");
  const said = result.stderr.trim().split("\n").slice(-2).join("; ");
  return {
    status: "Rsync Transfer Failed",
    ok: false,
    changed: [],
    reason: said,
    advice: "It is tried again by itself; if it stays, look at /var/log/messages of both nodes.",
  };
}

const keyChanged: Omit<SyncOutcome, "tookMs"> = {
  status: "SSH Host Key Changed",
  ok: false,
  changed: [],
  reason: "the SSH host key of the backup node is not the one that was pinned",
  advice:
    "If the backup node was replaced or installed again, run `ns-ha-config check-backup-node` and initialise it again. If not, somebody is in between.",
};

function failedBy(error: unknown, status: SyncStatus): Omit<SyncOutcome, "tookMs"> {
  const reason = messageOf(error);
  const advice = error instanceof NethsecError && error.advice !== undefined ? { advice: error.advice } : {};
  const code = error instanceof NethsecError ? error.code : "";
  if (code === "ssh_host_key_changed") return keyChanged;
  if (code.startsWith("ssh_")) return { status: "SSH Connection Failed", ok: false, changed: [], reason, ...advice };
  return { status, ok: false, changed: [], reason, ...advice };
}
