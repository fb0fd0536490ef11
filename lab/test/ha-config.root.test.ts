/**
 * Runs the documented session of ns-ha-config command by command on two firewalls of the lab and compares the output. The tests share one
 * lab and depend on their order.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Lab } from "../src/lab.ts";
import { checkout } from "../src/layer.ts";
import { until } from "@nethsec/host/testing/until";
import { consoles, type Firewall } from "./consoles.ts";
import { canaries, ProcessWatch } from "./process-watch.ts";

setDefaultTimeout(paced(90_000));

const password = "Nethesis,1234";
let lab: Lab;
let watch: ProcessWatch | undefined;

beforeAll(async () => {
  lab = await Lab.up({ name: `t${process.pid}conf` });
});
afterAll(async () => {
  await watch?.stop();
  await lab?.down();
});

const { typed, good, addresses, state, inState } = consoles(() => lab);

async function announce(name: string, address: string): Promise<void> {
  await lab.sh(
    "primary",
    `uci -q delete dhcp.${name}.dhcp_option; for option in router dns-server; do uci add_list dhcp.${name}.dhcp_option=option:$option,${address}; done; uci commit dhcp; reload_config`,
  );
}

/** Configuration that reset must restore, by node. */
const before = new Map<Firewall, string>();
const remembered = "/etc/config/dropbear /etc/config/firewall /etc/dropbear /etc/keepalived /etc/crontabs";
const remember = (node: Firewall): Promise<string> =>
  lab.sh(
    node,
    `find ${remembered} -type f ! -path '*/keys/*' -exec sha256sum {} + | sort -k2; ls -A /etc/keepalived; uci show network`,
  );

