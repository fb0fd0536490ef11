/** The other node's answers, and the errors when there is none. */
import { expect, test } from "bun:test";
import { readHaConfig } from "../cluster/config.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";
import { PeerClient } from "./peer-client.ts";

test.each([
  [
    '{"ok":false,"error":"ha_agent_not_running","message":"The agent ns-ha does not run on this node.","advice":"Start it: `/etc/init.d/ns-ha start`."}\n',
    "",
    "ha_agent_not_running",
    "The backup node 192.168.100.239 could not answer: The agent ns-ha does not run on this node.",
    "On that node: Start it: `/etc/init.d/ns-ha start`.",
  ],
  [
    "",
    "sh: /usr/sbin/ns-ha: not found\n",
    "peer_not_understood",
    "The backup node 192.168.100.239 gave no usable answer: sh: /usr/sbin/ns-ha: not found.",
    "Check that nethsec is installed there in the same version: ssh root@192.168.100.239 nethsec --version",
  ],
])("%j", async (stdout, stderr, code, message, advice) => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const { primary } = nodes;
  primary.program("dbclient", () => ({ code: 1, stdout, stderr }));
  const config = readHaConfig(primary.uci);
  if (config === undefined) throw new Error("no cluster");
  const peer = new PeerClient({ host: primary, config });
  await expect(peer.facts()).rejects.toMatchObject({ code, message, advice });
});
