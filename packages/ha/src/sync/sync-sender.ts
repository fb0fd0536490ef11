/**
 * One synchronisation, primary's side: export → list → manifest → rsync into the staging area → "apply" (design decision 5).
 * Invariants: one at a time (the agent's duty); nothing is sent that the receiver would refuse; a run that fails anywhere leaves the backup
 * as it was, since it applies only what matches the manifest; the status is one of the documented words.
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

/** As the documentation and `/var/state` tell it. */
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
  /** What is not on the backup as it is here, though everything else arrived; absent when the run as a whole failed. */
  readonly withheld?: readonly Withheld[];
}

const transferTimeoutMs = 300_000;
const applyTimeoutMs = 120_000;
/** rsync(1): error in socket IO, in the protocol data stream, timeouts. */
const linkCodes = new Set([10, 12, 30, 35]);
const linkTimeoutMs = 5000;
/** Files may change between their hashing and their transfer: then once more. */
const attempts = 3;
/** A file that somebody is just writing is empty for a moment. */
const settleMs = 1000;

export interface RunOfSync {
  /** Nothing is sent when the manifest is that of the last run that arrived. */
  readonly onlyIfChanged: boolean;
  /** Paths that are sent though their content looks lost. */
  readonly force: readonly string[];
  readonly signal: AbortSignal;
  /** Done before anything is looked at; what it throws is the reason why the run failed. */
  readonly before?: (signal: AbortSignal) => Promise<void>;
  readonly shareList?: (config: HaConfig) => Promise<void>;
  readonly progress: (text: string) => void;
}

export class SyncSender {
  readonly #host: Host;
  readonly #description: Description;
  /** Of the last run that arrived. */
  #last:
    | { readonly id: string; readonly withheld: readonly Withheld[]; readonly notTaken: readonly Withheld[] }
    | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#description = new Description(host);
  }

  /** The restore list of the last description: what is worth watching. */
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
        // Files that vanished meanwhile (24), or could not be read (23): describe and send again.
        const again = attempt < attempts && (sent.code === 23 || sent.code === 24);
        if (sent.code !== 0 && !again) return outcome(await this.#transferFailed(config, sent, signal));
        if (again) continue;
        status = "Restore Failed";
        progress("applying on the backup node");
        const answer = await this.#apply(config, id, signal);
        if (answer.ok) {
          // What the backup got just now, or its list, may name more than before.
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

  /** What would be sent now: the export is made afresh, so that what is told holds for a failover at this moment. */
  describe(config: HaConfig, signal: AbortSignal): Promise<Described> {
    return this.#description.describe(config, { fresh: false, force: new Set(), signal });
  }

  async #describe(config: HaConfig, { onlyIfChanged, force, signal }: RunOfSync): Promise<Described> {
    // Who asks for a synchronisation has changed something, perhaps the list itself.
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

  /** Sends the entries one by one, by name: what is not in the manifest does not travel. */
  #transfer(
    config: HaConfig,
    { manifest, text }: Described,
    compareContents: boolean,
    signal: AbortSignal,
  ): Promise<RunResult> {
    const { files, run } = this.#host;
    // Names that any local user could take first, with a folder that no file can replace.
    for (const path of [manifestFile, restoreListPath]) holdPlace(this.#host, path);
    files.write(manifestFile, text, { mode: 0o600 });
    files.write(restoreListPath, `${manifest.roots.map(shownPath).join("\n")}\n`, { mode: 0o600 });
    const { argv, env } = sshCommand(this.#host, config, "sync");
    const shell = argv.slice(0, -1).join(" ");
    const target = argv.at(-1) ?? "";
    // Links travel in the manifest: nothing that rsync writes there can lead anywhere.
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
        // A folder in the staging area that is a file now.
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

  /** rsync gives up on a silent link before its SSH client has said why: then the link is asked. */
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

/** Everything arrived but for what is named: by this node (`withheld`) or by the backup (`notTaken`). */
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
