/**
 * Migrates a running pair of the older packages to ours with one command per node, and back with one command per node. The older packages are
 * simulated by packaging/test/older-packages (files, cron lines, hotplug scripts, UCI), opkg by its stand-in; keepalived, conntrackd, dropbear,
 * rsync and our packages are real.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { opkg, opkgFiles, platform } from "../../packaging/test/platform.ts";
import { type Firewall, hasAddress, inPlace, vip } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { checkout } from "../src/layer.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(300_000));

const nodes: readonly Firewall[] = ["primary", "backup"];
// Below the checkout, because every node can read it.
mkdirSync(join(checkout, ".cache"), { recursive: true });
const folder = mkdtempSync(join(checkout, ".cache/migration-"));
const figures: string[] = [];
let lab: Lab;

/** Runs a program on the host; throws unless it exits with 0. */
function host(argv: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const child = Bun.spawnSync([...argv], { cwd: checkout, timeout: paced(60_000), env: { ...process.env, ...env } });
  if (child.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${child.stdout.toString()}${child.stderr.toString()}`);
}

beforeAll(async () => {
  host(["packaging/test/older-packages", join(folder, "older")]);
  copyFileSync(join(checkout, "dist/nethsec"), join(folder, "nethsec"));
  host(["packaging/pack-executable", join(folder, "nethsec")], { PRESET: "0" });
  host(["packaging/build-ipk", join(folder, "ours"), "x86_64", join(folder, "nethsec.xz")], {
    NETHSEC: join(folder, "nethsec"),
  });
  copyFileSync(opkg, join(folder, "opkg"));
  writeFileSync(join(folder, "platform"), platform);
  lab = await Lab.up({ name: `mig${process.pid}` });
  for (const node of nodes) await makeOlder(node);
});
afterAll(async () => {
  console.log(["", ...figures, ""].join("\n"));
  await lab?.down();
  rmSync(folder, { recursive: true, force: true });
});

/** Files of our packages, without leading slash. */
const ourFiles = ["nethsec", "ns-plug", "ns-ha", "ns-report"].flatMap((name) =>
  readFileSync(join(checkout, "packaging/openwrt/packages", name, "files"), "utf8")
    .split("\n")
    .filter((path) => path !== "" && !path.startsWith("#")),
);

/** Removes the product from a node and sets it up as a node of a pair of the older packages. */
async function makeOlder(node: Firewall): Promise<void> {
  for (const [path, text] of Object.entries(opkgFiles))
    await lab.sh(node, `mkdir -p ${path.replace(/\/[^/]*$/, "")}; cat >${path}`, { stdin: text });
  await lab.sh(
    node,
    `set -e
# The executable is larger than the node's disk.
mkdir /mnt/sbin; mount -t tmpfs -o size=400m sbin /mnt/sbin; cp -a /usr/sbin/. /mnt/sbin/; mount --move /mnt/sbin /usr/sbin
ln -sf /usr/lib/nethsec/nethsec /usr/sbin/uci
for service in ${ourFiles.flatMap((path) => /^etc\/init\.d\/(.+)$/.exec(path)?.[1] ?? []).join(" ")}; do /etc/init.d/$service stop; /etc/init.d/$service disable; done
nethsec install-links --list | grep -v /uci$ | xargs rm -f
uci -q delete firewall.ns_controller; uci add_list firewall.ns_lan.device=tun-nsplug; uci commit firewall
rm -f /usr/sbin/nethsec ${ourFiles.map((path) => `/${path}`).join(" ")}
sed -i '/nethsec:/d' /etc/crontabs/root; sed -i /mwan-hooks/d /etc/mwan3.user
install -m 755 ${folder}/opkg /usr/bin/opkg
cat ${folder}/platform >>/usr/lib/functions.sh
opkg install ${folder}/older/*.ipk >/tmp/older-install 2>&1`,
    { timeoutMs: 60_000 },
  );
}

/** The pair's configuration as the older initialisation writes it. */
const pair = (node: Firewall, pubkey: string): string => {
  const primary = node === "primary";
  const [own, other] = primary ? ["192.168.100.238", "192.168.100.239"] : ["192.168.100.239", "192.168.100.238"];
  const [peer, track] = primary ? ["backup", "sender"] : ["master", "receiver"];
  const instance = primary ? "primary" : "backup";
  const options = `
globals globals enabled 1
lan_ipaddress ipaddress name lan_ha address ${vip}/24 device br-lan label_suffix ha ns_link network/lan
ha_sync vrrp_script name ha_sync script /usr/libexec/ns-rsync.sh interval 600 weight 100
lan_track track_interface name lan_ha value br-lan weight 100 ns_link network/lan
lan_delays interface_up_down_delays device br-lan up_delay 1 down_delay 1
ha_${track} track_script name ${track} value ha_sync weight 100
ha_peer peer name ${peer} address ${other} sync 1 sync_mode ${primary ? "send" : "receive"} sync_dir /tmp/ns-ha${
    primary ? " ssh_port 65022 ssh_key /etc/keepalived/keys/id_rsa" : ""
  }
${instance} vrrp_instance name ${primary ? "master" : "backup"} state ${primary ? "MASTER" : "BACKUP"} interface br-lan virtual_router_id 100 priority ${
    primary ? 100 : 50
  } advert_int 1 nopreempt 0 unicast_src_ip ${own} auth_type PASS auth_pass 5d1f83ac`;
  const lists: (readonly [string, string])[] = [
    [`${instance}.virtual_ipaddress`, "lan_ha"],
    [`${instance}.unicast_peer`, peer ?? ""],
    [`${instance}.track_interface`, "lan_ha"],
    [`${instance}.track_script`, track ?? ""],
    ...(primary
      ? ["/etc/ha", "/etc/openvpn", "/tmp/dhcp.leases"].map((path) => ["ha_peer.sync_list", path] as const)
      : []),
    ...(primary
      ? ["/etc/config/network", "/etc/config/keepalived", "/etc/dropbear/authorized_keys"].map(
          (path) => ["ha_peer.exclude_list", path] as const,
        )
      : []),
  ];
  const sets = options
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [section = "", type = "", ...words] = line.split(" ");
      const values = words.flatMap((word, index) =>
        index % 2 === 0 ? [`set keepalived.${section}.${word}=${words[index + 1]}`] : [],
      );
      return [`set keepalived.${section}=${type}`, ...values];
    });
  const batch = [
    ...sets,
    ...lists.map(([path, item]) => `add_list keepalived.${path}=${item}`),
    ...(primary ? [] : [`set keepalived.ha_peer.ssh_pubkey='${pubkey}'`]),
    "set dropbear.ha_link=dropbear",
    "set dropbear.ha_link.Port=65022",
    "set dropbear.ha_link.PasswordAuth=0",
    "set dropbear.ha_link.RootPasswordAuth=0",
  ];
  return `: >/etc/config/keepalived; uci batch <<'EOF'\n${batch.join("\n")}\ncommit\nEOF\n`;
};