describe("the documented session", () => {
  test("check-primary-node tells what is missing, then that all is well", async () => {
    const { code, err } = await typed("primary", "ns-ha-config check-primary-node lan");
    expect(code).toBe(1);
    expect(err).toBe(
      "The primary node does not meet the requirements:\n" +
        "  - The DHCP server on lan announces a router that cannot be the virtual IP: set DHCP option 3 (router) to the virtual IP " +
        "that the cluster is to have. 192.168.100.238 is a node's own address: choose one that no machine has.\n",
    );
    await announce("lan", "192.168.100.240");
    await announce("lan2", "192.168.200.190");
    expect(await good("primary", "ns-ha-config check-primary-node lan")).toBe(
      "The primary node meets the requirements.\n",
    );
    for (const node of ["primary", "backup"] as const) before.set(node, await remember(node));
  });

  test("check-backup-node asks for the password, shows and pins the host key", async () => {
    const wrong = await typed("primary", "echo wrong | ns-ha-config check-backup-node 192.168.100.239 lan");
    expect(wrong).toMatchObject({ code: 1, out: "" });
    expect(wrong.err).toContain("was reached, and refused the password of root");
    const key = (
      await lab.sh("backup", "dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | sed -n 's/^Fingerprint: //p'")
    ).trim();
    expect(await good("primary", `echo ${password} | ns-ha-config check-backup-node 192.168.100.239 lan`)).toBe(
      `The backup node meets the requirements.\nThe SSH host key of 192.168.100.239 was pinned: ${key} (ssh-ed25519)\n`,
    );
    const missing = await typed("primary", `echo ${password} | ns-ha-config check-backup-node 192.168.100.239 dmz`);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.err).toContain("  - There is no network interface dmz; there are: ");
  });

  test("on a terminal the password is asked for without echo", async () => {
    const line = `(sleep 1; echo ${password}; sleep 3) | socat - EXEC:'ns-ha-config check-backup-node 192.168.100.239 lan',pty,setsid,ctty,stderr`;
    const shown = await good("primary", line);
    expect(shown).toContain("Password of root on the backup node 192.168.100.239: ");
    expect(shown).toContain("The backup node meets the requirements.");
    expect(shown).not.toContain(password);
  });

  test("both nodes are initialised", async () => {
    // Stopped by the test about secrets in process lists, below.
    watch = ProcessWatch.start(lab, ["primary", "backup"]);
    const init = "ns-ha-config init-primary-node 192.168.100.238 192.168.100.239 192.168.100.240/24 lan";
    expect(await good("primary", init)).toBe(
      "The primary node is configured; the virtual IP is 192.168.100.240/24 on lan.\nNext: ns-ha-config init-backup-node lan\n",
    );
    const { stdout } = await lab.exec("primary", ["ns-ha-config", "init-backup-node", "lan"], {
      stdin: `${password}\n`,
    });
    expect(stdout).toBe("The backup node 192.168.100.239 is configured.\nSee: ns-ha-config status\n");
    expect(await lab.sh("primary", "uci get keepalived.primary.auth_pass")).toMatch(/^[A-Za-z0-9]{8}$/);
    expect(await lab.sh("primary", "stat -c %a /etc/keepalived/keys /etc/keepalived/keys/id_rsa")).toBe("700\n600");
  });

  test("status shows role, state and the virtual IP on both nodes", async () => {
    await inState("primary", "master");
    await inState("backup", "backup");
    const shown = await good("primary", "ns-ha-config status");
    expect(shown).toStartWith("Status: enabled\nRole: primary\nCurrent State: master\n");
    expect(shown).toContain(
      "\n\nVirtual IPs:\n  lan_ipaddress: 192.168.100.240/24 (br-lan)\n\nKeepalived Statistics:\n  advert_rcvd: ",
    );
    for (const name of [
      "advert_sent",
      "become_master",
      "release_master",
      "addr_list_err",
      "auth_failure",
      "pri_zero_sent",
    ]) {
      expect(shown).toMatch(new RegExp(`^  ${name}: \\d+$`, "m"));
    }
    expect(await good("backup", "ns-ha-config status")).toStartWith(
      "Status: enabled\nRole: backup\nCurrent State: backup\n",
    );
    expect(await addresses("primary", "br-lan")).toContain("192.168.100.240/24");
    expect(await addresses("backup", "br-lan")).not.toContain("192.168.100.240/24");
  });

  test("the first synchronisation succeeds and status says so, with its time", async () => {
    await until(async () => (await good("primary", "ns-ha-config status")).includes("Last Sync Status: Successful\n"), {
      what: "a synchronisation succeeded",
      timeoutMs: 30_000,
      everyMs: 200,
    });
    expect(await good("primary", "ns-ha-config status")).toMatch(
      /^Last Sync Time: (Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \d{4}$/m,
    );
  });

  test("add-vip, add-lan-interface and show-config", async () => {
    expect(await good("primary", "ns-ha-config add-vip lan 192.168.100.66/24")).toBe(
      "The VIP 192.168.100.66/24 was added to lan on both nodes.\n",
    );
    await until(async () => (await addresses("primary", "br-lan")).includes("192.168.100.66/24"), {
      what: "the VIP is there",
      timeoutMs: 5000,
    });
    expect(
      await good("primary", "ns-ha-config add-lan-interface 192.168.200.185 192.168.200.186 192.168.200.190/24"),
    ).toContain("added on both nodes");
    await until(async () => (await addresses("primary", "eth3")).includes("192.168.200.190/24"), {
      what: "lan2 has its VIP",
      timeoutMs: 5000,
    });
    expect(await good("primary", "ns-ha-config show-config")).toBe(`Current configuration

Interfaces:
  Interface: lan, Device: br-lan, Virtual IP: 192.168.100.240/24
  Interface: lan2, Device: eth3, Virtual IP: 192.168.200.190/24

Aliases:
  Interface: lan, Virtual Alias IP: 192.168.100.66/24

-----------------------------------------------------------------

Not configured

Interfaces:
  Interface: wan, Device: eth1 
  Interface: wan2, Device: eth2 

Need no configuration, they follow the node that carries the site: wan, wan2
`);
    expect(await lab.sh("client1", "ping -c 1 -W 1 192.168.100.66 >/dev/null && echo answers")).toBe("answers");
  });

  test("ssh-remote opens the backup, with its exit code", async () => {
    const host = await good("primary", "ns-ha-config ssh-remote ns-ha-config status");
    expect(host).toStartWith("Status: enabled\nRole: backup\nCurrent State: backup\n");
    expect(await typed("primary", "ns-ha-config ssh-remote 'echo a b | wc -w; exit 3'")).toMatchObject({
      code: 3,
      out: "2\n",
    });
  });

  test("no secret of all that was in a process list, is in a log, or in a file that others may read", async () => {
    await good("primary", "ns-ha-config sync --wait");
    await canaries(lab, "backup", 40);
    const seen = (await watch?.stop()) ?? [];
    // Checks the watch itself: it must have seen many of the canaries, which run for a few milliseconds only.
    expect(seen.filter((text) => text.includes("canary-")).length).toBeGreaterThan(8);
    for (const part of ["ns.ha call init-local", "apply ", "rsync --server", "id_rsa"])
      expect([part, seen.some((text) => text.includes(part))]).toEqual([part, true]);

    const key = async (path: string): Promise<string> =>
      (await lab.sh("primary", `base64 -w 0 ${path}`)).slice(40, 100);
    const secrets = [
      password,
      await lab.sh("primary", "uci get keepalived.primary.auth_pass"),
      await key("/etc/keepalived/keys/id_rsa"),
      await key("/etc/keepalived/keys/id_admin"),
    ];
    // The only exception: dbclient gets the password in its environment, readable by root only (ssh-password.ts).
    const ofDbclient = /^PATH=\S+ HOME=\/var\/run\/ns-ha\/first-contact-\w+ LC_ALL=C DROPBEAR_PASSWORD=\S+ $/;
    const elsewhere = seen.filter((text) => !ofDbclient.test(text));
    expect(seen.length).toBeGreaterThan(elsewhere.length);
    expect(secrets.flatMap((secret) => elsewhere.filter((text) => text.includes(secret)))).toEqual([]);
    // Excludes this checkout, which may be below /root and contains the lab's password.
    const find = `find /etc /tmp /root /usr/share/keepalived -path ${checkout} -prune -o -type f -perm /077 -exec grep -lF -f /dev/stdin {} + || :`;
    for (const node of ["primary", "backup"] as const) {
      const stdin = `${secrets.join("\n")}\n`;
      expect(await lab.sh(node, "grep -cF -f /dev/stdin /var/log/messages || :", { stdin })).toBe("0");
      expect([node, await lab.sh(node, find, { stdin })]).toEqual([node, ""]);
    }
  });

  test("the synchronisation's key can do nothing but synchronise", async () => {
    const line =
      "HOME=/etc/keepalived/keys dbclient -T -i /etc/keepalived/keys/id_rsa -p 65022 root@192.168.100.239 'touch /tmp/entered'";
    expect((await typed("primary", line)).code).not.toBe(0);
    expect((await typed("backup", "ls /tmp/entered")).code).not.toBe(0);
  });

  test("port 65022 is for the peer only, and with keys only", async () => {
    const reach = (address: string): string =>
      `sleep 1 | socat -T 2 - TCP:${address}:65022,connect-timeout=2 2>/dev/null | head -c 3`;
    expect(await lab.sh("primary", reach("192.168.100.239"))).toBe("SSH");
    expect(await lab.sh("client1", `${reach("192.168.100.239")}; true`)).toBe("");
    const withPassword = `DROPBEAR_PASSWORD=${password} HOME=/etc/keepalived/keys dbclient -T -p 65022 root@192.168.100.239 true`;
    expect((await typed("primary", withPassword)).code).not.toBe(0);
  });

  test("debug is switched on by uci and reload_config", async () => {
    await lab.sh("primary", "uci set keepalived.primary.debug=1; uci commit keepalived; reload_config");
    await until(async () => (await lab.sh("primary", "cat /tmp/keepalived.conf")).includes("debug 1"), {
      what: "debug is rendered",
      timeoutMs: 10_000,
    });
    expect(await lab.sh("primary", "grep -c Keepalived_vrrp /var/log/messages")).not.toBe("0");
    await lab.sh("primary", "uci delete keepalived.primary.debug; uci commit keepalived; reload_config");
    await until(async () => !(await lab.sh("primary", "cat /tmp/keepalived.conf")).includes("debug 1"), {
      what: "debug is gone",
      timeoutMs: 10_000,
    });
  });

  test("--trace tells the steps, and no secret", async () => {
    const { code, err } = await typed("primary", "ns-ha-config --trace add-vip lan 192.168.100.77/24");
    expect(code).toBe(0);
    expect(err).toContain("+ uci commit keepalived\n");
    expect(err).toContain("/usr/libexec/rpcd/ns.ha call add-vip\n");
    expect(await good("primary", "ns-ha-config remove-vip --json lan 192.168.100.77/24")).toBe('{"success":true}\n');
  });
});

