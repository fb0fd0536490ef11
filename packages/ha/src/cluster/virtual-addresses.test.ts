/** Virtual addresses are added on the master and removed on any other node. */
import { expect, test } from "bun:test";
import type { VrrpState } from "./state.ts";
import * as cluster from "../change/cluster.ts";
import { type HaConfig, readHaConfig } from "./config.ts";
import { initBoth, type TwoNodes, twoNodes } from "../testing/two-nodes.ts";
import { addressRepairs, repairAddresses } from "./virtual-addresses.ts";

async function prepared(): Promise<{ nodes: TwoNodes; config: HaConfig }> {
  const nodes = twoNodes();
  await initBoth(nodes);
  await cluster.addVip(nodes.primary, "lan", "192.168.100.66/24");
  const lan2 = { primaryAddress: "192.168.200.238", backupAddress: "192.168.200.239", virtualIp: "192.168.200.240/24" };
  await cluster.addLanInterface(nodes.primary, lan2);
  const config = readHaConfig(nodes.primary.uci);
  if (config === undefined) throw new Error("no cluster");
  return { nodes, config };
}
const address = (text: string) => ({ address: text, prefix: 24, label: undefined });

test.each([
  ["master", [], ["add 192.168.200.240/24 eth2", "add 192.168.100.66/24 br-lan"]],
  ["master", ["192.168.100.66"], ["add 192.168.200.240/24 eth2"]],
  ["backup", [], []],
  ["backup", ["192.168.100.66", "192.168.100.240"], ["del 192.168.100.66/24 br-lan"]],
  ["fault", ["192.168.100.66"], ["del 192.168.100.66/24 br-lan"]],
  ["init", ["192.168.100.66"], []],
  ["unknown", [], []],
] as const)("%s with %j on br-lan", async (state, here, expected) => {
  const { nodes, config } = await prepared();
  using _ = nodes;
  nodes.primary.net.setDevice({ device: "br-lan", addresses: here.map(address) });
  const devices = await nodes.primary.net.addresses();
  const repairs = addressRepairs(config, devices, state);
  expect(repairs.map(({ action, cidr, device }) => `${action} ${cidr} ${device}`)).toEqual([...expected]);
});

test("a device that is not there yet is waited for", async () => {
  const { nodes, config } = await prepared();
  using _ = nodes;
  expect(addressRepairs(config, [], "master")).toEqual([]);
});

test("a transition in between has the last word", async () => {
  const { nodes, config } = await prepared();
  using _ = nodes;
  nodes.primary.net.setDevice({ device: "br-lan", addresses: ["192.168.100.66"].map(address) });
  nodes.primary.net.setDevice({ device: "eth2", addresses: ["192.168.200.240"].map(address) });
  const states: VrrpState[] = ["backup", "backup", "master", "master"];
  nodes.primary.program("ip", () => "");
  const done = await repairAddresses(nodes.primary, config, () => states.shift() ?? "master");
  expect(done).toEqual([{ action: "del", device: "eth2", cidr: "192.168.200.240/24" }]);
  expect(nodes.primary.calls.filter((line) => line.startsWith("ip address "))).toEqual([
    "ip address del 192.168.200.240/24 dev eth2",
  ]);
});
