/** Network of a firewall node: interfaces, routes, firewall, DHCP, DNS and SSH follow their configuration, as packets see it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Lab } from "../../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(60_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `fn${process.pid}` });
});
afterAll(() => lab?.down());

const sh = (script: string): Promise<string> => lab.sh("primary", script);
const succeeds = async (
  script: string,
  node: "primary" | "backup" | "client1" | "internet" = "primary",
): Promise<boolean> => (await lab.exec(node, ["sh", "-c", script], { ok: "any" })).code === 0;
const uci = (lines: string, pkg = "network"): Promise<string> =>
  sh(`uci batch <<'TEXT'\n${lines}\ncommit ${pkg}\nTEXT`);

interface Status {
  readonly up: boolean;
  readonly pending: boolean;
  readonly device: string;
  readonly l3_device?: string;
  /** While it is up. */
  readonly "ipv4-address"?: readonly { readonly address: string; readonly mask: number }[];
  readonly route?: readonly { readonly target: string; readonly mask: number; readonly nexthop: string }[];
  /** When there are any. */
  readonly errors?: readonly { readonly subsystem: string; readonly code: string }[];
}
const status = async (name: string): Promise<Status> => JSON.parse(await sh(`ifstatus ${name}`));
const isUp = (name: string): Promise<unknown> => until(async () => (await status(name)).up, { what: `${name} is up` });
const addresses = async (device: string): Promise<string[]> =>
  (await sh(`ip -4 -o address show dev ${device} | awk '{ print $4 }'`)).split("\n").filter(Boolean).toSorted();

