/** What a command does on a machine without a subscription: refuse, or say that there was nothing to send. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import { readPlugConfig, type Subscription } from "../config.ts";

/** Throws when this machine has no subscription. */
export function requireSubscription({ host }: Call): Subscription {
  const { subscription } = readPlugConfig(host.uci);
  if (subscription !== undefined) return subscription;
  throw new NethsecError({
    code: "not_registered",
    message: "This machine has no subscription.",
    advice: "Register it: register enterprise <secret>, or register community <secret>.",
  });
}

/** Cron and hooks run these commands on every machine that was once registered: the exit status is 0, and a line says that nothing was sent. */
export function withoutSubscription({ io, json }: Call): number {
  if (!json) io.out("This machine has no subscription: nothing was sent.\n");
  return 0;
}
