/**
 * Replacing nodes: adopting a cluster made by another implementation, the administrator's shell on the backup, and a backup that continues
 * alone after the primary is lost for good. The tests share one lab and depend on their order.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";
import { consoles } from "./consoles.ts";

setDefaultTimeout(paced(90_000));

const password = "Nethesis,1234";
let lab: Lab;
const { typed, good, addresses, inState } = consoles(() => lab);

beforeAll(async () => {
  lab = await Lab.up({ name: `t${process.pid}nodes` });
  await lab.sh(
    "primary",
    "uci -q delete dhcp.lan.dhcp_option; for option in 3 6; do uci add_list dhcp.lan.dhcp_option=$option,192.168.100.240; done; uci commit dhcp; reload_config",
  );
});
afterAll(async () => {
  await lab?.down();
});

describe("a cluster that another implementation made", () => {
  test("is adopted: its sections are read as they are, and initialising again completes what is new", async () => {
    await good("primary", `echo ${password} | ns-ha-config check-backup-node 192.168.100.239 lan`);
    await good("primary", "ns-ha-config init-primary-node 192.168.100.238 192.168.100.239 192.168.100.240/24 lan");
    await good("primary", `echo ${password} | ns-ha-config init-backup-node lan`);
    await inState("primary", "master");
    await lab.sh(
      "primary",
      "uci delete keepalived.globals.alt_config_file; uci set keepalived.ha_peer.sync_dir=/tmp/ns-ha; uci commit keepalived; rm -f /etc/keepalived/keys/id_admin; reload_config",
    );
    await until(
      async () =>
        (await lab.sh("primary", "readlink /tmp/keepalived.conf || true")) === "/var/run/ns-ha/keepalived.conf",
      {
        what: "keepalived runs with our file again",
        timeoutMs: 15_000,
      },
    );
    expect((await typed("primary", "ns-ha-config add-vip lan 192.168.100.67/24")).code).toBe(1);
    await good("primary", "ns-ha-config init-primary-node 192.168.100.238 192.168.100.239 192.168.100.240/24 lan");
    await good("primary", `echo ${password} | ns-ha-config init-backup-node lan`);
    await good("primary", "ns-ha-config add-vip lan 192.168.100.67/24");
    await inState("primary", "master");
  });

  test("ssh-remote on a terminal is a shell, whose prompt says which node it is", async () => {
    const line = `(sleep 1.5; echo 'echo $((40+2))'; sleep 1; echo exit; sleep 1) | socat - EXEC:'ns-ha-config ssh-remote',pty,setsid,ctty,stderr`;
    const shown = await good("primary", line);
    expect(shown).toContain(" [S]:");
    expect(shown).toContain("\n42");
  });
});

describe("the primary is gone for good", () => {
  test("the backup carries the site, and after reset --force goes on as a firewall of its own", async () => {
    await good("primary", "ns-ha-config sync --wait");
    await lab.kill("primary");
    await inState("backup", "master");
    expect(await good("backup", "ns-ha-config reset --force --yes")).toContain("goes on with the WAN, VPNs and routes");
    expect(await lab.sh("backup", "uci show network | grep -c -e ns_tag -e auto || true")).toBe("0");
    await until(async () => (await addresses("backup", "eth1")).includes("203.0.113.10/24"), {
      what: "it has the primary's WAN address",
      timeoutMs: 15_000,
    });
    await until(async () => (await typed("backup", "ping -c 1 -W 1 192.0.2.80")).code === 0, {
      what: "it reaches the internet",
      timeoutMs: 15_000,
    });
  });
});
