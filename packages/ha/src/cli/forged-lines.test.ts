/** Text from the other node, a portal or a file name must not inject lines into what an administrator reads. */
import { expect, test } from "bun:test";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { drillReport, historyLine } from "./agent-actions.ts";
import { showStatus } from "./status.ts";

const forged = "Failed\nLast Sync Status: Successful\r\u001b[2A";

const status = {
  status: "enabled",
  role: "primary",
  state: "master",
  timing: "classic",
  lastSyncStatus: forged,
  virtualIps: [{ section: "lan_ipaddress", options: { address: forged, device: "br-lan" } }],
  keepalivedStats: {},
  pending: [forged],
  conditions: [{ code: "sync_failing", severity: "error", text: forged }],
  lastSyncTime: undefined,
  otherNode: undefined,
  maintenance: undefined,
  syncPaused: undefined,
  uplinks: { uplinks: [{ name: forged, word: forged }] },
  now: 0,
} satisfies Parameters<typeof showStatus>[0];

test.each([false, true])("status, colours %p", (color) => {
  const lines = showStatus(status, undefined, color).split("\n");
  // Only the real line begins with this; the forged text stays inside other lines.
  expect(lines.filter((each) => each.startsWith("Last Sync Status:"))).toHaveLength(1);
  expect(lines.join("")).not.toMatch(/\r|\u001b\[2A/);
});

test("history and drill", () => {
  const entry = { at: 0, node: "backup", kind: "sync", text: forged } as const;
  expect(textOfLines([historyLine(entry)]).trimEnd()).not.toContain("\n");
  const report = drillReport([{ code: "sync_fresh", verdict: "fail", text: forged }], false);
  expect(textOfLines(report).trimEnd().split("\n")).toHaveLength(3);
});
