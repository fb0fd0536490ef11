/** The rest of OpenWrt's command surface on a node: functions.sh, sysupgrade, keepalived, mwan3, cron, reboot. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import fc from "fast-check";
import { Lab } from "../../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(60_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `fy${process.pid}` });
});
afterAll(() => lab?.down());

const sh = (script: string): Promise<string> => lab.sh("primary", script);
const succeeds = async (script: string): Promise<boolean> =>
  (await lab.exec("primary", ["sh", "-c", script], { ok: "any" })).code === 0;

describe("functions.sh", () => {
  const script = (body: string): Promise<string> => sh(`. /lib/functions.sh; ${body}`);

  test("reads options, lists, booleans and anonymous sections as OpenWrt's does", async () => {
    await sh(`cat >/etc/config/t <<'TEXT'
config rule
	option name 'first'
	option on 'yes'
	list port '80'
	list port 'a b'
config rule 'named'
	option name "it's"
	option on 'off'
config other 'last'
	option name 'x'
TEXT`);
    const out = await script(`config_load t
each() { config_get n "$1" name; config_get_bool b "$1" on 1; config_get m "$1" missing dflt; echo "$1|$n|$b|$m|$2"; }
config_foreach each rule extra
item() { echo "item <$1> $2"; }
config_list_foreach "$(for s in $CONFIG_SECTIONS; do echo $s; break; done)" port item more
config_get p "$(for s in $CONFIG_SECTIONS; do echo $s; break; done)" port; echo "$p"
config_get last name
config_foreach each
uci_get t named name; uci_get t named nothing dflt; echo $?`);
    expect(out.split("\n")).toEqual([
      expect.stringMatching(/^cfg01[0-9a-f]{4}\|first\|1\|dflt\|extra$/),
      "named|it's|0|dflt|extra",
      "item <80> more",
      "item <a b> more",
      "80 a b",
      "x",
      expect.stringMatching(/^cfg01[0-9a-f]{4}\|first\|1\|dflt\|$/),
      "named|it's|0|dflt|",
      "last|x|1|dflt|",
      "it's",
      "dflt",
      "1",
    ]);
  });

  test("what was loaded before is forgotten; a package that does not exist is an error", async () => {
    expect(
      await script(
        "config_load t; config_load system; config_get n named name gone; echo $n; config_load nothing; echo $?",
      ),
    ).toBe("gone\n1");
  });

  test("a change of the file, and one that is not committed, is read at the next load", async () => {
    await sh("printf \"config a 's'\\n\\toption o '1'\\n\" >/etc/config/t");
    const steps = ["true", "true", "uci set t.s.o=2", "uci revert t", "sed -i s/1/3/ /etc/config/t"];
    const seen = await script(
      steps.map((step) => `${step}; v=; config_load t; config_get v s o; echo "$v $?"`).join("\n"),
    );
    expect(seen.split("\n")).toEqual(["1 0", "1 0", "2 0", "1 0", "3 0"]);
    expect(await sh("find /var/run/uci-exports -type f -perm /077")).toBe("");
  });

  test("any value arrives unharmed", async () => {
    const value = fc
      .array(
        fc.oneof(
          fc.constantFrom("'", '"', "\\", "$", "`", "#", ";", " ", "\t", "\n", "$(id)", "*", "%s", "é"),
          fc.string({ maxLength: 5 }),
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join("").replace(/[\0-\x08\x0b-\x1f\x7f\r]/g, ""))
      .filter((text) => text !== "" && !text.endsWith("\n"));
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 8 }), async (values) => {
        await sh("printf \"config a 's'\\n\" >/etc/config/t");
        const commands = values.map((text, n) => `uci set "t.s.o${n}=$V${n}"; uci add_list "t.s.l=$V${n}"`).join("; ");
        const env = Object.fromEntries(values.map((text, n) => [`V${n}`, text]));
        const body = `. /lib/functions.sh; ${commands}; uci commit t; config_load t
${values.map((_, n) => `config_get v s o${n}; printf '%s\\001' "$v"`).join("; ")}
show() { printf '%s\\001' "$1"; }; config_list_foreach s l show`;
        const { stdout } = await lab.exec("primary", ["sh", "-c", body], { env });
        expect(stdout.split("\u0001").slice(0, -1)).toEqual([...values, ...values]);
      }),
      { numRuns: 15 },
    );
  });
});

describe("sysupgrade", () => {
  test("lists, saves and restores the configuration", async () => {
    const list = (await sh("sysupgrade -l")).split("\n");
    expect(list).toEqual([...new Set(list)].toSorted());
    for (const path of [
      "/etc/config/network",
      "/etc/crontabs/root",
      "/etc/shadow",
      "/etc/dropbear/dropbear_ed25519_host_key",
    ])
      expect(list).toContain(path);
    await sh(
      "echo /etc/own-file >>/etc/sysupgrade.conf; echo mine >/etc/own-file; sysupgrade -k -b /tmp/b.tar.gz; uci set system.@system[0].hostname=Other; uci commit system; rm /etc/own-file; sysupgrade -r /tmp/b.tar.gz",
    );
    expect(await sh("cat /etc/own-file; uci get system.@system[0].hostname")).toBe("mine\nNethSec");
    expect(await sh("tar -tzf /tmp/b.tar.gz | grep installed_packages")).toBe("etc/backup/installed_packages.txt");
    expect(await sh("stat -c %a /tmp/b.tar.gz")).toBe("600");
    expect(await sh("sysupgrade -b - | tar -tz | grep -c etc/config/")).toBe(await sh("ls /etc/config | wc -l"));
  });

  test("refuses an archive that is cut or leaves its folder, before anything changes", async () => {
    await sh("echo changed >/etc/own-file");
    for (const make of [
      "head -c 2000 /tmp/b.tar.gz >/tmp/bad",
      "tar -czPf /tmp/bad ../../etc/own-file",
      ": >/tmp/bad",
    ]) {
      await sh(`cd /tmp && ${make}`);
      expect(await succeeds("sysupgrade -r - </tmp/bad")).toBe(false);
    }
    expect(await sh("cat /etc/own-file")).toBe("changed");
    expect(await succeeds("sysupgrade /tmp/missing.img")).toBe(false);
  });

  test("an upgrade notes the image and restarts the node with its configuration", async () => {
    await lab.sh(
      "backup",
      "uci set system.@system[0].hostname=Kept; uci commit system; echo image >/tmp/image.img; echo then >/run/lab/then; sysupgrade -q /tmp/image.img",
    );
    await until(
      async () =>
        lab.isOn("backup") && (await lab.sh("backup", "test ! -e /run/lab/then && cat /run/lab/booted")) !== "",
      { what: "the backup has restarted", timeoutMs: 30_000 },
    );
    expect(await lab.sh("backup", "cut -d' ' -f1 /etc/lab/upgraded")).toBe(
      new Bun.CryptoHasher("sha256").update("image\n").digest("hex"),
    );
    expect(await lab.sh("backup", "hostname")).toBe("Kept");
  });
});

describe("keepalived", () => {
  const conf = (address: string): string => `mkdir -p /etc/ha; cat >/etc/ha/keepalived.conf <<'TEXT'
vrrp_instance primary {
	state MASTER
	interface br-lan
	version 3
	virtual_router_id 100
	priority 100
	advert_int 0.1
	virtual_ipaddress {
		${address} dev br-lan label br-lan:ha
	}
}
TEXT`;
  const has = (address: string): Promise<boolean> => succeeds(`ip address show dev br-lan | grep -q ' ${address} '`);

  test("takes the ready file, rereads it by SIGHUP on reload_config, gives the address back when stopped", async () => {
    await sh(
      `${conf("192.168.100.240/24")}
uci set keepalived.globals.enabled=1; uci set keepalived.globals.alt_config_file=/etc/ha/keepalived.conf; uci commit keepalived; /etc/init.d/keepalived start`,
    );
    await until(() => has("192.168.100.240/24"), { what: "the virtual address" });
    expect(await sh("readlink /tmp/keepalived.conf")).toBe("/etc/ha/keepalived.conf");
    const pid = await sh("cat /var/run/procd/services/keepalived/instance1/pid");
    await sh(
      `${conf("192.168.100.241/24")}
uci set keepalived.globals.router_id=x; uci commit keepalived; reload_config`,
    );
    await until(() => has("192.168.100.241/24"), { what: "the other virtual address" });
    expect(await sh("cat /var/run/procd/services/keepalived/instance1/pid")).toBe(pid);
    await sh("/etc/init.d/keepalived stop");
    await until(async () => !(await has("192.168.100.241/24")), { what: "no virtual address" });
  });

  test("without the file renders its own from UCI; enabled 0 keeps it stopped", async () => {
    await sh(`uci batch <<'TEXT'
delete keepalived.globals.alt_config_file
set keepalived.a=ipaddress
set keepalived.a.name=lan_ha
set keepalived.a.address=192.168.100.242/24
set keepalived.a.device=br-lan
set keepalived.a.label_suffix=ha
set keepalived.primary=vrrp_instance
set keepalived.primary.name=master
set keepalived.primary.state=MASTER
set keepalived.primary.interface=br-lan
set keepalived.primary.virtual_router_id=100
set keepalived.primary.priority=100
set keepalived.primary.advert_int=1
add_list keepalived.primary.virtual_ipaddress=lan_ha
commit keepalived
TEXT
mkdir -p /etc/hotplug.d/keepalived; echo 'echo "$ACTION $TYPE $NAME" >>/tmp/notified' >/etc/hotplug.d/keepalived/10-test
/etc/init.d/keepalived start`);
    expect(await succeeds("keepalived -t -f /tmp/keepalived.conf")).toBe(true);
    await until(() => has("192.168.100.242/24"), { what: "the virtual address" });
    await until(() => succeeds("grep -q '^NOTIFY_MASTER INSTANCE master$' /tmp/notified"), {
      what: "the hotplug script was called",
    });
    await sh(
      "/etc/init.d/keepalived stop; uci set keepalived.globals.enabled=0; uci commit keepalived; /etc/init.d/keepalived start",
    );
    expect(await succeeds("/etc/init.d/keepalived running")).toBe(false);
  });
});

test("conntrackd starts with its configuration and answers", async () => {
  await sh("/etc/init.d/conntrackd start");
  await until(() => succeeds("conntrackd -s"), { what: "conntrackd answers" });
  await sh("/etc/init.d/conntrackd stop");
  await until(async () => !(await succeeds("pgrep -x conntrackd")), { what: "conntrackd has ended" });
});

test("a WAN that loses the internet is reported to /etc/mwan3.user, and its route goes last; both come back", async () => {
  await sh(`echo 'echo "$ACTION $INTERFACE $DEVICE" >>/tmp/mwan' >/etc/mwan3.user; : >/tmp/mwan
uci set mwan3.wan.interval=1; uci set mwan3.wan.down=2; uci set mwan3.wan.up=2; uci set mwan3.wan.timeout=1; uci commit mwan3; /etc/init.d/mwan3 restart`);
  await lab.cut("internet", "eth0");
  await until(() => succeeds("grep -q '^disconnected wan eth1$' /tmp/mwan"), {
    what: "wan is offline",
    timeoutMs: 15_000,
  });
  expect(await sh("ip route show default | head -1")).toContain("dev eth2");
  expect(await sh("mwan3 status")).toContain("interface wan is offline");
  await lab.heal("internet", "eth0");
  await until(() => succeeds("grep -q '^connected wan eth1$' /tmp/mwan"), { what: "wan is online", timeoutMs: 15_000 });
  expect(await sh("ip route show default | head -1")).toContain("dev eth1");
});

test("OpenVPN: an instance for each enabled section, its file made of the options", async () => {
  await sh(`openssl rand -out /etc/openvpn/x 1; uci batch <<'TEXT'
set openvpn.tun=openvpn
set openvpn.tun.enabled=1
set openvpn.tun.dev=tun-x
set openvpn.tun.dev_type=tun
set openvpn.tun.proto=udp
set openvpn.tun.port=11940
set openvpn.tun.remote=192.0.2.10
set openvpn.tun.ifconfig='10.1.1.1 10.1.1.2'
set openvpn.tun.auth_nocache=1
set openvpn.tun.cipher=AES-256-CBC
set openvpn.tun.secret=/etc/openvpn/secret
set openvpn.off=openvpn
set openvpn.off.enabled=0
commit openvpn
TEXT
openvpn --genkey secret /etc/openvpn/secret; /etc/init.d/openvpn restart`);
  expect((await sh("cat /var/etc/openvpn-tun.conf")).split("\n")).toEqual([
    "dev tun-x",
    "dev-type tun",
    "proto udp",
    "port 11940",
    "remote 192.0.2.10",
    "ifconfig 10.1.1.1 10.1.1.2",
    "auth-nocache",
    "cipher AES-256-CBC",
    "secret /etc/openvpn/secret",
  ]);
  await until(() => succeeds("ip address show dev tun-x | grep -q 10.1.1.1"), { what: "the tunnel's device" });
  expect(await sh("ls /var/run/procd/services/openvpn")).toBe("tun");
  await sh("uci set openvpn.tun.enabled=0; uci commit openvpn; /etc/init.d/openvpn reload");
  await until(async () => !(await succeeds("ip link show tun-x")), { what: "the tunnel is gone" });
});

test("small commands answer as OpenWrt's", async () => {
  expect(await sh("echo '* * * * * true' | crontab -; crontab -l")).toBe("* * * * * true");
  expect(await sh("uhttpd -m secret")).toMatch(/^\$1\$[./0-9A-Za-z]{8}\$[./0-9A-Za-z]{22}$/);
  expect(JSON.parse(await sh("ubus call system board")).release.distribution).toBe("NethSecurity");
  expect(JSON.parse(await sh(`ubus call service list '{"name":"dnsmasq"}'`)).dnsmasq.instances.ns_dnsmasq.running).toBe(
    true,
  );
  expect(JSON.parse(await sh(`ubus call network.device status '{"name":"eth0"}'`))).toMatchObject({
    up: true,
    carrier: true,
  });
  expect(await succeeds("ubus call no.such thing")).toBe(false);
  await sh("logger -t probe-me -p user.notice hello");
  await until(() => succeeds("logread -e probe-me | grep -q 'NethSec probe-me: hello'"), {
    what: "the line is in the log",
  });
  expect(await sh("ssh 2>&1 | head -1")).toContain("Dropbear");
});

test("rpcd's plugins answer through ubus, once rpcd has read them", async () => {
  await sh(`mkdir -p /usr/libexec/rpcd; cat >/usr/libexec/rpcd/test.plugin <<'TEXT'
#!/bin/sh
[ "$1" != list ] || { echo '{"greet":{}}'; exit; }
read -r line
echo "{\\"method\\":\\"$2\\",\\"got\\":$line}"
TEXT
chmod +x /usr/libexec/rpcd/test.plugin; /etc/init.d/rpcd reload`);
  expect(JSON.parse(await sh(`ubus call test.plugin greet '{"a":1}'`))).toEqual({ method: "greet", got: { a: 1 } });
  expect(JSON.parse(await sh("ubus call test.plugin greet"))).toEqual({ method: "greet", got: {} });
  expect((await sh("ubus list")).split("\n")).toContain("test.plugin");
});
