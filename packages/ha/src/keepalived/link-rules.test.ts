/** The rules of the link between the nodes are the package's own files, independent of the synchronised firewall configuration. */
import { expect, test } from "bun:test";
import { haPaths } from "../cluster/config.ts";
import { isOwnPath } from "../sync/path-rules.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { resetNode } from "../change/reset-node.ts";
import { renderAndReload } from "./apply-node.ts";

test("each node accepts its peer on the HA interface, in both directions, and nobody else; with the cluster they go", async () => {
  using nodes = twoNodes();
  for (const node of [nodes.primary, nodes.backup]) node.services.set("firewall", { enabled: true, running: true });
  await initBoth(nodes);
  for (const [node, peer] of [
    [nodes.primary, "192.168.100.239"],
    [nodes.backup, "192.168.100.238"],
  ] as const) {
    const incoming = node.files.readText(haPaths.linkRulesIn) ?? "";
    for (const kind of ["ip protocol 112", "udp dport 3780", "tcp dport 65022"]) {
      expect(incoming).toContain(`iifname "br-lan" ip saddr ${peer} ${kind} counter accept`);
      expect(incoming).toContain(`\n${kind} counter drop`);
      expect(node.files.readText(haPaths.linkRulesOut)).toContain(
        `oifname "br-lan" ip daddr ${peer} ${kind} counter accept`,
      );
    }
    // Rewritten after a deletion, e.g. by a system upgrade.
    node.files.remove(haPaths.linkRulesIn);
    expect((await renderAndReload(node)).firewall).toBe(true);
    expect(node.files.readText(haPaths.linkRulesIn)).toBe(incoming);
    await resetNode(node);
    expect(node.files.exists(haPaths.linkRulesIn) || node.files.exists(haPaths.linkRulesOut)).toBe(false);
  }
});

test("they are never synchronised", () => {
  for (const path of [haPaths.linkRulesIn, haPaths.linkRulesOut]) expect(isOwnPath(path)).toBe(true);
});