const conntrackd = (own: string, other: string): string => `Sync {
	Mode FTFW {
		DisableExternalCache Off
	}
	UDP {
		IPv4_address ${own}
		IPv4_Destination_Address ${other}
		Port 3780
		Interface br-lan
	}
}
General {
	HashSize 32768
	HashLimit 131072
	LockFile /var/lock/conntrack.lock
	UNIX {
		Path /var/run/conntrackd.ctl
	}
}
`;

/** State of a node that must be identical after migrating there and back. */
async function whole(node: Firewall): Promise<string> {
  return lab.sh(
    node,
    `uci show keepalived; uci show ns-plug; uci show dropbear; uci show firewall
sed 's/ ns-ha-sync$//; s/ root@.*//' /etc/dropbear/authorized_keys; find /etc/keepalived -type f | sort | xargs sha256sum
sort /etc/crontabs/root; sort /etc/mwan3.user; find /etc/rc.d -type l | sort | grep -e ns- -e report -e keepalived -e conntrackd
ls /usr/sbin /usr/bin /usr/libexec /etc/hotplug.d/keepalived /usr/share/ns-plug/hooks/* /lib/functions/keepalived /etc/init.d
sha256sum /usr/libexec/rpcd/ns.* /usr/share/rpcd/acl.d/ns.* /usr/sbin/ns-ha-config /usr/sbin/send-backup /usr/bin/dpireport`,
  );
}
const before = new Map<Firewall, string>();
const uci = (node: Firewall): Promise<string> =>
  lab.sh(node, "uci show keepalived; uci show ns-plug; uci show dropbear; uci show firewall");