describe("interfaces", () => {
  test("ifup takes a static WAN over in well under 300 ms", async () => {
    const times: number[] = [];
    const references: number[] = [];
    for (let round = 0; round < 5; round++) {
      // What a hundred starts of a small program take at this moment: 100 ms when the machine has nothing else to do.
      references.push(
        Number(
          await sh(`read -r from _ </proc/uptime
for n in 0 1 2 3 4 5 6 7 8 9; do for m in 0 1 2 3 4 5 6 7 8 9; do busybox true; done; done
read -r to _ </proc/uptime; echo $(( (\${to%.*}\${to#*.} - \${from%.*}\${from#*.}) * 10 ))`),
        ),
      );
      await sh("ifdown wan");
      await until(async () => (await addresses("eth1")).length === 0, { what: "wan is down" });
      expect((await status("wan")).up).toBe(false);
      times.push(
        Number(
          await sh(`read -r from _ </proc/uptime; ifup wan
while ! ip -4 route show default dev eth1 | grep -q via; do :; done
read -r to _ </proc/uptime; echo $(( (\${to%.*}\${to#*.} - \${from%.*}\${from#*.}) * 10 ))`),
        ),
      );
    }
    console.log(`ifup wan: ${times.join(" ")} ms; a hundred program starts: ${references.join(" ")} ms`);
    const slowness = Math.max(1, ...references.map((reference) => reference / 100));
    expect(Math.min(...times)).toBeLessThan(300 * slowness);
  });

  test("dump names every interface with its addresses and routes", async () => {
    await isUp("wan");
    const { interface: all } = JSON.parse(await sh("ubus call network.interface dump")) as {
      interface: (Status & { interface: string })[];
    };
    expect(all.map((each) => each.interface)).toEqual(["lan", "lan2", "loopback", "wan", "wan2"]);
    const wan = all.find((each) => each.interface === "wan");
    expect(wan?.l3_device).toBe("eth1");
    expect(wan?.["ipv4-address"]).toEqual([{ address: "203.0.113.10", mask: 24 }]);
    expect(wan?.route?.[0]).toMatchObject({ target: "0.0.0.0", mask: 0, nexthop: "203.0.113.1" });
  });

  test("an alias has its addresses while its parent is up, and only then", async () => {
    await uci(
      "set network.al=interface\nset network.al.device=@wan\nset network.al.proto=static\nadd_list network.al.ipaddr=203.0.113.17/24\nadd_list network.al.ipaddr=203.0.113.18/24",
    );
    await sh("ubus call network reload");
    await isUp("al");
    expect(await addresses("eth1")).toEqual(["203.0.113.10/24", "203.0.113.17/24", "203.0.113.18/24"]);
    await sh("ifdown wan");
    await until(async () => (await addresses("eth1")).length === 0, { what: "no address on eth1" });
    expect(await status("al")).toMatchObject({ up: false, pending: false, errors: [{ code: "NO_DEVICE" }] });
    await sh("ifup wan");
    await until(async () => (await addresses("eth1")).length === 3, { what: "all addresses are back" });
    await uci("delete network.al");
    await sh("ubus call network reload");
    await until(async () => (await addresses("eth1")).length === 1, { what: "the alias is gone" });
  });

  test("a reload restarts what changed and leaves the rest alone; routes change without a restart", async () => {
    await isUp("wan");
    // Counted where it is written, before syslog.
    const wishes = (): Promise<string> => sh("cat /var/run/netifd/wan/done");
    expect(await wishes()).toStartWith("up");
    await sh(
      "mkdir -p /etc/hotplug.d/iface; echo 'echo $ACTION-$INTERFACE >>/tmp/restarts' >/etc/hotplug.d/iface/50-count; rm -f /tmp/restarts",
    );
    await uci(
      "set network.r=route\nset network.r.interface=wan\nset network.r.target=10.20.0.0/16\nset network.r.gateway=203.0.113.1\nset network.lan.ipaddr=192.168.100.237/24",
    );
    await sh("ubus call network reload");
    await until(async () => (await addresses("br-lan")).includes("192.168.100.237/24"), {
      what: "the new LAN address",
    });
    await until(() => succeeds("ip route show 10.20.0.0/16 | grep -q 'via 203.0.113.1 dev eth1'"), {
      what: "the route",
    });
    expect(await wishes()).toStartWith("routes");
    await uci("set network.r.target=10.21.0.0/16\nset network.lan.ipaddr=192.168.100.238/24");
    await sh("ubus call network reload");
    await until(() => succeeds("ip route show 10.21.0.0/16 | grep -q via"), { what: "the new route" });
    expect(await sh("ip route show 10.20.0.0/16")).toBe("");
    await until(async () => (await addresses("br-lan")).includes("192.168.100.238/24"), {
      what: "the old LAN address",
    });
    await uci("delete network.r");
    await sh("ubus call network reload");
    await until(async () => (await sh("ip route show 10.21.0.0/16")) === "", { what: "no route" });
    const restarts = (await sh("cat /tmp/restarts; rm /etc/hotplug.d/iface/50-count")).split("\n");
    expect(restarts).toContain("ifup-lan");
    expect(restarts).not.toContain("ifdown-wan");
  });

  const kinds: readonly [
    what: string,
    lines: string,
    name: string,
    expected: { up: boolean; error?: string; text?: string },
  ][] = [
    [
      "macvlan",
      "set network.d=device\nset network.d.name=mv0\nset network.d.type=macvlan\nset network.d.ifname=eth2\nset network.k=interface\nset network.k.device=mv0\nset network.k.proto=static\nset network.k.ipaddr=10.9.9.1\nset network.k.netmask=255.255.255.0",
      "k",
      { up: true },
    ],
    [
      "bridge",
      "set network.d=device\nset network.d.name=br-k\nset network.d.type=bridge\nset network.d.bridge_empty=1\nset network.k=interface\nset network.k.device=br-k\nset network.k.proto=static\nset network.k.ipaddr=10.9.8.1/25",
      "k",
      { up: true },
    ],
    [
      "VLAN",
      "set network.k=interface\nset network.k.device=eth2.10\nset network.k.proto=static\nset network.k.ipaddr=10.8.8.1/24",
      "k",
      { up: false, error: "DEVICE_CLAIM_FAILED", text: "no VLAN devices" },
    ],
    [
      "bond",
      "set network.k=interface\nset network.k.proto=bonding\nadd_list network.k.slaves=eth2\nset network.k.ipaddr=10.6.6.1/24",
      "k",
      { up: false, error: "DEVICE_CLAIM_FAILED", text: "no bonding devices" },
    ],
    [
      "WireGuard",
      "set network.k=interface\nset network.k.proto=wireguard",
      "k",
      { up: false, error: "SETUP_FAILED", text: "no WireGuard devices" },
    ],
    [
      "PPPoE, whose handler is missing: up like proto none, as netifd has it",
      "set network.k=interface\nset network.k.proto=pppoe\nset network.k.device=eth2",
      "k",
      { up: true },
    ],
    [
      "a device that does not exist",
      "set network.k=interface\nset network.k.proto=static\nset network.k.device=eth9",
      "k",
      { up: false, error: "NO_DEVICE" },
    ],
    [
      "auto 0",
      "set network.k=interface\nset network.k.proto=static\nset network.k.device=eth2\nset network.k.ipaddr=10.5.5.5/24\nset network.k.auto=0",
      "k",
      { up: false },
    ],
  ];
  test.each(kinds)("%s: works, or says in one word why not", async (what, lines, name, expected) => {
    await uci(lines);
    await sh("ubus call network reload");
    // A kernel that has what this one lacks may well bring it up.
    const seen = await until(
      async () => {
        const now = await status(name);
        return now.up || now.errors !== undefined || what === "auto 0" ? now : false;
      },
      { what: `${what} has an answer` },
    );
    if (!seen.up) {
      expect(expected.up).toBe(false);
      expect((seen.errors ?? []).map((error) => error.code)).toEqual(
        expected.error === undefined ? [] : [expected.error],
      );
      if (expected.text !== undefined) {
        const said = `grep -q 'netifd: .*${expected.text}' /var/log/messages`;
        await until(() => succeeds(said), { what: "the log says why" });
      }
    }
    if (what === "auto 0") {
      await sh(`ifup ${name}`);
      await isUp(name);
    }
    await uci(`delete network.${name}\n${lines.includes("network.d=") ? "delete network.d" : ""}`);
    await sh("ubus call network reload; ip link del mv0 2>/dev/null; ip link del br-k 2>/dev/null; :");
    await until(async () => !(await succeeds(`ifstatus ${name}`)), { what: "it is gone" });
  });

  test("DHCP: an address, a route and a name server; all gone with ifdown", async () => {
    await lab.sh("backup", "ifdown wan");
    await until(async () => !JSON.parse(await lab.sh("backup", "ifstatus wan")).up, {
      what: "the backup's wan is down",
    });
    await lab.sh("backup", "ifup wan");
    await until(async () => JSON.parse(await lab.sh("backup", "ifstatus wan")).up, { what: "the backup's wan is up" });
    const wan = JSON.parse(await lab.sh("backup", "ifstatus wan"));
    expect(wan["ipv4-address"][0].address).toStartWith("203.0.113.");
    expect(wan.route[0].nexthop).toBe("203.0.113.1");
    expect(await lab.sh("backup", "cat /tmp/resolv.conf.d/resolv.conf.auto")).toContain("nameserver ");
    await lab.sh("backup", "ifdown wan");
    await until(async () => (await lab.sh("backup", "ip -4 -o address show dev eth1; ip route show default")) === "", {
      what: "nothing of it is left",
    });
    expect(await lab.sh("backup", "pgrep udhcpc || echo none")).toBe("none");
    await lab.sh("backup", "ifup wan");
  });

  test("a MAC address is set, and the original comes back without it", async () => {
    const mac = (): Promise<string> => sh("cat /sys/class/net/eth2/address");
    const original = await mac();
    await uci("set network.wan2.macaddr=02:4C:AA:00:00:01");
    await sh("ifup wan2");
    await until(async () => (await mac()) === "02:4c:aa:00:00:01", { what: "the MAC address" });
    await uci("delete network.wan2.macaddr");
    await sh("ifup wan2");
    await until(async () => (await mac()) === original, { what: "the original MAC address" });
  });

  test("static IPv6: address and gateway, and neighbours find each other through the firewall", async () => {
    await lab.sh("internet", "ip address add 2001:db8::1/64 dev eth0 nodad");
    await uci("add_list network.wan.ip6addr=2001:db8::10/64\nset network.wan.ip6gw=2001:db8::1");
    await sh("ifup wan");
    await until(() => succeeds("ip -6 route show default | grep -q 'via 2001:db8::1 dev eth1'"), { what: "the route" });
    await until(() => succeeds("ping -6 -c 1 -W 1 2001:db8::10", "internet"), { what: "an answer to ping" });
    await uci("delete network.wan.ip6addr\ndelete network.wan.ip6gw");
    await sh("ubus call network reload");
    await until(async () => (await sh("ip -6 route show default; ip -6 address show dev eth1 scope global")) === "", {
      what: "nothing of it is left",
    });
  });

  test("hotplug scripts and services that asked for it hear of it", async () => {
    await sh(`mkdir -p /etc/hotplug.d/iface
echo 'echo "$ACTION $INTERFACE $DEVICE" >>/tmp/heard; exit 7' >/etc/hotplug.d/iface/10-first
echo 'echo second >>/tmp/heard' >/etc/hotplug.d/iface/20-second
ifup lan2`);
    await until(async () => (await sh("cat /tmp/heard 2>/dev/null || :")).includes("ifup lan2 eth3\nsecond"), {
      what: "both scripts ran",
    });
    await sh("rm /etc/hotplug.d/iface/*");
  });
});

