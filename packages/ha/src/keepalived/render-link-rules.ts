/**
 * The firewall rules of the link between the nodes: accept VRRP, conntrackd and the cluster's SSH only from and to the peer's address on the HA
 * interface. Pure.
 *
 * They are our own files, not sections of /etc/config/firewall, which is synchronised and may be broken: with an empty firewall file fw4 drops all
 * incoming and outgoing packets, including the link's, and the backup would be reachable by its console only.
 * Why includes of fw4 and not our own table: a packet passes the base chains of every table at a hook, and one "drop" is final, while an
 * "accept" ends the evaluation of its own chain only (nft(8), "Verdict statements"). So the rules must be in fw4's own chains, before its
 * other rules. fw4 includes /usr/share/nftables.d/chain-pre/CHAIN/*.nft right after the rule for the loopback, whatever its configuration contains
 * (openwrt/firewall4 b6e5157: root/usr/share/ucode/fw4.uc `load`, templates/ruleset.uc; policies default to drop in `parse_defaults`);
 * only `option auto_includes '0'` in a readable file disables that, and then the rules in that file apply (see setFirewall).
 */
import { conntrackdPort, type HaConfig, haPaths, sshPort } from "../cluster/config.ts";
import { ipv4ToNumber } from "../cluster/ipv4.ts";

/** Path → text; empty if the peer's address or the device is invalid: nft would reject the file, and fw4 would then load no rules at all. */
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
