/**
 * `ns-ha sync-receive`: the forced command of the synchronisation key on the backup (authorized_keys). Receives into the staging area, has it
 * applied, and answers queries; everything else is refused.
 * Invariants: the requested command never reaches a shell; rsync gets only options from a list, may only receive, and only into the staging
 * area, which has no links when rsync starts and in which rsync cannot create any: so it cannot write outside.
 */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import * as v from "valibot";
import { type AgentClient, agentClient } from "../cluster/agent-client.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { meetingSchema } from "../cluster/agent-schemas.ts";
import { type HaConfig, readHaConfig } from "../cluster/config.ts";
import { backupChanges, dropKept, keptContent } from "./kept-changes.ts";
import { giveState } from "./give-state.ts";
import { receive } from "./receive.ts";

export type Request =
  | { readonly kind: "rsync"; readonly args: readonly string[] }
  | { readonly kind: "apply"; readonly id: string }
  | { readonly kind: "facts" }
  | { readonly kind: "held" }
  | { readonly kind: "state" }
  | { readonly kind: "changes" }
  | { readonly kind: "meet" }
  | { readonly kind: "uplinks" }
  | { readonly kind: "kept"; readonly id: string; readonly index: number }
  | { readonly kind: "drop-changes"; readonly id: string }
  | { readonly kind: "planned"; readonly planned: boolean };

const meetingBytesMax = 4096;

/** Short options of the sender's rsync, in any order, then the capabilities after `e`. No `l`: without it rsync makes no links (rsync(1), --links). */
const shortOptions = /^-[ptgoRdcvz]+(?:e\d*\.[A-Za-z]*)?$/;
const longOptions =
  /^(?:--no-implied-dirs|--timeout=\d{1,4}|--log-format=[A-Za-z%]{0,8}|--checksum|--dirs|--force|--no-r)$/;

/** Parses `SSH_ORIGINAL_COMMAND`; undefined: refused. Pure. */
export function parseRequest(command: string, stagingDir: string): Request | undefined {
  const words = ["facts", "held", "state", "changes", "meet", "uplinks"] as const;
  const word = words.find((known) => known === command);
  if (word !== undefined) return { kind: word };
  const [, set, index] = /^kept (\d{1,16}) (\d{1,6})$/.exec(command) ?? [];
  if (set !== undefined) return { kind: "kept", id: set, index: Number(index) };
  const dropped = /^drop-changes (\d{1,16})$/.exec(command)?.[1];
  if (dropped !== undefined) return { kind: "drop-changes", id: dropped };
  if (command === "planned" || command === "not-planned") return { kind: "planned", planned: command === "planned" };
  const id = /^apply ([0-9a-f]{64})$/.exec(command)?.[1];
  if (id !== undefined) return { kind: "apply", id };
  const [program, server, ...rest] = command.split(" ");
  if (program !== "rsync" || server !== "--server") return undefined;
  const [dot, target] = rest.splice(-2);
  if (dot !== "." || (target !== stagingDir && target !== `${stagingDir}/`)) return undefined;
  return rest.every((option) => shortOptions.test(option) || longOptions.test(option))
    ? { kind: "rsync", args: ["--server", ...rest, dot, target] }
    : undefined;
}

async function answer(
  { host, io }: Pick<Call, "host" | "io">,
  config: HaConfig,
  agent: AgentClient,
  request: Exclude<Request, { kind: "rsync" | "state" }>,
): Promise<unknown> {
  switch (request.kind) {
    case "meet":
      return agent.ask(
        agentEndpoints.meet,
        v.parse(v.pipe(v.string(), v.parseJson(), meetingSchema), await io.readAll(meetingBytesMax)),
      );
    case "changes":
      return backupChanges(host, config);
    case "kept":
      return { data: Buffer.from(keptContent(host.files, request.id, request.index) ?? []).toString("base64") };
    case "drop-changes":
      return { ok: true, dropped: dropKept(host.files, request.id) };
    case "apply":
      return agent.ask(agentEndpoints.apply, { id: request.id });
    case "held":
      return agent.ask(agentEndpoints.held, {});
    case "uplinks":
      return agent.ask(agentEndpoints.uplinks, {});
    case "facts":
      return agent.ask(agentEndpoints.facts, {});
    case "planned":
      await agent.ask(agentEndpoints.planned, { planned: request.planned });
  }
  return { ok: true };
}

export async function run({ host, io, signal }: Call): Promise<number> {
  const config = readHaConfig(host.uci);
  const asked = io.env["SSH_ORIGINAL_COMMAND"] ?? "";
  const log = host.log.tagged("ns-rsync.sh");
  if (config === undefined || config.role !== "backup") {
    throw new NethsecError({
      code: "not_the_backup",
      message: "This node is not the backup of a cluster: it receives nothing.",
    });
  }
  const request = parseRequest(asked, config.sync.stagingDir);
  if (request === undefined) {
    log("warning", `refused: ${asked}`);
    throw new NethsecError({
      code: "sync_refused",
      message: "The key of the synchronisation may only synchronise.",
      advice: /^rsync --server -[A-Za-z]*l/.test(asked)
        ? "The primary node sends links by rsync, as older versions did: upgrade it to this one's version."
        : "For a shell on the backup node: ns-ha-config ssh-remote",
    });
  }
  if (request.kind === "rsync") return receive(host, config, request.args, signal);
  const agent = agentClient(host.files.real("/var/run/ns-ha/agent.sock"));
  try {
    if (request.kind === "state") {
      await giveState(host, io, agent);
      return 0;
    }
    io.out(`${JSON.stringify(await answer({ host, io }, config, agent, request))}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    const { code, message, advice } = error;
    io.out(`${JSON.stringify({ ok: false, error: code, message, advice })}\n`);
    return 1;
  }
}