describe("firewall", () => {
  const fetch = (node: "internet" | "client1", url: string): Promise<boolean> =>
    succeeds(`curl --silent --max-time 2 --output /dev/null ${url}`, node);

  test("hides the firewall and the LAN from the WAN, opens what a rule opens", async () => {
    expect(await succeeds("ping -c 1 -W 1 203.0.113.10", "internet")).toBe(true);
    expect(await succeeds("socat -T 1 /dev/null TCP:203.0.113.10:22,connect-timeout=1", "internet")).toBe(false);
    expect(await succeeds("socat -T 1 /dev/null TCP:192.168.100.238:22,connect-timeout=1", "client1")).toBe(true);
    await uci("set firewall.ns_allow_ssh.enabled=1", "firewall");
    await sh("/etc/init.d/firewall reload");
    expect(await succeeds("socat -T 1 /dev/null TCP:203.0.113.10:22,connect-timeout=1", "internet")).toBe(true);
    await uci("set firewall.ns_allow_ssh.enabled=0", "firewall");
    await sh("/etc/init.d/firewall reload");
  });

  test("forwards a port to a host of the LAN, for the LAN too", async () => {
    const client = (await lab.sh("client1", "ip -4 -o address show dev eth0 | awk '{ print $4 }'")).split("/")[0] ?? "";
    await lab.sh("client1", "mkdir -p /tmp/www; echo hello >/tmp/www/index.html; busybox httpd -p 8000 -h /tmp/www");
    await uci(
      `set firewall.pf=redirect\nset firewall.pf.src=wan\nset firewall.pf.src_dport=8088\nset firewall.pf.dest=lan\nset firewall.pf.dest_ip=${client}\nset firewall.pf.dest_port=8000\nset firewall.pf.proto=tcp`,
      "firewall",
    );
    await sh("/etc/init.d/firewall reload");
    await until(() => fetch("internet", "http://203.0.113.10:8088/"), { what: "the port is forwarded" });
    expect(await fetch("client1", "http://203.0.113.10:8088/")).toBe(true);
    await uci("set firewall.pf.dest_ip=nonsense", "firewall");
    expect(await succeeds("/etc/init.d/firewall reload")).toBe(false);
    expect(await sh("tail -3 /var/log/messages")).toContain("the old ones stay");
    expect(await fetch("internet", "http://203.0.113.10:8088/")).toBe(true);
    await uci("delete firewall.pf", "firewall");
    await sh("/etc/init.d/firewall reload");
    expect(await fetch("internet", "http://203.0.113.10:8088/")).toBe(false);
  });

  test("a reload cuts no established connection", async () => {
    const echoed = async (text: string): Promise<void> =>
      void (await until(() => succeeds(`grep -q ${text} /tmp/echo`, "client1"), { what: `the echo of ${text}` }));
    await lab.sh(
      "client1",
      "rm -f /tmp/go; (echo before; until [ -e /tmp/go ]; do sleep 0.05; done; echo after) | timeout 20 socat -t 5 - TCP:192.0.2.80:7 >/tmp/echo 2>&1 &",
    );
    await echoed("before");
    await sh("for n in 1 2 3; do /etc/init.d/firewall restart; done");
    await lab.sh("client1", ": >/tmp/go");
    await echoed("after");
  });
});

