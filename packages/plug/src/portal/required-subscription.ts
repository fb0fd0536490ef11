/** Behavior of commands on a machine without a subscription: fail, or report that nothing was sent. */
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

/** For commands that cron and hooks may still run on a machine that is no longer registered: prints that nothing was sent; exit code 0. */
export function withoutSubscription({ io, json }: Call): number {
  if (!json) io.out("This machine has no subscription: nothing was sent.\n");
  return 0;
}