const uciBefore = new Map<Firewall, string>();

/** Longest outage of the virtual address and of a TCP stream through the firewall during `work`. */
async function measured(
  what: string,
  work: () => Promise<void>,
): Promise<{ ping: number; tcp: number; broken: number }> {
  await using probe = await lab.probe({ from: "client1", to: vip }, ["ping", "tcp"]);
  await work();
  const report = await probe.stop();
  const longest = (service: string): number =>
    report.services.find((each) => each.service === service)?.longestMs ?? Number.NaN;
  const found = { ping: longest("ping"), tcp: longest("tcp"), broken: report.streamsBroken };
  figures.push(
    `${what}: ping silent ${found.ping.toFixed(0)} ms, TCP stream silent ${found.tcp.toFixed(0)} ms, streams broken ${found.broken}`,
  );
  return found;
}

const olderSync = async (): Promise<void> => {
  const mark = `older-${Date.now()}`;
  await lab.sh(
    "primary",
    `uci set objects.m=host; uci set objects.m.name=${mark}; uci commit objects; /usr/libexec/ns-rsync.sh`,
    { timeoutMs: 30_000 },
  );
  expect(await lab.sh("backup", "uci get objects.m.name")).toBe(mark);
};

test("the older pair runs, as a start", async () => {
  const pubkey = await lab.sh(
    "primary",
    "mkdir -p -m 700 /etc/keepalived/keys; dropbearkey -t rsa -f /etc/keepalived/keys/id_rsa >/dev/null 2>&1; dropbearkey -y -f /etc/keepalived/keys/id_rsa | grep ^ssh-rsa",
  );
  await lab.sh(
    "backup",
    `echo '${pubkey}' >>/etc/dropbear/authorized_keys; chmod 600 /etc/dropbear/authorized_keys; mkdir -p /tmp/ns-ha/etc`,
  );
  const options = ["router", "dns-server"].map((option) => `uci add_list dhcp.lan.dhcp_option=option:${option},${vip}`);
  await lab.sh("primary", `uci -q delete dhcp.lan.dhcp_option; ${options.join("; ")}; uci commit dhcp`);
  for (const node of nodes)
    await lab.sh(
      node,
      "uci set ns-plug.config.system_id=S1; uci set ns-plug.config.type=enterprise; uci set ns-plug.config.secret=s; uci set ns-plug.config.repository_url=https://S1:s@distfeed.nethesis.it/repository/enterprise/nethsecurity; uci commit ns-plug",
    );
  // Synchronised earlier by the older packages.
  await lab.sh("backup", "cat >/etc/config/firewall", {
    stdin: await lab.sh("primary", "cat /etc/config/firewall; echo"),
  });
  for (const node of nodes) {
    const [own, other] =
      node === "primary" ? ["192.168.100.238", "192.168.100.239"] : ["192.168.100.239", "192.168.100.238"];
    await lab.sh(node, `cat >/etc/conntrackd/conntrackd.conf`, { stdin: conntrackd(own ?? "", other ?? "") });
    await lab.sh(
      node,
      `${pair(node, pubkey)}for service in conntrackd keepalived; do /etc/init.d/$service enable; /etc/init.d/$service restart; done; /etc/init.d/dropbear restart`,
    );
  }
  await until(() => hasAddress(lab, "primary", vip), {
    what: "the primary has the virtual address",
    timeoutMs: 20_000,
  });
  await until(async () => (await lab.sh("primary", "tail -n 1 /tmp/older-events")) === "NOTIFY_MASTER", {
    what: "the older scripts have been called",
  });
  await lab.sh("client1", `ip route replace default via ${vip} && echo nameserver ${vip} >/etc/resolv.conf`);
  await olderSync();
  for (const node of nodes) {
    before.set(node, await whole(node));
    uciBefore.set(node, await uci(node));
  }
});

