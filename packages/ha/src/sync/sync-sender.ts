/**
 * One synchronisation, primary's side: export → list → manifest → rsync into the staging area → "apply" (design decision 5).
 * Invariants: one at a time (the agent's duty); nothing is sent that the receiver would refuse; a run that fails anywhere leaves the backup
 * as it was, since it applies only what matches the manifest; the status is one of the documented words.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host, RunResult } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import { type ApplyAnswer, applyAnswerSchema } from "../cluster/agent-schemas.ts";
import type { HaConfig } from "../cluster/config.ts";
import { dbclientTrouble, linkFailed, sshCommand, sshRun } from "../ssh/ssh-link.ts";
import { writeExport } from "./export-files.ts";
import { fileList, sysupgradeList } from "./file-list.ts";
import { type Manifest, manifestId, ManifestReader } from "./manifest.ts";
import { isOwnPath, manifestPath as manifestFile, matchesAny, restoreListPath } from "./path-rules.ts";

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
}

const transferTimeoutMs = 300_000;
const applyTimeoutMs = 120_000;
/** `sysupgrade -l` costs a second on small machines, and what it lists changes rarely. */
const listAgeMaxMs = 60_000;
/** rsync(1): error in socket IO, in the protocol data stream, timeouts. */
const linkCodes = new Set([10, 12, 30, 35]);
const linkTimeoutMs = 5000;
/** Files may change between their hashing and their transfer: then once more. */
const attempts = 3;

export class SyncSender {
  readonly #host: Host;
  readonly #reader: ManifestReader;
  #listed: { readonly at: number; readonly paths: readonly string[] } | undefined;
  #sent: ReadonlySet<string> = new Set();
  #roots: readonly string[] = [];
  #lastId: string | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#reader = new ManifestReader(host.files, () => host.clock.now());
  }

  /** The restore list of the last description: what is worth watching. */
  get roots(): readonly string[] {
    return this.#roots;
  }

  /** `onlyIfChanged`: nothing is sent when the manifest is that of the last good run. */
  async run(
    config: HaConfig,
    options: {
      readonly onlyIfChanged: boolean;
      readonly signal: AbortSignal;
      readonly progress: (text: string) => void;
    },
  ): Promise<SyncOutcome> {
    const from = this.#host.clock.monotonic();
    const outcome = (rest: Omit<SyncOutcome, "tookMs">): SyncOutcome => ({
      ...rest,
      tookMs: this.#host.clock.monotonic() - from,
    });
    let status: SyncStatus = "Export Failed";
    // Who asks for a synchronisation has changed something, perhaps the list itself.
    if (!options.onlyIfChanged) this.#listed = undefined;
    try {
      options.progress("exporting the network configuration");
      await writeExport(this.#host);
      for (let attempt = 1; ; attempt += 1) {
        const { manifest, text } = await this.#describe(config, options.signal);
        const id = manifestId(text);
        if (options.onlyIfChanged && id === this.#lastId)
          return outcome({ status: "Successful", ok: true, changed: [] });
        status = "Rsync Transfer Failed";
        options.progress(`sending ${manifest.entries.length} entries to ${config.peer.address}`);
        const sent = await this.#transfer(config, manifest, attempt > 1, options.signal);
        // Files that vanished meanwhile (24), or could not be read (23): describe and send again.
        const again = attempt < attempts && (sent.code === 23 || sent.code === 24);
        if (sent.code !== 0 && !again) return outcome(await this.#transferFailed(config, sent, options.signal));
        if (again) continue;
        status = "Restore Failed";
        options.progress("applying on the backup node");
        const answer = await this.#apply(config, id, options.signal);
        if (answer.ok) {
          this.#lastId = id;
          this.#sent = new Set(manifest.entries.map(({ path }) => path));
          return outcome({ status: "Successful", ok: true, changed: answer.changed });
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
      options.signal.throwIfAborted();
      return outcome(failedBy(error, status));
    }
  }

  /** What would be sent now: the export is made afresh, so that what is told holds for a failover at this moment. */
  async entries(config: HaConfig, signal: AbortSignal): Promise<Manifest["entries"]> {
    await writeExport(this.#host);
    return (await this.#describe(config, signal)).manifest.entries;
  }

  async #describe(config: HaConfig, signal: AbortSignal): Promise<{ manifest: Manifest; text: string }> {
    const { files, clock } = this.#host;
    if (this.#listed === undefined || clock.monotonic() - this.#listed.at > listAgeMaxMs) {
      this.#listed = { at: clock.monotonic(), paths: await sysupgradeList(this.#host, signal) };
    }
    const { list, exclude } = config.sync;
    // All of /etc/config belongs to a backup: a package made a second ago need not wait for the next `sysupgrade -l`.
    const configs = files.list("/etc/config").map((name) => `/etc/config/${name}`);
    const roots = fileList(files, { sysupgrade: [...this.#listed.paths, ...configs], list, exclude });
    this.#roots = roots;
    const entries = this.#reader.read(roots, (path) => isOwnPath(path) || matchesAny(path, exclude));
    const here = new Set(entries.map(({ path }) => path));
    const gone = [...this.#sent].filter(
      (path) => !here.has(path) && !matchesAny(path, exclude) && files.stat(path) === undefined,
    );
    const manifest: Manifest = { version: 1, roots, gone, entries };
    return { manifest, text: JSON.stringify(manifest) };
  }

  /** Sends the entries one by one, by name: what is not in the manifest does not travel. */
  #transfer(config: HaConfig, manifest: Manifest, compareContents: boolean, signal: AbortSignal): Promise<RunResult> {
    const { files, run } = this.#host;
    files.write(manifestFile, JSON.stringify(manifest), { mode: 0o600 });
    files.write(restoreListPath, `${manifest.roots.join("\n")}\n`, { mode: 0o600 });
    const { argv, env } = sshCommand(this.#host, config, "sync");
    const shell = argv.slice(0, -1).join(" ");
    const target = argv.at(-1) ?? "";
    const names = [...manifest.entries.map(({ path }) => path), manifestFile, restoreListPath]
      .map((path) => `${path.slice(1)}\0`)
      .join("");
    const check = compareContents ? ["--checksum"] : [];
    return run(
      [
        "rsync",
        "-lptgo",
        "--relative",
        "--no-implied-dirs",
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