describe("maintenance", () => {
  test("keepalived stopped on the primary: the backup serves the VIP until it is started again", async () => {
    await lab.sh("primary", "/etc/init.d/keepalived stop");
    await inState("backup", "master");
    expect(await addresses("backup", "br-lan")).toContain("192.168.100.240/24");
    await lab.sh("primary", "/etc/init.d/keepalived start");
    await inState("primary", "master");
    await inState("backup", "backup");
  });

  test("virtual addresses are put back on the master, and taken off the backup", async () => {
    await lab.sh("primary", "ip address del 192.168.200.190/24 dev eth3; ip address del 192.168.100.66/24 dev br-lan");
    await lab.sh("backup", "ip address add 192.168.100.66/24 dev br-lan");
    const right = async (): Promise<boolean> =>
      (await addresses("primary", "eth3")).includes("192.168.200.190/24") &&
      (await addresses("primary", "br-lan")).includes("192.168.100.66/24") &&
      !(await addresses("backup", "br-lan")).includes("192.168.100.66/24");
    await until(right, { what: "every address is where it belongs", timeoutMs: 25_000, everyMs: 200 });
    expect(await state("primary")).toBe("master");
  });

  test("set-timing changes both nodes without a packet lost, there and back", async () => {
    for (const [timing, version] of [
      ["fast", "3"],
      ["classic", "2"],
    ] as const) {
      await lab.sh("client1", "ping -i 0.05 -W 1 192.168.100.240 >/tmp/pinged 2>&1 & echo $! >/tmp/ping.pid");
      expect(await good("primary", `ns-ha-config set-timing ${timing}`)).toBe(
        `The timing of both nodes is ${timing} now.\n`,
      );
      for (const node of ["primary", "backup"] as const) {
        expect(await lab.sh(node, "sed -n 's/.*vrrp_version //p' /tmp/keepalived.conf")).toBe(version);
      }
      await inState("backup", "backup");
      expect(await state("primary")).toBe("master");
      await lab.sh("client1", "kill -INT $(cat /tmp/ping.pid)");
      await until(async () => (await lab.sh("client1", "cat /tmp/pinged")).includes("packet loss"), {
        what: "ping has ended",
        timeoutMs: 5000,
      });
      expect(await lab.sh("client1", "cat /tmp/pinged")).toMatch(/ 0(\.0+)?% packet loss/);
    }
  });

  test("a primary that dies while it changes the timing: the backup goes on as it was, by itself", async () => {
    const held = `(echo '{"timing":"fast"}'; sleep 30) | HOME=/etc/keepalived/keys dbclient -T -i /etc/keepalived/keys/id_admin -p 65022 root@192.168.100.239 'ns-ha hold-timing' >/tmp/held 2>&1`;
    await lab.sh("primary", `(${held}) >/dev/null 2>&1 & true`);
    await until(async () => (await lab.sh("primary", "cat /tmp/held")) === "ready", {
      what: "the backup holds still",
      timeoutMs: 10_000,
    });
    await until(async () => (await typed("backup", "pidof keepalived")).code !== 0, {
      what: "keepalived has ended",
      timeoutMs: 5000,
    });
    await lab.sh("primary", "killall -9 dbclient");
    await inState("backup", "backup");
    expect(await lab.sh("backup", "sed -n 's/.*vrrp_version //p' /tmp/keepalived.conf")).toBe("2");
    expect(await state("primary")).toBe("master");
  });

  test("disable and enable", async () => {
    await good("primary", "ns-ha-config disable");
    for (const node of ["primary", "backup"] as const) {
      await until(async () => (await typed(node, "pidof keepalived")).code !== 0, {
        what: `keepalived has ended on ${node}`,
        timeoutMs: 10_000,
      });
      expect(await good(node, "ns-ha-config status")).toStartWith("Status: disabled\n");
    }
    await good("primary", "ns-ha-config enable");
    await inState("primary", "master");
    await inState("backup", "backup");
  });
});

