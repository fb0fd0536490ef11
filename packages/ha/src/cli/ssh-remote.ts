/** `ssh-remote [command…]`: a shell on the backup, or one command, by the administrator's key. */
import type { Call } from "@nethsec/host/command/command";
import { onPrimary } from "../cluster/on-primary.ts";
import { reachPeer } from "../change/peer.ts";
import { sshCommand } from "../ssh/ssh-link.ts";

/** Returns the exit code of the remote command. */
export async function run(call: Call): Promise<number> {
  const config = onPrimary(call.host, ["ssh-remote", ...call.rest].join(" "));
  const shell = call.rest.length === 0 && call.io.stdinIsTerminal;
  // Check first: dbclient alone would wait for minutes and print only its own error.
  await reachPeer(call.host, config);
  const { argv, env } = sshCommand(call.host, config, "admin", shell);
  // Like ssh, the words are joined with blanks; the remote shell parses the result.
  const process = call.host.run.spawn([...argv, ...call.rest], {
    env: { ...env, TERM: call.io.env["TERM"] ?? "dumb" },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    signal: call.signal,
  });
  return (await process.exited).code ?? 1;
}
