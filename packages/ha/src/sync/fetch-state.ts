/**
 * The primary fetches the state that the backup collected while it carried the site (cluster/state-files.ts): leases, certificates, cursors.
 * Invariants: only paths of this node's own list, and none in its exclude_list; nothing here is deleted because it is missing on the other node; a
 * file arrives whole or not at all; nothing is taken from a backup without the mark that it carried the site.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host, RunResult } from "@nethsec/host/host";
import { shownPath } from "@nethsec/host/files/os-path";
import { streamLines } from "@nethsec/host/process/stream-lines";
import type { HaConfig } from "../cluster/config.ts";
import { leaseFiles, plugCursors, stateFiles, statePaths } from "../cluster/state-files.ts";
import { hostKeyChanged } from "../ssh/ssh-error.ts";
import { dbclientTrouble, linkFailed, sshCommand } from "../ssh/ssh-link.ts";
import { type Manifest, ManifestReader } from "./manifest.ts";
import { mergeCursors } from "./merge-cursors.ts";
import { mergeLeases } from "./merge-leases.ts";
import { isWithin, matchesAny } from "./path-rules.ts";
import { restore } from "./restore.ts";
import type { Transforms } from "./restore-request.ts";
import { digestOf, lineLengthMax, type ReceivedState, receiveState, stateEntries } from "./state-stream.ts";

/** In memory, accessible to root only; holds just the changed files. */
const receiveDir = "/var/run/ns-ha/state";

type Machine = Pick<Host, "files" | "uci" | "run" | "clock" | "random" | "log" | "system">;

/** Receives the backup's state files; changes nothing yet. Throws `state_not_fetched`. `final`: the backup has just handed the site over. */
export async function fetchState(
  host: Machine,
  config: HaConfig,
  options: { readonly final: boolean; readonly signal: AbortSignal },
): Promise<ReceivedState> {
  const reader = new ManifestReader(host.files, () => host.clock.now());
  const have = Object.fromEntries(stateEntries(host, reader).map((entry) => [entry.path, digestOf(entry)]));
  const roots = statePaths(host);
  const allowed = (path: string): boolean =>
    roots.some((root) => isWithin(path, root)) && !matchesAny(path, config.sync.exclude);
  const { argv, env } = sshCommand(host, config, "sync");
  const child = host.run.spawn([...argv, "state"], { env, stdin: "pipe", signal: options.signal });
  const said = lastWords(child.stderr);
  try {
    await child.stdin.write(`${JSON.stringify({ final: options.final, have })}\n`);
    await child.stdin.end();
    const received = await receiveState(host.files, streamLines(child.stdout, lineLengthMax), receiveDir, allowed);
    if (received.skipped.length > 0)
      host.log("warning", `state of the backup node that was not taken: ${received.skipped.slice(0, 20).join(" ")}`);
    return received;
  } catch (cause) {
    const [{ code }, stderr] = await Promise.all([child.exited, said]);
    throw notFetched(config, { code, stderr }, cause);
  } finally {
    await child.kill("SIGTERM", 500);
  }
}

/** The last 20 lines of standard error. */
async function lastWords(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const lines: string[] = [];
  for await (const line of streamLines(stderr)) lines.splice(0, Math.max(0, lines.push(line) - 20));
  return lines.join("\n");
}

function notFetched(config: HaConfig, ended: Pick<RunResult, "code" | "stderr">, cause: unknown): NethsecError {
  const trouble = dbclientTrouble(ended);
  if (trouble === "host key") return hostKeyChanged(config.peer.address, undefined, undefined);
  if (trouble !== undefined) return linkFailed(config, trouble, cause);
  const said = ended.stderr.trim().split("\n").at(-1) ?? "";
  const why = said === "" ? (cause instanceof Error ? cause.message : String(cause)) : said;
  // Reached, but its version does not know the command `state`.
  const unknown = /may only synchronise/.test(ended.stderr);
  return new NethsecError({
    code: unknown ? "state_not_offered" : "state_not_fetched",
    message: `What the backup node ${config.peer.address} learnt while it carried the site could not be fetched: ${why}`,
    advice: unknown
      ? "Upgrade the backup node to this version: ns-ha-config upgrade-remote --packages"
      : "It is tried again by itself, before the next synchronisation at the latest.",
    cause,
  });
}

/** Services that read the received files, by the table of state files. */
export function concernedServices(host: Pick<Host, "files" | "uci">, received: ReceivedState): string[] {
  const rows = stateFiles(host).filter(({ paths }) =>
    received.entries.some((entry) => paths.some((path) => isWithin(entry.path, path))),
  );
  return [...new Set(rows.flatMap(({ services }) => services))];
}

/** Installs the received files, all or nothing. Returns the paths that changed. Throws like `restore`. */
export function placeState(host: Machine, config: HaConfig, received: ReceivedState): string[] {
  if (!received.carried || received.entries.length === 0) return [];
  const manifest: Manifest = {
    version: 1,
    roots: received.entries.map(({ path }) => path),
    gone: [],
    kept: [],
    forced: [],
    entries: [...received.entries],
  };
  // `fetchState` already filtered the paths.
  const { changed, withheld } = restore(
    { files: host.files, random: host.random, system: host.system },
    {
      manifest,
      stagingDir: receiveDir,
      exclude: config.sync.exclude,
      transforms: stateTransforms(host),
      inScope: () => true,
    },
  );
  for (const { path, reason } of withheld)
    host.log("warning", `state of the backup node: ${shownPath(path)} was not taken: ${reason}`);
  host.files.remove(receiveDir, { recursive: true });
  return [...changed];
}

/** Files that are merged with this node's own version. */
function stateTransforms(host: Pick<Host, "files" | "uci" | "clock">): Transforms {
  const leases = new Set(leaseFiles(host.uci.read("dhcp")));
  return (path) => {
    if (path === plugCursors) return (text) => mergeCursors(host.files.readText(path), text);
    if (!leases.has(path)) return undefined;
    return (text) => mergeLeases(host.files.readText(path) ?? "", text, host.clock.now() / 1000);
  };
}
