/**
 * Failures while a cluster is changed: wrong arguments, a backup that refuses, is unreachable or is another machine, a full disk, a killed
 * command. In each case both nodes are unchanged afterwards, or status names the command to repeat.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";
import { consoles } from "./consoles.ts";

setDefaultTimeout(paced(120_000));

const password = "Nethesis,1234";
let lab: Lab;
const { typed, good, addresses, config } = consoles(() => lab);

beforeAll(async () => {
  lab = await Lab.up({ name: `t${process.pid}faults` });
  await makeCluster(lab);
  await lab.sh(
    "primary",
    "uci -q delete dhcp.lan2.dhcp_option; for option in 3 6; do uci add_list dhcp.lan2.dhcp_option=$option,192.168.200.190; done; uci commit dhcp; reload_config",
  );
  await good("primary", "ns-ha-config add-vip lan 192.168.100.66/24");
  await good("primary", "ns-ha-config add-lan-interface 192.168.200.185 192.168.200.186 192.168.200.190/24");
});
afterAll(async () => {
  await lab?.down();
});

describe("what goes wrong", () => {
  test.each([
    ["a virtual IP that answers", "add-vip lan 192.168.100.CLIENT/24", "answers for 192.168.100.CLIENT already"],
    ["outside the network", "add-vip lan 10.1.1.1/24", "10.1.1.1 is outside the network of lan (192.168.100.0/24)."],
    ["not in CIDR notation", "add-vip lan 192.168.100.67", "Write it with its prefix, for example 192.168.100.67/24"],
    ["an unknown interface", "remove-interface dmz", "not configured for HA; configured are: lan, lan2."],
    ["an unknown VIP", "remove-vip lan 192.168.100.9/24", "there are: lan 192.168.100.66/24."],
    ["a missing argument", "add-vip lan", "the argument <vip_address> is missing"],
    ["an unknown action", "add-vips lan", 'did you mean "add-vip"?'],
  ])(
    "%s is refused before anything changes",
    async (_what, line, words) => {
      const address =
        (await lab.sh("client1", "ip -4 -o address show dev eth0 | awk '{ print $4 }'"))
          .split("/")[0]
          ?.split(".")
          .pop() ?? "";
      const were = [await config("primary"), await config("backup")];
      const { code, out, err } = await typed("primary", `ns-ha-config ${line.replace("CLIENT", address)}`);
      expect(code).toBeGreaterThan(0);
      expect(out).toBe("");
      expect(err).toContain(words.replace("CLIENT", address));
      expect([await config("primary"), await config("backup")]).toEqual(were);
    },
    paced(30_000),
  );

  test("on the backup an action says where it belongs", async () => {
    const { code, err } = await typed("backup", "ns-ha-config add-vip lan 192.168.100.67/24");
    expect(code).toBe(1);
    expect(err).toContain("Run there: ssh root@192.168.100.238 ns-ha-config add-vip lan 192.168.100.67/24\n");
  });

  test("somebody who is not root is told so; an address that nobody has is not said to refuse", async () => {
    expect((await typed("primary", "su nobody -s /bin/sh -c 'ns-ha-config status'")).err).toEndWith(
      "\nRun it as root.\n",
    );
    const { err } = await typed("primary", `echo ${password} | ns-ha-config check-backup-node 192.168.100.250 lan`);
    expect(err).toContain("by SSH on port 22: nobody answers there, or the connection is refused.\n");
  });

  test("the backup cannot be reached: the primary is put back, the message names the node", async () => {
    const was = await config("primary");
    await lab.sh("backup", "/etc/init.d/dropbear stop");
    const { code, err } = await typed("primary", "ns-ha-config add-vip lan 192.168.100.67/24");
    const history = await good("primary", "ns-ha-config history");
    await lab.sh("backup", "/etc/init.d/dropbear start");
    expect(code).toBe(1);
    expect(err).toContain(
      "The backup node 192.168.100.239 cannot be reached by SSH on port 65022: connection refused.",
    );
    expect(history).toEndWith(
      "  primary  fault       the backup node 192.168.100.239 does not answer: its entries are not in this list\n",
    );
    expect(await config("primary")).toBe(was);
    expect(await addresses("primary", "br-lan")).not.toContain("192.168.100.67");
  });

  test("the backup refuses: the primary is put back, with the backup's reason", async () => {
    const was = await config("primary");
    await lab.sh("backup", "mv /etc/config/keepalived /etc/config/keepalived.away; mkdir /etc/config/keepalived");
    const { code, err } = await typed("primary", "ns-ha-config add-vip lan 192.168.100.67/24");
    await lab.sh("backup", "rmdir /etc/config/keepalived; mv /etc/config/keepalived.away /etc/config/keepalived");
    expect(code).toBe(1);
    expect(err).toContain("The backup node 192.168.100.239 ");
    expect(await config("primary")).toBe(was);
  });

  test("the backup's disk is full: both nodes are as they were", async () => {
    const were = [await config("primary"), await config("backup")];
    await lab.fillDisk("backup", "/etc");
    const { code, err } = await typed("primary", "ns-ha-config add-vip lan 192.168.100.67/24");
    await lab.freeDisk("backup", "/etc");
    expect(code).toBe(1);
    expect(err).toContain("The backup node 192.168.100.239 refused add-vip");
    expect(err).toContain("no space left on the device\nOn that node: Free some space (see `df -h`)");
    expect([await config("primary"), await config("backup")]).toEqual(were);
    expect(await good("primary", "ns-ha-config status")).not.toContain("interrupted");
  });

  test("a backup that hangs is known within seconds, before anything is changed", async () => {
    const was = await config("primary");
    lab.pause("backup", "dropbear");
    const from = performance.now();
    const actions = ["add-vip lan 192.168.100.67/24", "set-timing fast", "ssh-remote true"];
    const all = await Promise.all(actions.map((action) => typed("primary", `ns-ha-config ${action}`)));
    lab.resume("backup", "dropbear");
    for (const [index, { code, err }] of all.entries())
      expect([actions[index], code, err]).toEqual([
        actions[index],
        1,
        expect.stringContaining(
          "The backup node 192.168.100.239 cannot be reached by SSH on port 65022: no answer in time.",
        ),
      ]);
    expect(performance.now() - from).toBeLessThan(paced(20_000));
    expect(await config("primary")).toBe(was);
  });

  /** Replaces the backup's rpcd plugin by a wrapper that blocks until `letGo`. */
  const plugin = "/usr/libexec/rpcd/ns.ha";
  const hold = (): Promise<string> =>
    lab.sh(
      "backup",
      `mkdir -p /tmp/held; cp -P ${plugin} /tmp/held/; rm ${plugin}; cat >${plugin}; chmod 755 ${plugin}; rm -f /tmp/go`,
      { stdin: '#!/bin/sh\nuntil [ -e /tmp/go ]; do sleep 0.1; done\nexec /tmp/held/ns.ha "$@"\n' },
    );
  const letGo = (): Promise<string> =>
    lab.sh("backup", `cp -P /tmp/held/ns.ha ${plugin}.own; mv ${plugin}.own ${plugin}; touch /tmp/go`);
  const waits = (): Promise<unknown> =>
    until(async () => (await typed("backup", `pgrep -f '^/bin/sh ${plugin} call add-vip'`)).code === 0, {
      what: "the backup's plugin is called",
      timeoutMs: 15_000,
    });

  test("Ctrl-C half-way: it says that it completes the change first, and does", async () => {
    await hold();
    const ending = typed("primary", "exec ns-ha-config add-vip lan 192.168.100.67/24");
    await waits();
    lab.signal("primary", "ns-ha-config", "SIGINT");
    await letGo();
    expect(await ending).toEqual({
      code: 0,
      out: "The VIP 192.168.100.67/24 was added to lan on both nodes.\n",
      err: "The change is completed or undone first, so that the nodes do not differ…\n",
    });
    for (const node of ["primary", "backup"] as const) expect(await config(node)).toContain("192.168.100.67/24");
    await good("primary", "ns-ha-config remove-vip lan 192.168.100.67/24");
  });

  test("Ctrl-C does not leave a switchover half-way, and it says so", async () => {
    const switching = typed("primary", "exec ns-ha-config switch");
    await until(async () => Number(await lab.sh("primary", "cat /var/run/ns-ha/priority")) < 0, {
      what: "it hands over",
      timeoutMs: 15_000,
      everyMs: 20,
    });
    lab.signal("primary", "ns-ha-config", "SIGINT");
    expect(await switching).toEqual({
      code: 0,
      out: expect.stringContaining("The backup node is master now"),
      err: "The change is completed or undone first, so that the nodes do not differ…\n",
    });
    await good("primary", "ns-ha-config switch --to primary");
  });

  test("killed half-way: status says it, running it again completes it", async () => {
    await hold();
    const line = "ns-ha-config add-vip lan 192.168.100.68/24";
    await lab.sh("primary", `${line} >/dev/null 2>&1 & echo $! >/tmp/change.pid`);
    await waits();
    await lab.sh("primary", "kill -9 $(cat /tmp/change.pid); killall -9 dbclient");
    await lab.sh("backup", `pkill -f '^/bin/sh ${plugin}' || :`);
    await letGo();
    expect(await good("primary", "ns-ha-config status")).toContain(
      "A change was interrupted, the nodes may differ. Complete it: ns-ha-config add-vip lan 192.168.100.68/24",
    );
    expect((await typed("primary", "ns-ha-config add-vip lan 192.168.100.69/24")).err).toContain(
      "An earlier change was interrupted",
    );
    // The primary may have had its part already when the command was killed.
    expect(await good("primary", line)).toMatch(/^(The VIP|lan had the VIP) 192\.168\.100\.68\/24 .* both nodes/);
    for (const node of ["primary", "backup"] as const) expect(await config(node)).toContain("192.168.100.68/24");
    expect(await good("primary", "ns-ha-config status")).not.toContain("interrupted");
    await good("primary", "ns-ha-config remove-vip lan 192.168.100.68/24");
  });

  test("another host key: nothing is sent, and the message says what to do", async () => {
    const key = "/etc/dropbear/dropbear_ed25519_host_key";
    await lab.sh(
      "backup",
      `mv ${key} /tmp/hostkey; dropbearkey -t ed25519 -f ${key} >/dev/null 2>&1; /etc/init.d/dropbear restart`,
    );
    const changed = await typed("primary", "ns-ha-config add-vip lan 192.168.100.67/24");
    const password22 = await typed("primary", `echo ${password} | ns-ha-config check-backup-node 192.168.100.239 lan`);
    await lab.sh("backup", `mv /tmp/hostkey ${key}; /etc/init.d/dropbear restart`);
    for (const { code, err } of [changed, password22]) {
      expect(code).toBe(1);
      expect(err).toContain("The SSH host key of 192.168.100.239 is not the one that was pinned");
    }
    expect(await config("primary")).not.toContain("192.168.100.67");
  });
});