test("one command a node: the pair goes on with its addresses, keys, password and settings, and synchronises", async () => {
  for (const node of ["backup", "primary"] as const) {
    const found = await measured(`install.sh on the ${node}`, async () => {
      const printed = await lab.sh(node, `sh ${folder}/ours/install.sh 2>&1`, { timeoutMs: 90_000 });
      expect(printed).toContain("Installed: nethsec ns-plug ns-ha ns-report.");
      if (node === "primary")
        expect(printed).toContain("The cluster with the backup node 192.168.100.239 was taken over as it is.");
      await inPlace(lab, node, node === "primary" ? "master" : "backup", 60_000);
    });
    expect(found).toMatchObject({ broken: 0 });
    expect(found.ping).toBeLessThan(paced(500));
    expect(found.tcp).toBeLessThan(paced(1000));
    if (node === "primary") continue;
    // Between the two steps: the migrated backup takes over from the older primary, and hands back.
    await lab.cut("primary", "lan");
    await inPlace(lab, "backup", "master", 30_000);
    await lab.heal("primary", "lan");
    await inPlace(lab, "backup", "backup", 30_000);
    await until(() => hasAddress(lab, "primary", vip), { what: "the older primary has taken back" });
  }
  expect(await lab.sh("primary", "ns-ha-config sync --wait", { timeoutMs: 60_000 })).toContain("Successful");
  const mark = `ours-${Date.now()}`;
  await lab.sh("primary", `uci set objects.m.name=${mark}; uci commit objects`);
  await until(async () => (await lab.sh("backup", "uci -q get objects.m.name")) === mark, {
    what: "a change is on the backup",
    timeoutMs: 10_000,
  });
  for (const node of nodes) {
    const added = (await uci(node)).split("\n").filter((line) => !uciBefore.get(node)?.split("\n").includes(line));
    expect(added.map((line) => line.replace(/='ssh-ed25519 .*/, "=KEY"))).toEqual([
      "keepalived.globals.alt_config_file='/var/run/ns-ha/keepalived.conf'",
      ...(node === "backup" ? ["keepalived.ha_peer.ssh_admin_pubkey=KEY"] : []),
    ]);
  }
  // The old key opens no shell any more.
  const shell =
    "dbclient -y -y -i /etc/keepalived/keys/id_rsa -p 65022 root@192.168.100.239 'echo shell' 2>/dev/null || true";
  expect(await lab.sh("primary", shell)).not.toContain("shell");
  expect(await lab.sh("primary", "ns-ha-config ssh-remote ns-ha-config status | grep Role")).toContain("backup");
  expect(await lab.sh("primary", "ns-ha-config drill || true")).toContain("A failover now would lose nothing.");
});

test("a failover of the pair that was taken over", async () => {
  const found = await measured("the primary's LAN cable pulled", async () => {
    await lab.cut("primary", "lan");
    await inPlace(lab, "backup", "master", 30_000);
  });
  expect(found.broken).toBe(0);
  await lab.heal("primary", "lan");
  await inPlace(lab, "primary", "master", 60_000);
  await inPlace(lab, "backup", "backup", 60_000);
});

test("and back, by one command a node: everything as it was, the older scripts at work", async () => {
  const files = readdirSync(join(folder, "older")).filter((name) => !name.startsWith("ns-api"));
  const older = files.map((name) => `${folder}/older/${name}`).join(" ");
  for (const node of nodes) {
    const found = await measured(`install.sh --back on the ${node}`, async () => {
      const printed = await lab.sh(node, `sh ${folder}/ours/install.sh --back ${older} 2>&1`, { timeoutMs: 90_000 });
      expect(printed).toContain("Installed: the older packages.");
      await until(async () => !(await lab.sh(node, "cat /tmp/keepalived.conf")).includes("ns-ha"), {
        what: "keepalived's own configuration",
      });
    });
    expect(found).toMatchObject({ broken: 0 });
    expect(found.ping).toBeLessThan(paced(500));
    expect(found.tcp).toBeLessThan(paced(1000));
  }
  for (const node of nodes) expect(await whole(node)).toBe(before.get(node) ?? "");
  await olderSync();
  // The older hotplug scripts must be called again.
  await lab.sh("backup", ": >/tmp/older-events");
  await lab.sh("primary", "/etc/init.d/keepalived stop");
  await until(async () => (await lab.sh("backup", "tail -n 1 /tmp/older-events")) === "NOTIFY_MASTER", {
    what: "the older backup takes over",
    timeoutMs: 20_000,
  });
});
