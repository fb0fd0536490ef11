/** A switchover that cannot succeed is refused before anything happens. */
import { expect, test } from "bun:test";
import type { VrrpState } from "../cluster/state.ts";
import { readHaConfig } from "../cluster/config.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { switchOver } from "./switchover.ts";

test.each([
  [false, "unknown", "No switchover: the cluster is disabled.", "To enable it: ns-ha-config enable"],
  [true, "unknown", "No switchover: keepalived does not run on this node.", "Start it: /etc/init.d/keepalived start"],
  [true, "fault", "No switchover: a LAN cable or device of this node is down.", "Look at: ip link show br-lan"],
] as const)("enabled: %p, %s", async (enabled, state: VrrpState, message, advice) => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const config = readHaConfig(nodes.primary.uci);
  if (config === undefined) throw new Error("no cluster");
  const context = {
    host: nodes.primary,
    config: { ...config, enabled },
    state: () => state,
    converged: () => true,
    peer: () => Promise.reject(new Error("it was asked")),
    announce: () => Promise.reject(new Error("it was told")),
  };
  for (const to of ["primary", "backup"] as const)
    await expect(switchOver(context, to)).rejects.toMatchObject({ code: "switch_refused", message, advice });
});