describe("the end", () => {
  test("remove-interface moves the address to the interface", async () => {
    expect(await good("primary", "ns-ha-config remove-interface lan2")).toContain(
      "The interface lan2 was removed from the HA configuration.\n",
    );
    expect(await lab.sh("primary", "uci get network.lan2.ipaddr")).toBe("192.168.200.190/24");
    await until(async () => (await addresses("primary", "eth3")) === "192.168.200.190/24", {
      what: "eth3 has the address",
      timeoutMs: 10_000,
    });
    expect((await typed("backup", "uci -q get network.lan2")).code).toBe(1);
    await lab.sh("primary", "uci set network.lan2.ipaddr=192.168.200.185/24; uci commit network; reload_config");
  });

  test("upgrade-remote sends an image, which the backup installs", async () => {
    expect((await typed("primary", "ns-ha-config upgrade-remote /tmp/none.img")).err).toContain(
      "There is no image file /tmp/none.img",
    );
    await lab.sh("primary", "head -c 3000000 /dev/urandom >/tmp/image.img; rm -f /tmp/ns-ha-upgrade.img");
    const started = (await typed("backup", "cut -d' ' -f22 /proc/1/stat")).out;
    expect(await good("primary", "ns-ha-config upgrade-remote /tmp/image.img")).toContain(
      "installs /tmp/image.img and restarts",
    );
    await until(
      async () => lab.isOn("backup") && (await typed("backup", "cut -d' ' -f22 /proc/1/stat")).out !== started,
      {
        what: "the backup restarted",
        timeoutMs: 30_000,
        everyMs: 200,
      },
    );
    await inState("backup", "backup");
  });

  test("reset asks for yes, and leaves no trace", async () => {
    expect((await typed("primary", "echo no | ns-ha-config reset")).code).toBe(1);
    await good("primary", "echo yes | ns-ha-config reset");
    for (const node of ["primary", "backup"] as const) {
      expect(await good(node, "ns-ha-config status")).toBe("Status: disabled\n");
      expect(
        (
          await typed(
            node,
            "ls -d /etc/keepalived/keys /etc/ha /usr/share/keepalived/rsync /etc/conntrackd/conntrackd.conf",
          )
        ).out,
      ).toBe("");
      await until(async () => (await typed(node, "pidof keepalived conntrackd")).code !== 0, {
        what: `nothing of it runs on ${node}`,
        timeoutMs: 10_000,
      });
    }
    expect(await remember("primary")).toBe(before.get("primary") ?? "");
    // Ignore lan2, which remove-interface removed on the backup, and the firewall configuration, synchronised from the primary.
    const rest = (text = ""): string => text.replaceAll(/^(network\.lan2|.*\/etc\/config\/firewall$).*\n?/gm, "");
    expect(rest(await remember("backup"))).toBe(rest(before.get("backup")));
    expect((await typed("backup", "uci show firewall | grep ns_ha")).out).toBe("");
  });
});
