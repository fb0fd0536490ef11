/** Copies a file to the backup over the HA link: complete and verified there, or not at all. Memory use does not depend on the size. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { digestFile } from "@nethsec/host/files/verified-copy";
import type { HaConfig } from "../cluster/config.ts";
import { sshCommand, sshRun } from "./ssh-link.ts";

type Machine = Pick<Host, "files" | "run">;

/** `to`: a path without blanks or quotes, in an existing folder on the backup. Throws `upload_failed`. */
export async function uploadFile(
  host: Machine,
  config: HaConfig,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  if (!/^\/[A-Za-z0-9._/-]+$/.test(to)) throw new Error(`not a path for the remote shell: ${to}`);
  const { sha256 } = digestFile(host.files.real(from));
  const { argv, env } = sshCommand(host, config, "admin");
  const reader = host.run.spawn(["cat", host.files.real(from)], { signal });
  const sender = host.run.spawn([...argv, `umask 077; cat > ${to}`], {
    env,
    stdin: reader.stdout,
    stdout: "ignore",
    signal,
  });
  const [said, { code }] = await Promise.all([new Response(sender.stderr).text(), sender.exited]);
  await reader.kill();
  if (code !== 0) throw failed(config, from, said.trim().split("\n").pop() ?? "");
  const check = await sshRun(host, config, { key: "admin", command: `sha256sum ${to}`, timeoutMs: 120_000, signal });
  if (check.stdout.split(" ")[0] !== sha256) throw failed(config, from, "what arrived there has another SHA-256");
}

function failed(config: HaConfig, from: string, why: string): NethsecError {
  return new NethsecError({
    code: "upload_failed",
    message: `${from} could not be sent to the backup node ${config.peer.address}${why === "" ? "" : `: ${why}`}.`,
    advice: "Check that there is room in /tmp there: ns-ha-config ssh-remote df -h /tmp",
  });
}
