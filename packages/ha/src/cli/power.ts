/** `enable`, `disable`, `reset`. */
import type { Call } from "@nethsec/host/command/command";
import * as cluster from "../change/cluster.ts";
import { onPrimary } from "../cluster/on-primary.ts";
import { argument, asTyped, changing, succeed } from "./answer.ts";

export async function enable(call: Call): Promise<number> {
  onPrimary(call.host, asTyped(call, "enable"));
  await changing(call, "Enabling both nodes…", () => cluster.enable(call.host));
  return succeed(call, ["The HA cluster is enabled on both nodes."]);
}

export async function disable(call: Call): Promise<number> {
  onPrimary(call.host, asTyped(call, "disable"));
  await changing(call, "Disabling both nodes…", () => cluster.disable(call.host));
  return succeed(call, [
    "The HA cluster is disabled on both nodes; they are reached by their own addresses.",
    "To enable it again: ns-ha-config enable",
  ]);
}

export async function reset(call: Call): Promise<number> {
  const force = call.options["force"] === true;
  if (!force) onPrimary(call.host, asTyped(call, "reset"));
  const what = force ? "this node only" : "both nodes";
  if (call.options["yes"] !== true) {
    if (!call.json) call.io.err(`The HA configuration of ${what} will be removed. Type yes to go on: `);
    if ((await call.io.readLine())?.trim() !== "yes") {
      if (call.json) call.io.out(`${JSON.stringify({ success: false, error: "not_confirmed" })}\n`);
      else call.io.err("Nothing was changed: the answer was not yes (without a terminal use --yes).\n");
      return 1;
    }
  }
  const { successor } = await changing(call, "Removing the HA configuration…", () => cluster.reset(call.host, force));
  const rest = successor
    ? "this node goes on with the WAN, VPNs and routes that it carried"
    : "the network configuration is as it was";
  return succeed(call, [`The HA configuration of ${what} was removed; ${rest}.`], { successor });
}

export async function setTiming(call: Call): Promise<number> {
  const timing = argument(call, "timing");
  if (timing !== "classic" && timing !== "fast") {
    const { UsageError } = await import("@nethsec/host/error");
    throw new UsageError(`"${timing}" is no timing: it is classic or fast`);
  }
  const config = onPrimary(call.host, asTyped(call, `set-timing ${timing}`));
  const { readJournal } = await import("../cluster/journal.ts");
  if (config.timing === timing && readJournal(call.host) === undefined)
    return succeed(call, [`The timing is ${timing} already.`]);
  const { setTiming: change } = await import("../change/set-timing.ts");
  await changing(call, "Changing both nodes…", () => change(call.host, timing));
  return succeed(call, [`The timing of both nodes is ${timing} now.`]);
}