describe("dnsmasq", () => {
  test("gives a static lease and a local name", async () => {
    const mac = await lab.sh("client1", "cat /sys/class/net/eth0/address");
    await uci(
      `set dhcp.c1=host\nset dhcp.c1.mac=${mac}\nset dhcp.c1.ip=192.168.100.55\nset dhcp.c1.name=desk\nset dhcp.c1.dns=1\nset dhcp.printer=domain\nset dhcp.printer.name=printer.lan\nset dhcp.printer.ip=192.168.100.9`,
      "dhcp",
    );
    await sh("/etc/init.d/dnsmasq reload");
    await until(
      () => succeeds("udhcpc -n -q -f -t 2 -T 1 -i eth0 -s /bin/true 2>&1 | grep -q 192.168.100.55", "client1"),
      { what: "the static lease" },
    );
    expect(await lab.sh("client1", "busybox nslookup -type=a printer.lan 192.168.100.238")).toContain("192.168.100.9");
  });

  test("without force it leaves a network alone where another server answers", async () => {
    await lab.sh(
      "backup",
      "uci batch <<'TEXT'\ndelete dhcp.lan.ignore\nset dhcp.lan.start=10\ncommit dhcp\nTEXT\n/etc/init.d/dnsmasq reload",
    );
    expect(await lab.sh("backup", "grep 'found already running DHCP-server' /var/log/messages")).toContain("br-lan");
    expect(await lab.sh("backup", "grep -c ^dhcp-range= /var/etc/dnsmasq.conf.ns_dnsmasq || :")).toBe("0");
    await lab.sh("backup", "uci set dhcp.lan.force=1; uci commit dhcp; /etc/init.d/dnsmasq reload");
    expect(await lab.sh("backup", "grep ^dhcp-range= /var/etc/dnsmasq.conf.ns_dnsmasq")).toContain(
      "set:lan,192.168.100.10,",
    );
    await lab.sh("backup", "uci set dhcp.lan.ignore=1; uci commit dhcp; /etc/init.d/dnsmasq reload");
  });
});

