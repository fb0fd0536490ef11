/** Calling the same implementation on the backup: its rpcd plugin over SSH, arguments as JSON on stdin, so that no secret is in a process list. */
import { NethsecError } from "@nethsec/host/error";
import type { Host, RunResult } from "@nethsec/host/host";
import * as v from "valibot";
import type { HaConfig } from "../cluster/config.ts";
import { sshRun } from "../ssh/ssh-link.ts";

export type PeerAnswer = Readonly<Record<string, unknown>>;

/** Methods of the plugin: constants, so nothing of a user's input reaches the remote shell. */
export type PeerMethod =
  | "init-local"
  | "validate-requirements"
  | "add-lan-interface"
  | "remove-interface"
  | "add-vip"
  | "remove-vip"
  | "enable"
  | "disable"
  | "reset"
  | "set-sync-list"
  | "status";

export function peerCommand(method: PeerMethod): string {
  // rpcd's limit of 30 s does not apply over SSH: let the plugin wait for its job as long as this side waits.
  return `NS_HA_WAIT=${peerWaitSeconds} /usr/libexec/rpcd/ns.ha call ${method}`;
}

const peerWaitSeconds = 85;
const callTimeoutMs = 90_000;

const reachTimeoutMs = 10_000;

/** Called before any change, so that an unreachable or hanging backup is detected within seconds. Throws what the link throws. */
export async function reachPeer(host: Pick<Host, "files" | "run">, config: HaConfig): Promise<void> {
  await sshRun(host, config, { key: "admin", command: "true", timeoutMs: reachTimeoutMs });
}

/** Uses the administrator's key. Throws what the link throws, and `backup_refused` with the backup's own message. */
export async function callPeer(
  host: Pick<Host, "files" | "run">,
  config: HaConfig,
  method: PeerMethod,
  args: object,
): Promise<PeerAnswer> {
  const call = {
    key: "admin",
    command: peerCommand(method),
    stdin: JSON.stringify(args),
    timeoutMs: callTimeoutMs,
  } as const;
  return readAnswer(config.peer.address, method, await sshRun(host, config, call));
}

const answerSchema = v.looseObject({
  error: v.optional(v.string()),
  message: v.optional(v.string()),
  advice: v.optional(v.string()),
  validation: v.optional(
    v.looseObject({
      errors: v.array(v.looseObject({ parameter: v.string(), message: v.string(), text: v.optional(v.string()) })),
    }),
  ),
});

/** Returns the plugin's answer; throws an error that names the node if the answer is a refusal. */
export function readAnswer(
  address: string,
  method: PeerMethod,
  result: Pick<RunResult, "code" | "stdout" | "stderr">,
): PeerAnswer {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), answerSchema), result.stdout.trim());
  if (!parsed.success) throw noAnswer(address, method, result);
  const { error, message, advice, validation } = parsed.output;
  if (error === undefined && validation === undefined) return parsed.output;
  const words = validation?.errors.map((problem) => problem.text ?? `${problem.message} (${problem.parameter})`);
  const why = words?.join("; ").replaceAll(".; ", ". ") ?? message ?? error ?? "";
  throw new NethsecError({
    code: "backup_refused",
    message: `The backup node ${address} refused ${method}: ${why}`,
    ...(advice === undefined ? {} : { advice: `On that node: ${advice}` }),
  });
}

function noAnswer(address: string, method: PeerMethod, result: Pick<RunResult, "code" | "stderr">): NethsecError {
  const said = result.stderr.trim().split("\n").pop() ?? "";
  return new NethsecError({
    code: "backup_refused",
    message: `The backup node ${address} gave no answer to ${method} (exit code ${result.code ?? "none"}${said === "" ? "" : `: ${said}`}).`,
    advice: `Check that nethsec is installed there in the same version: ssh root@${address} nethsec --version`,
  });
}
