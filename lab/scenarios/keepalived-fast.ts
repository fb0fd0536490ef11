/** The baseline without ns-ha, fast timing. */
import { expectAtMost, measureFailover } from "../src/keepalived-baseline.ts";
import type { Scenario } from "../src/scenario.ts";

export const scenario: Scenario = {
  name: "keepalived-fast",
  summary: "the same with VRRPv3 and ten advertisements a second",
  run: async (lab, say) => expectAtMost(await measureFailover(lab, "fast", say), 500),
};
