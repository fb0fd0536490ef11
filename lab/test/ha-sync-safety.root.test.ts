/**
 * What must not spread from one node to the other, and what must not stop a pair: files that lost their content, folders that become links,
 * odd names, a key in the wrong hands. Played as data/cases tell it; everything is waited for as it happens by itself.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { agentView, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";

setDefaultTimeout(paced(180_000));

const name = `hay${process.pid}`;
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name });
  await makeCluster(lab);
});
afterAll(() => lab?.down());

const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};
const onBoth = async (command: string): Promise<readonly [string, string]> =>
  Promise.all([lab.sh("primary", command), lab.sh("backup", command)]);
const same = async (command: string): Promise<boolean> => {
  const [here, there] = await onBoth(command);
  return here === there;
};
const says =
  (command: string, words: string): (() => Promise<boolean>) =>
  async () =>
    (await lab.exec("primary", ["sh", "-c", command], { ok: "any" })).stdout.includes(words);
const waits = { timeoutMs: 60_000 };

describe("a firewall file that lost its content", () => {
  const zeros = "n=$(wc -c </etc/config/firewall); head -c $n /dev/zero >/etc/config/firewall";
  const lost = "/etc/config/firewall is not synchronised: it holds NUL bytes";

  scenario("is not sent: it is named, the backup keeps its rules and WANs, the rest travels", async () => {
    await lab.sh("primary", "cp /etc/config/firewall /root/firewall.good");
    await until(() => same("md5sum /etc/config/firewall"), { what: "both are the same", ...waits });
    const before = await lab.sh("backup", "md5sum /etc/config/firewall; uci show network.wan; uci show network.wan2");
    await lab.sh("primary", zeros);
    await until(says("ns-ha-config status", lost), { what: "status names the file", ...waits });
    expect(await says("ns-ha-config status", "Last Sync Status: Export Failed")()).toBe(true);
    expect(await says("ns-ha-config drill", "/etc/config/firewall (it holds NUL bytes")()).toBe(true);
    expect(await says("ns-ha-config diff", "withheld")()).toBe(true);
    expect(await lab.sh("primary", "cat /etc/ns-ha/alerts.json")).toContain('"ha:sync:failed":{"status":"FAILURE"');
    expect((await agentView(lab, "primary"))?.conditions).toContain("sync_failed");
    await lab.sh("primary", "uci set system.@system[0].notes=travels; uci commit system");
    await until(async () => (await lab.sh("backup", "cat /etc/config/system")).includes("travels"), {
      what: "another change arrives",
      ...waits,
    });
    expect(await lab.sh("backup", "md5sum /etc/config/firewall; uci show network.wan; uci show network.wan2")).toBe(
      before,
    );
  });

  scenario(
    "on both nodes, and loaded: the nodes reach each other all the same, and nobody becomes master",
    async () => {
      await lab.sh("backup", zeros);
      for (const node of ["primary", "backup"] as const) {
        await lab.sh(node, "/etc/init.d/firewall reload");
        const rules = await lab.sh(node, "nft list table inet fw4");
        for (const hook of ["input", "output"]) expect(rules).toContain(`hook ${hook} priority filter; policy drop;`);
        expect(rules).not.toContain('br-lan" counter');
      }
      const counted = async (node: "primary" | "backup", chain: string, direction: string): Promise<number> => {
        const found = await lab.sh(node, `nft list chain inet fw4 ${chain}`);
        return Number(
          new RegExp(`ip ${direction} \\S+ ip protocol (?:vrrp|112) counter packets (\\d+)`).exec(found)?.[1],
        );
      };
      for (const [node, chain, direction] of [
        ["primary", "output", "daddr"],
        ["backup", "input", "saddr"],
      ] as const)
        await until(async () => (await counted(node, chain, direction)) >= 5, {
          what: `advertisements pass ${chain} of the ${node}`,
          ...waits,
        });
      expect(await lab.sh("primary", "ns-ha-config ssh-remote echo reached")).toContain("reached");
      expect((await agentView(lab, "backup"))?.state).toBe("backup");
      expect((await agentView(lab, "primary"))?.state).toBe("master");
    },
  );

  scenario("is sent again by itself when it is right, and the backup loads it", async () => {
    await lab.sh("primary", "cp /root/firewall.good /etc/config/firewall");
    await until(() => same("md5sum /etc/config/firewall"), { what: "the backup has it", ...waits });
    await until(async () => (await lab.sh("backup", "nft list chain inet fw4 input")).includes('comment "lan"'), {
      what: "the backup's rules are those of the file",
      ...waits,
    });
    await until(says("ns-ha-config status", "Last Sync Status: Successful"), { what: "status is well", ...waits });
    await lab.sh("primary", "/etc/init.d/firewall reload");
    expect(await lab.sh("primary", "ns-ha-config ssh-remote echo reached")).toContain("reached");
  });
});
