/** Which DHCP section counts as a server, and which options it must send; which protocols a node supports. */
import { describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { callOn, callPlugin, initBoth, twoNodes } from "../testing/two-nodes.ts";
import { checkPrimaryNode } from "../cli/check.ts";
import * as cluster from "../change/cluster.ts";
import { checkDhcp } from "./checks.ts";
import { followingProtocols, wanTroubles } from "./following-interfaces.ts";

const codes = (options: string): string[] => {
  using host = fakeHost({ files: { "/etc/config/dhcp": `config dhcp 'lan2'\n\toption interface 'lan2'\n${options}` } });
  return checkDhcp(host.uci.read("dhcp"), "lan2", { virtualIp: "192.0.2.9/24", force: false }).map(({ code }) => code);
};
const router = (address: string): string => `\tlist dhcp_option '3,${address}'\n\tlist dhcp_option '6,192.0.2.9'\n`;

describe("a section is a DHCP server as dnsmasq's init script sees it", () => {
  test.each([
    ["without the option dhcpv4", "", ["dhcp_router_option_does_not_match_vip"]],
    ["with dhcpv4 server", "\toption dhcpv4 'server'\n", ["dhcp_router_option_does_not_match_vip"]],
    ["with dhcpv4 disabled it is none", "\toption dhcpv4 'disabled'\n", []],
    ["with ignore it is none", "\toption ignore '1'\n", []],
  ])("%s", (_, option, expected) => {
    expect(codes(`${option}${router("192.0.2.1")}`)).toEqual(expected);
  });

  test("an option that is forced on clients counts", () => {
    expect(codes("\tlist dhcp_option_force '3,192.0.2.9'\n\tlist dhcp_option '6,192.0.2.9'\n")).toEqual([]);
  });

  test("add-lan-interface refuses a LAN whose server has lost the option dhcpv4 and announces the node's own address", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    nodes.primary.uci.change((tx) => {
      tx.setSection("dhcp", "lan2", "dhcp");
      tx.set("dhcp", "lan2", "interface", "lan2");
      tx.set("dhcp", "lan2", "force", "1");
      tx.set("dhcp", "lan2", "dhcp_option", ["3,192.168.200.238", "6,192.168.200.240"]);
    });
    const added = {
      primaryAddress: "192.168.200.238",
      backupAddress: "192.168.200.239",
      virtualIp: "192.168.200.240/24",
    };
    await expect(cluster.addLanInterface(nodes.primary, added)).rejects.toMatchObject({
      problems: [expect.objectContaining({ code: "dhcp_router_option_does_not_match_vip" })],
    });
  });
});

describe("what follows the primary", () => {
  test("a protocol that the backup cannot do is a failed check there", async () => {
    using nodes = twoNodes();
    nodes.primary.uci.change((tx) => {
      tx.set("network", "wan", "proto", "pppoe");
      tx.setSection("network", "wg1", "interface");
      tx.set("network", "wg1", "proto", "wireguard");
    });
    expect(followingProtocols(nodes.primary.uci, "primary")).toEqual(["pppoe", "wireguard"]);
    nodes.backup.net.setProtocols(["none", "static", "dhcp", "wireguard"]);
    const args = {
      role: "backup",
      lan_interface: "lan",
      required_protocols: followingProtocols(nodes.primary.uci, "primary"),
    };
    const answer: unknown = JSON.parse(await callPlugin(nodes.backup, "validate-requirements", JSON.stringify(args)));
    expect(answer).toMatchObject({ success: false, errors: ["protocol_handler_not_found"] });
    expect(JSON.stringify(answer)).toContain("cannot do the protocol pppoe");
  });

  test("check-primary-node says that no WAN will follow, and which interface was left out", async () => {
    using nodes = twoNodes();
    const check = async (): Promise<string> => {
      const { call, output } = callOn(nodes.primary, { args: { lan_interface: "lan" } });
      expect(await checkPrimaryNode(call)).toBe(0);
      return output.out;
    };
    expect(await check()).toBe("The primary node meets the requirements.\n");
    nodes.primary.uci.change((tx) => tx.set("firewall", "ns_wan", "network", ["fiber"]));
    expect(await check()).toBe(
      "The primary node meets the requirements.\nWarning: No WAN will follow a failover: the firewall's zone wan names no interface. Add wan to its networks, where it is a way out.\n",
    );
    expect(wanTroubles(nodes.primary.uci, ["lan"])).toMatchObject([{ verdict: "fail" }]);
    nodes.primary.uci.change((tx) => {
      tx.delete("network", "wan");
      tx.delete("firewall", "ns_wan");
    });
    expect(wanTroubles(nodes.primary.uci, ["lan"])).toEqual([
      { verdict: "warning", text: "No WAN will follow a failover: the firewall has no zone wan." },
    ]);
  });
});
