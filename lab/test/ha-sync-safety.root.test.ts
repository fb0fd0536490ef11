/**
 * Content that must not be synchronised, and content that must not block the synchronisation: files that lost their content, folders that became
 * links, unusual names, a stolen key. The synchronisation runs automatically; the tests wait for its results.
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

describe("paths that change their type, and odd names", () => {
  scenario("a folder becomes a link, another a file, and both folders again", async () => {
    await lab.sh(
      "primary",
      "mkdir -p /mnt/data/banip /etc/openvpn/site; touch /etc/banip/.keep; echo k >/etc/openvpn/site/key",
    );
    await until(() => same("ls -A /etc/banip; cat /etc/openvpn/site/key"), { what: "the folders are there", ...waits });
    await lab.sh(
      "primary",
      "rm -rf /etc/banip /etc/openvpn/site; ln -s /mnt/data/banip /etc/banip; echo x >/etc/openvpn/site",
    );
    const types = "stat -c '%n %F' /etc/banip /etc/openvpn/site; readlink /etc/banip; cat /etc/openvpn/site";
    await until(() => same(types), { what: "the backup has the link and the file", ...waits });
    expect(await lab.sh("backup", "readlink /etc/banip; cat /etc/openvpn/site")).toBe("/mnt/data/banip\nx");
    await lab.sh(
      "primary",
      "rm /etc/banip /etc/openvpn/site; mkdir /etc/banip /etc/openvpn/site; echo l >/etc/openvpn/site/key",
    );
    await until(() => same("stat -c '%n %F' /etc/banip /etc/openvpn/site; cat /etc/openvpn/site/key"), {
      what: "they are folders again",
      ...waits,
    });
    await until(says("ns-ha-config status", "Last Sync Status: Successful"), { what: "status is well", ...waits });
  });

  scenario("newline, tab and Latin-1 in names travel byte for byte", async () => {
    await lab.sh(
      "primary",
      `cd /etc/openvpn && printf x > "$(printf 'two\\nlines.ovpn')" && printf x > "$(printf 'tab\\there.ovpn')" && printf x > "$(printf 'caf\\351.ovpn')"`,
    );
    const names = "cd /etc/openvpn && ls -b *.ovpn";
    expect(await lab.sh("primary", names)).toContain("caf\\351.ovpn");
    await until(() => same(names), { what: "all names are on the backup", ...waits });
    await until(says("ns-ha-config diff", "holds what the primary has"), { what: "nothing differs", ...waits });
    await lab.sh("primary", "rm /etc/openvpn/*.ovpn");
    await until(
      async () => (await lab.sh("backup", "ls /etc/openvpn")) === (await lab.sh("primary", "ls /etc/openvpn")),
      {
        what: "they are gone again",
        ...waits,
      },
    );
  });
});

describe("a restore that was cut", () => {
  scenario(
    "and cannot be finished: the agent starts all the same, follows VRRP, says what is wrong, and the next run heals",
    async () => {
      const journal = {
        version: 2,
        state: "committing",
        operations: [{ kind: "replace", path: "/etc/openvpn/none/x", temporary: "/etc/openvpn/t", whole: false }],
      };
      await lab.sh("backup", `cat >/usr/share/keepalived/restore.json <<'END'\n${JSON.stringify(journal)}\nEND`);
      await lab.sh("backup", "echo '-' >/etc/openvpn/t; /etc/init.d/ns-ha restart");
      await until(async () => (await agentView(lab, "backup"))?.conditions.includes("restore_failed"), {
        what: "the agent runs and says it",
        ...waits,
      });
      expect((await agentView(lab, "backup"))?.state).toBe("backup");
      await lab.sh("primary", "uci set system.@system[0].notes=healed; uci commit system");
      await until(async () => (await lab.sh("backup", "cat /etc/config/system")).includes("healed"), {
        what: "the next run is applied",
        ...waits,
      });
      await until(async () => (await agentView(lab, "backup"))?.conditions.includes("restore_failed") === false, {
        what: "nothing is wrong any more",
        ...waits,
      });
    },
  );
});

describe("the key of the synchronisation in the wrong hands", () => {
  const key = "/etc/keepalived/keys/id_rsa";
  const ssh = `dbclient -T -i ${key} -p 65022`;
  const rsync = (options: string, from: string): Promise<{ code: number | null; stdout: string; stderr: string }> =>
    lab.exec(
      "primary",
      [
        "sh",
        "-c",
        `cd ${from} && HOME=/etc/keepalived/keys rsync ${options} -e '${ssh}' . root@192.168.100.239:/usr/share/keepalived/rsync`,
      ],
      { ok: "any" },
    );
  const guarded = "ls /etc/dropbear /usr/sbin | md5sum; cat /etc/config/network /etc/dropbear/authorized_keys | md5sum";

  scenario("plants no link and follows none, chooses no place, and removes nothing of the node's own", async () => {
    const before = await lab.sh("backup", guarded);
    await lab.sh(
      "primary",
      "mkdir -p /root/one/etc /root/two/etc/x /root/three/usr/sbin /root/three/tmp; ln -sfn /etc/dropbear /root/one/etc/x; " +
        "echo pwned >/root/two/etc/x/pwned; echo evil >/root/three/usr/sbin/evil; uci set keepalived.ha_peer.sync=0; uci commit keepalived; reload_config",
    );
    expect((await rsync("-rlptgoR", "/root/one")).code).not.toBe(0);
    await rsync("-dptgoR --no-r", "/root/one/etc");
    await lab.sh(
      "backup",
      "mkdir -p /usr/share/keepalived/rsync/etc; ln -sfn /etc/dropbear /usr/share/keepalived/rsync/etc/x",
    );
    await lab.exec(
      "primary",
      [
        "sh",
        "-c",
        `cd /root/two && printf 'etc/x/pwned\\0' | HOME=/etc/keepalived/keys rsync -ptgo --relative --no-implied-dirs --force --from0 --files-from=- -e '${ssh}' . root@192.168.100.239:/usr/share/keepalived/rsync`,
      ],
      { ok: "any" },
    );
    expect(await lab.sh("backup", guarded)).toBe(before);
    const text = JSON.stringify({
      version: 1,
      roots: ["/usr/sbin/evil"],
      gone: ["/etc/config", "/etc"],
      entries: [
        {
          path: "/usr/sbin/evil",
          type: "file",
          mode: 0o755,
          uid: 0,
          gid: 0,
          size: 5,
          sha256: new Bun.CryptoHasher("sha256").update("evil\n").digest("hex"),
        },
      ],
    });
    await lab.sh("primary", `printf %s '${text}' >/root/three/tmp/ns-ha-manifest.json`);
    await lab.exec("primary", [
      "sh",
      "-c",
      `cd /root/three && printf 'usr/sbin/evil\\0tmp/ns-ha-manifest.json\\0' | HOME=/etc/keepalived/keys rsync -ptgo --relative --no-implied-dirs --force --from0 --files-from=- -e '${ssh}' . root@192.168.100.239:/usr/share/keepalived/rsync`,
    ]);
    const id = new Bun.CryptoHasher("sha256").update(text).digest("hex");
    const { stdout } = await lab.exec(
      "primary",
      ["sh", "-c", `HOME=/etc/keepalived/keys ${ssh} root@192.168.100.239 apply ${id}`],
      { ok: "any" },
    );
    expect(stdout).toContain('"path":"/usr/sbin/evil"');
    expect(await lab.sh("backup", guarded)).toBe(before);
    await lab.sh("primary", "uci set keepalived.ha_peer.sync=1; uci commit keepalived; reload_config");
    await until(says("ns-ha-config diff", "holds what the primary has"), {
      what: "the pair is in order again",
      ...waits,
    });
  });

  scenario("while a folder that the administrator adds on the primary is taken, as documented", async () => {
    await lab.sh(
      "primary",
      "mkdir -p /root/mine; echo one > /root/mine/a; uci add_list keepalived.ha_peer.sync_list=/root/mine; uci commit keepalived; reload_config",
    );
    await until(async () => (await lab.sh("backup", "cat /root/mine/a 2>/dev/null || echo absent")) === "one", {
      what: "it is on the backup",
      ...waits,
    });
    expect(await lab.sh("backup", "uci get keepalived.ha_peer.sync_list")).toContain("/root/mine");
  });
});