describe("dropbear", () => {
  test("a second server for keys only, on one interface's address", async () => {
    await sh(
      "rm -f /tmp/k; dropbearkey -t ed25519 -f /tmp/k >/dev/null 2>&1; dropbearkey -y -f /tmp/k | grep ^ssh- >/etc/dropbear/authorized_keys; chmod 600 /etc/dropbear/authorized_keys",
    );
    await uci(
      "set dropbear.ha_link=dropbear\nset dropbear.ha_link.Port=65022\nset dropbear.ha_link.PasswordAuth=0\nset dropbear.ha_link.RootPasswordAuth=0\nset dropbear.ha_link.Interface=lan",
      "dropbear",
    );
    await sh("/etc/init.d/dropbear reload");
    await until(() => succeeds("ssh -y -i /tmp/k -p 65022 root@192.168.100.238 true </dev/null 2>/dev/null"), {
      what: "the key lets in",
    });
    expect(await succeeds("DROPBEAR_PASSWORD=Nethesis,1234 ssh -y -p 65022 root@192.168.100.238 true </dev/null")).toBe(
      false,
    );
    expect(await succeeds("ssh -y -i /tmp/k -p 65022 root@192.168.200.185 true </dev/null")).toBe(false);
    expect(await succeeds("DROPBEAR_PASSWORD=Nethesis,1234 ssh -y root@192.168.100.238 true </dev/null")).toBe(true);
    // The server follows its interface: down with it, and back.
    await sh("ifdown lan");
    await until(async () => !(await succeeds("pgrep -f 'dropbear.*65022'")), { what: "no server on 65022" });
    await sh("ifup lan");
    await until(() => succeeds("ssh -y -i /tmp/k -p 65022 root@192.168.100.238 true </dev/null 2>/dev/null"), {
      what: "the server is back",
    });
  });
});
