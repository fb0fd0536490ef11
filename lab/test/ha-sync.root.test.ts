/**
 * Synchronisation of a real cluster: changes arrive within seconds, a transfer interrupted at any byte leaves the old or the new state, and only
 * listed paths are written (contract ns-ha 7, promises 3, 4 and 6).
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { paced } from "@nethsec/host/testing/pace";
import { agentView, hasAddress, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(120_000));

const name = `has${process.pid}`;
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name });
  await makeCluster(lab);
});
afterAll(() => lab?.down());

const scenario = (what: string, run: () => Promise<void>, timeoutMs = 120_000): void => {
  test(what, () => story(lab, what, run), timeoutMs);
};
const onBackup = (path: string): Promise<string> => lab.sh("backup", `cat ${path} 2>/dev/null || echo absent`);

interface Result {
  readonly success: boolean;
  readonly status: string;
}
async function sync(): Promise<Result> {
  const { stdout } = await lab.exec("primary", ["ns-ha-config", "sync", "--wait", "--json"], {
    ok: "any",
    timeoutMs: 90_000,
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Result;
}
const status = (): Promise<string> => lab.sh("primary", "ns-ha-config status | sed -n 's/^Last Sync Status: //p'");

describe("synchronisation", () => {
  scenario("a committed change is on the backup, applied, within seconds", async () => {
    await lab.sh("primary", "uci set system.@system[0].notes=hello; uci commit system");
    await until(async () => (await onBackup("/etc/config/system")).includes("hello"), {
      what: "the change is there",
      timeoutMs: 5000,
    });
    await until(async () => (await lab.sh("primary", "grep -c 'ns-rsync.sh: Successful' /var/log/messages")) !== "0", {
      what: "it is in the log",
    });
    expect(await status()).toBe("Successful");
    expect(await lab.sh("primary", "uci -P /var/state get keepalived.ha_peer.last_sync_status")).toBe("Successful");
    expect(await lab.sh("primary", "ns-ha-config diff")).toContain("holds what the primary has");
  });

  scenario(
    "a change of /etc/config/network alone arrives by itself, and diff tells the truth of this moment",
    async () => {
      const metric = (): Promise<string> => lab.sh("backup", "uci -q get network.wan.metric || echo none");
      await lab.sh("primary", "uci set network.wan.metric=77; uci commit network");
      await until(async () => (await metric()) === "77", {
        what: "the backup's imported section has it",
        timeoutMs: 60_000,
      });
      await until(async () => (await lab.sh("primary", "ns-ha-config diff")).includes("holds what the primary has"), {
        what: "nothing differs any more",
        timeoutMs: 30_000,
      });
      // With the link down the backup cannot be updated: both commands report that at once instead of comparing an old export.
      await lab.sh(
        "backup",
        "nft 'add table inet cut; add chain inet cut in { type filter hook input priority -10; }; add rule inet cut in tcp dport 65022 drop'",
      );
      await lab.sh("primary", "uci delete network.wan.metric; uci commit network");
      await until(async () => (await lab.sh("primary", "ns-ha-config status")).includes("not yet on the backup"), {
        what: "status tells the change that waits",
        timeoutMs: 60_000,
      });
      await lab.sh("backup", "nft delete table inet cut");
      await until(async () => (await metric()) === "none", {
        what: "it arrives when the link is back",
        timeoutMs: 150_000,
      });
    },
  );

  scenario("a folder added to the list is mirrored exactly, as documented", async () => {
    await lab.sh(
      "primary",
      "mkdir -p /root/debug/deep; echo one > /root/debug/a; echo two > /root/debug/deep/b; chmod 600 /root/debug/a; " +
        "uci add_list keepalived.ha_peer.sync_list=/root/debug; uci commit keepalived; reload_config",
    );
    await lab.sh("backup", "mkdir -p /root/debug; echo mine > /root/debug/extra");
    await until(async () => (await onBackup("/root/debug/deep/b")) === "two", {
      what: "the folder is there",
      timeoutMs: 20_000,
    });
    expect(await lab.sh("backup", "stat -c %a /root/debug/a; ls /root/debug")).toBe("600\na\ndeep");
    await lab.sh("primary", "rm -r /root/debug/deep; ln -s a /root/debug/link");
    expect((await sync()).success).toBe(true);
    expect(await lab.sh("backup", "ls /root/debug; readlink /root/debug/link")).toBe("a\nlink\na");
  });

  scenario("the network of the primary is imported disabled, and what is removed there goes", async () => {
    await lab.sh(
      "primary",
      "uci set network.vpnr=route; uci set network.vpnr.interface=wan; uci set network.vpnr.target=10.99.0.0/16; " +
        "uci set network.vpnr.gateway=203.0.113.1; uci set network.wg7=interface; uci set network.wg7.proto=wireguard; " +
        "uci set network.wg7.private_key=cHJpdmF0ZQ==; uci set network.wg7.auto=0; " +
        "uci set network.peer7=wireguard_wg7; uci set network.peer7.public_key=cHVibGlj; uci commit network",
    );
    expect((await sync()).success).toBe(true);
    const network = await lab.sh("backup", "uci show network");
    for (const line of [
      "wan.ns_tag='ha'",
      "wan.auto='0'",
      "vpnr.disabled='1'",
      "wg7.auto='0'",
      "peer7=wireguard_wg7",
      "peer7.ns_tag='ha'",
    ]) {
      expect(network).toContain(`network.${line}`);
    }
    const log = await lab.sh("backup", "grep 'Importing network configuration' /var/log/messages");
    expect(log).toContain('ns-ha: Importing network configuration: {"device": "eth1", "proto": "static"');
    expect(log).toContain('"record_type": "interface", "record_id": "wan"}');
    expect(log).not.toContain("cHJpdmF0ZQ==");
    expect(await hasAddress(lab, "backup", "203.0.113.10")).toBe(false);
    await lab.sh("primary", "for s in vpnr wg7 peer7; do uci delete network.$s; done; uci commit network");
    expect((await sync()).success).toBe(true);
    expect(await lab.sh("backup", "uci show network")).not.toContain("vpnr");
  });

  scenario(
    "cut at random bytes 50 times the backup has the old or the new files, never a mixture, and the next run heals it",
    async () => {
      await lab.sh("primary", "mkdir -p /root/debug; rm -rf /root/debug/*");
      const cuts: Record<string, number> = {};
      const generation = "for f in 1 2 3; do head -c 8 /root/debug/$f 2>/dev/null; echo; done | sort -u";
      for (const [turn, bytes] of fc.sample(fc.nat(90_000), 50).entries()) {
        // Resets every connection after `bytes` bytes in total.
        await lab.sh(
          "backup",
          `nft delete table inet cut 2>/dev/null; nft 'add table inet cut; ` +
            `add chain inet cut in { type filter hook input priority -10; }; ` +
            `add rule inet cut in tcp dport 65022 quota over ${bytes} bytes reject with tcp reset'`,
        );
        const stamp = String(turn).padStart(8, "0");
        await lab.sh(
          "primary",
          `for f in 1 2 3; do { printf ${stamp}; head -c 20000 /dev/urandom; } > /root/debug/$f; done`,
        );
        const { status: word } = await sync();
        cuts[word] = (cuts[word] ?? 0) + 1;
        expect((await lab.sh("backup", generation)).split("\n").length).toBe(1);
        expect(await lab.sh("backup", "find /root/debug /etc -name '.ns-ha-restore*'")).toBe("");
      }
      await lab.sh("backup", "nft delete table inet cut");
      expect((await sync()).success).toBe(true);
      const sums = "md5sum /root/debug/1 /root/debug/2 /root/debug/3";
      expect(await lab.sh("backup", sums)).toBe(await lab.sh("primary", sums));
      console.log(`50 cuts: ${JSON.stringify(cuts)}`);
      // At least 10 transfers must really have been cut.
      expect((cuts["Successful"] ?? 0) < 40).toBe(true);
    },
    400_000,
  );

  scenario("a full disk on the backup changes nothing there, is said, and heals", async () => {
    await lab.fillDisk("backup", "/etc");
    await lab.sh("primary", "{ printf fulldisk; head -c 3000000 /dev/urandom; } > /root/debug/1");
    const before = await lab.sh("backup", "md5sum /root/debug/1");
    const failed = await sync();
    expect(failed.success).toBe(false);
    expect(await lab.sh("backup", "md5sum /root/debug/1")).toBe(before);
    expect((await agentView(lab, "primary"))?.conditions).toContain("sync_failed");
    await lab.freeDisk("backup", "/etc");
    expect((await sync()).success).toBe(true);
    expect((await agentView(lab, "primary"))?.conditions).not.toContain("sync_failed");
    expect(await lab.sh("backup", "head -c 8 /root/debug/1")).toBe("fulldisk");
  });

  scenario(
    "changes are recorded on both nodes with who made them; a rollback reaches the backup by itself",
    async () => {
      const log = async (
        node: "primary" | "backup",
      ): Promise<{ id: number; by: string; files: { path: string }[] }[]> => {
        const { revisions } = JSON.parse(await lab.sh(node, "ns-ha-config log --json")) as {
          revisions: { id: number; by: string; files: { path: string }[] }[];
        };
        return revisions.filter(({ files }) => files.some(({ path }) => path === "/etc/config/firewall"));
      };
      const newest = async (node: "primary" | "backup", by: string): Promise<number> =>
        until(async () => (await log(node)).find((revision) => revision.by === by)?.id, {
          what: `a change by ${by} on the ${node}`,
          timeoutMs: 60_000,
        });
      const name = "uci get firewall.ns_lan.name";
      const before = (await lab.sh("primary", name)).trim();
      // As the API server logs the call of the web interface's button (NethServer/nethsecurity-docs, remote_access.rst).
      const call = `[INFO][AUTH] authorization success for user goofy. POST /api/ubus/call {"path":"ns.commit","method":"commit","payload":{"changes":{}}}`;
      await lab.sh(
        "primary",
        `logger -t 'nethsecurity-api[5376]' "nethsecurity_api $(date '+%Y/%m/%d %H:%M:%S') middleware.go:170: ${call.replaceAll('"', '\\"')}"; uci set firewall.ns_lan.name=lan_by_goofy; uci commit firewall`,
      );
      const id = await newest("primary", "goofy (web interface)");
      await newest("backup", "the primary node");
      expect(await lab.sh("primary", `ns-ha-config show ${id}`)).toContain("lan_by_goofy'");
      const would = await lab.sh("primary", `ns-ha-config rollback --dry-run ${id - 1}`, { timeoutMs: 60_000 });
      expect(would).toContain("It would take back:\n  /etc/config/firewall");
      const said = await lab.sh("primary", `ns-ha-config rollback ${id - 1} /etc/config/firewall`, {
        timeoutMs: 60_000,
      });
      expect(said).toContain("Taken back:\n  /etc/config/firewall");
      expect((await lab.sh("primary", name)).trim()).toBe(before);
      await until(async () => (await lab.sh("backup", name)).trim() === before, {
        what: "the backup has it too",
        timeoutMs: 60_000,
      });
    },
  );

  scenario("a backup that cannot be reached is told in the documented words", async () => {
    await lab.kill("backup");
    expect((await sync()).success).toBe(false);
    expect(await status()).toBe("SSH Connection Failed");
    await lab.boot("backup");
    await inPlace(lab, "backup", "backup", 60_000);
    expect((await sync()).success).toBe(true);
    expect(await status()).toBe("Successful");
  });

  scenario("a changed host key stops it with a clear message", async () => {
    const keys = "/etc/dropbear/dropbear_ed25519_host_key";
    await lab.sh(
      "backup",
      `cp -p ${keys} /root/key.kept; rm ${keys}; dropbearkey -t ed25519 -f ${keys} >/dev/null; /etc/init.d/dropbear restart`,
    );
    expect((await sync()).success).toBe(false);
    expect(await status()).toBe("SSH Host Key Changed");
    expect(await lab.sh("primary", "ns-ha-config status")).toContain("not the one that was pinned");
    await lab.sh("backup", `cp -p /root/key.kept ${keys}; /etc/init.d/dropbear restart`);
    await until(async () => (await sync()).success, { what: "it works with the old key", timeoutMs: 30_000 });
  });

  scenario("the key of the synchronisation can do nothing else", async () => {
    const key = "/etc/keepalived/keys/id_rsa";
    const ssh = (command: string): Promise<{ code: number | null; stdout: string }> =>
      lab.exec(
        "primary",
        ["env", "HOME=/etc/keepalived/keys", "dbclient", "-i", key, "-p", "65022", "root@192.168.100.239", command],
        { ok: "any" },
      );
    expect((await ssh("facts")).code).toBe(0);
    for (const command of [
      "cat /etc/shadow",
      "sh",
      "rsync --server --sender -logDtpr . /etc",
      "rsync --server -logDtpr . /etc",
      "rsync --server -logDtpKr . /usr/share/keepalived/rsync",
      "apply ../../x",
    ]) {
      const { code, stdout } = await ssh(command);
      expect([command, code === 0, stdout]).toEqual([command, false, ""]);
    }
  });

  scenario("a hostile staging area writes nothing outside the list", async () => {
    const look = "md5sum /bin/busybox /etc/passwd; ls /root";
    const before = await lab.sh("backup", look);
    for (const spoil of [
      "rm -rf etc/config; ln -s /root etc/config",
      "rm -f tmp/ns-ha-manifest.json; ln -s /etc/passwd tmp/ns-ha-manifest.json",
      `sed -i 's#"/etc/config/system"#"/etc/../bin/busybox"#g' tmp/ns-ha-manifest.json`,
      `sed -i 's#"/etc/config/system"#"/etc/config/network"#g' tmp/ns-ha-manifest.json`,
      "rm -f etc/config/system; mkfifo etc/config/system",
    ]) {
      await lab.sh("backup", `cd /usr/share/keepalived/rsync && { ${spoil}; }`);
      const { code } = await lab.exec("backup", ["ns-ha", "restore"], { ok: "any" });
      expect([spoil, code]).toEqual([spoil, 1]);
      expect(await lab.sh("backup", look)).toBe(before);
      expect((await sync()).success).toBe(true);
    }
    await lab.sh("backup", "ACTION=NOTIFY_SYNC /sbin/hotplug-call keepalived");
  });
});
