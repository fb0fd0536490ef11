/**
 * The firewall rules of the link between the nodes: VRRP, conntrackd and the cluster's SSH, from and to the peer's address on the HA interface,
 * and from nobody else. Pure.
 *
 * They are files of our own, not sections of /etc/config/firewall, which is synchronised and may be wrong: with a firewall file that is empty
 * fw4 drops whatever comes in and goes out, the link included, and the backup could be reached by its console only.
 * Why includes of fw4 and no table of our own: a packet passes the base chains of every table at a hook, and one "drop" is final, while an
 * "accept" ends the evaluation of its own chain only (nft(8), "Verdict statements"). So the rules must stand in fw4's own chains, before its
 * others. fw4 takes /usr/share/nftables.d/chain-pre/CHAIN/*.nft in right after the rule for the loopback, whatever its configuration holds
 * (openwrt/firewall4 b6e5157: root/usr/share/ucode/fw4.uc `load`, templates/ruleset.uc; policies default to drop in `parse_defaults`);
 * only `option auto_includes '0'` of a file that can be read switches that off, and then the rules in that file hold (see setFirewall).
 */
import { conntrackdPort, type HaConfig, haPaths, sshPort } from "../cluster/config.ts";
import { ipv4ToNumber } from "../cluster/ipv4.ts";

/** Path → text; empty where the configuration has something that is no address or device: a file that nft refuses would stop the whole firewall. */
export function renderLinkRules(config: HaConfig): ReadonlyMap<string, string> {
  const { device } = config.haInterface;
  const { address } = config.peer;
  if (ipv4ToNumber(address) === undefined || !/^[A-Za-z0-9._@:-]{1,15}$/.test(device)) return new Map();
  const kinds = ["ip protocol 112", `udp dport ${conntrackdPort}`, `tcp dport ${sshPort}`];
  const accepted = (direction: string): string[] =>
    kinds.map((kind) => `${direction} ${kind} counter accept comment "ns-ha: the other node"`);
  const refused = kinds.map((kind) => `${kind} counter drop comment "ns-ha: nobody else"`);
  const file = (lines: readonly string[]): string =>
    ["# Written by ns-ha from /etc/config/keepalived: do not edit.", ...lines, ""].join("\n");
  return new Map([
    [haPaths.linkRulesIn, file([...accepted(`iifname "${device}" ip saddr ${address}`), ...refused])],
    [haPaths.linkRulesOut, file(accepted(`oifname "${device}" ip daddr ${address}`))],
  ]);
}
