/** `ns-report password` and `ns-report token`: set the credentials for reading the pages from other machines. Only hashes are stored. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { hashPassword, hashToken, maxPasswordLength } from "../auth/password-hash.ts";

const minPasswordLength = 10;
/** 43 characters of 62: 256 bits. */
const tokenLength = 43;
const restartAdvice = "Take it into use: /etc/init.d/ns-report restart\n";

/** Asks for a password (or reads one line of stdin) and stores its hash; `--remove` removes it. */
export async function password(call: Call): Promise<number> {
  const { host, io } = call;
  if (call.options["remove"] === true) {
    change(call, (transaction) => transaction.delete("ns-report", "config", "password_hash"));
    io.out(call.json ? '{"password":false}\n' : `There is no password any more. ${restartAdvice}`);
    return 0;
  }
  const secret = await io.readSecret("New password for the reports: ");
  if (secret.length < minPasswordLength || secret.length > maxPasswordLength) {
    throw new UsageError(
      `A password has from ${minPasswordLength} to ${maxPasswordLength} characters.`,
      "A few words that you do not use elsewhere are good.",
    );
  }
  if (io.stdinIsTerminal && (await io.readSecret("Again: ")) !== secret) {
    throw new NethsecError({
      code: "passwords_differ",
      message: "The two passwords differ; nothing was changed.",
      advice: "Try again.",
    });
  }
  const hash = await hashPassword(secret, (count) => host.random.bytes(count));
  change(call, (transaction) => transaction.set("ns-report", "config", "password_hash", hash));
  io.out(call.json ? '{"password":true}\n' : `The password is set. ${restartAdvice}`);
  return 0;
}

/** Generates a token, prints it once, and stores its hash beside the others; `--remove` removes all tokens. */
export function token(call: Call): number {
  const { host, io } = call;
  if (call.options["remove"] === true) {
    change(call, (transaction) => transaction.delete("ns-report", "config", "token_hash"));
    io.out(call.json ? '{"token":null}\n' : `There is no token any more. ${restartAdvice}`);
    return 0;
  }
  const fresh = host.random.text(tokenLength);
  change(call, (transaction) => transaction.addList("ns-report", "config", "token_hash", hashToken(fresh)));
  io.out(call.json ? `${JSON.stringify({ token: fresh })}\n` : `${fresh}\n`);
  if (!call.json) io.err(`This is the only time that the token is shown. ${restartAdvice}`);
  return 0;
}

type Change = Parameters<Call["host"]["uci"]["change"]>[0];

function change(call: Call, work: Change): void {
  call.host.uci.change((transaction) => {
    transaction.setSection("ns-report", "config", "report");
    work(transaction);
  });
}
