/** The baseline without ns-ha, classic timing. */
import { expectAtMost, measureFailover } from "../src/keepalived-baseline.ts";
import type { Scenario } from "../src/scenario.ts";

export const scenario: Scenario = {
  name: "keepalived-classic",
  summary: "keepalived alone, VRRPv2 with one advertisement a second: the master loses its power",
  run: async (lab, say) => expectAtMost(await measureFailover(lab, "classic", say), 4000),
};
