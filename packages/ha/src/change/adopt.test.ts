/** Adopting a pair and handing it back, as far as lab/test/migration.root.test.ts does not cover it: refusals, and the priorities in between. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { adoptCluster, authorize, handBack, unauthorize } from "./adopt.ts";
import { haPaths } from "../cluster/config.ts";
import { authorizedKeysPath } from "../ssh/keys.ts";
import { initBoth, type TwoNodes, twoNodes } from "../testing/two-nodes.ts";

let nodes: TwoNodes;
beforeEach(async () => {
  nodes = twoNodes();
  await initBoth(nodes);
});
afterEach(() => nodes[Symbol.dispose]());

const keys = { sync: "ssh-rsa AAAAsync", admin: "ssh-ed25519 AAAAadmin" };
const priority = (node: "primary" | "backup"): string =>
  /^\s*priority (\d+)$/m.exec(nodes[node].files.readText(haPaths.keepalivedConf) ?? "")?.[1] ?? "none";

test("a pair that was made here is not taken over", async () => {
  const said = nodes.said.length;
  expect(await adoptCluster(nodes.primary)).toBeUndefined();
  expect(await adoptCluster(nodes.backup)).toBeUndefined();
  expect(nodes.said).toHaveLength(said);
});

test("the backup gives its shell back, stays below every older primary meanwhile, and takes the keys again", async () => {
  expect(priority("backup")).toBe("190");
  await unauthorize(nodes.backup);
  expect(nodes.backup.files.readText(authorizedKeysPath)).not.toContain("sync-receive");
  expect(priority("backup")).toBe("50");
  await authorize(nodes.backup, JSON.stringify(keys));
  expect(nodes.backup.files.readText(authorizedKeysPath)).toContain(`sync-receive",`);
  expect(nodes.backup.files.readText(authorizedKeysPath)).toContain("AAAAsync ns-ha-sync");
  expect(priority("backup")).toBe("190");
});

test.each([
  "",
  "{}",
  '{"sync":"ssh-rsa AAAA\\nssh-rsa BBBB","admin":"ssh-rsa A"}',
  '{"sync":"command=\\"x\\" ssh-rsa A","admin":"ssh-rsa A"}',
])("keys that are none are refused: %p", async (text) => {
  const before = nodes.backup.files.readText(authorizedKeysPath);
  expect(authorize(nodes.backup, text)).rejects.toThrow();
  expect(authorize(nodes.primary, JSON.stringify(keys))).rejects.toThrow("not the backup");
  expect(nodes.backup.files.readText(authorizedKeysPath)).toBe(before);
});

test("with the timing fast nothing is given back", async () => {
  nodes.primary.uci.change((tx) => tx.set("keepalived", "globals", "ns_timing", "fast"));
  expect(handBack(nodes.primary)).rejects.toThrow("classic");
  expect(nodes.primary.files.exists(haPaths.adminKey)).toBe(true);
});
