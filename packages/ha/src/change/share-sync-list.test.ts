/** Paths that the administrator adds to the list on the primary reach the backup, which accepts no others. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { readHaConfig } from "../cluster/config.ts";
import { receiveScope } from "../sync/receive-scope.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { setOwnSyncList, shareSyncList } from "./share-sync-list.ts";

setDefaultTimeout(paced(60_000));

test("by the administrator's key, and the backup's scope follows it", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const { primary, backup } = nodes;
  const scope = async (): Promise<boolean> => {
    const config = readHaConfig(backup.uci);
    if (config === undefined) throw new Error("no cluster");
    return (await receiveScope(backup, config))("/srv/mine/a");
  };
  expect(await scope()).toBe(false);
  primary.uci.change((tx) => tx.addList("keepalived", "ha_peer", "sync_list", "/srv/mine"));
  const config = readHaConfig(primary.uci);
  if (config === undefined) throw new Error("no cluster");
  await shareSyncList(primary, config);
  expect(nodes.said.at(-1)?.method).toBe("set-sync-list");
  expect(await scope()).toBe(true);
  expect(readHaConfig(backup.uci)?.sync.list).toEqual([...config.sync.list]);
  expect(() => setOwnSyncList(primary, ["/x"])).toThrow("primary");
});
