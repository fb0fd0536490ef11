/** The subscription and its inventory, against the lab's portal. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Fleet, secrets } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";

setDefaultTimeout(paced(60_000));

const enterpriseId = "0E1F2A3B-4C5D-6E7F-8091-A2B3C4D5E6F7";
const communityId = "c0ffee00-1234-4abc-8def-0123456789ab";
const firewall = "primary";

let lab: Lab;
let fleet: Fleet;

beforeAll(async () => {
  lab = await Lab.up({ name: `plugp${process.pid}` });
  fleet = new Fleet(lab);
});
afterAll(async () => {
  await lab?.down();
});

/** Exit code and both outputs of a command line on the firewall. */
const typed = async (line: string): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  lab.exec(firewall, ["sh", "-c", line], { ok: "any", timeoutMs: 120_000 });
const saved = (): Promise<string> =>
  lab.sh(
    firewall,
    "uci show ns-plug | grep -E 'system_id|type|secret|_url' | grep -v -E 'backup_url|repository_url'; true",
  );
const cronLines = (): Promise<string> =>
  lab.sh(firewall, "grep -E '# nethsec:(send-|ns-push)' /etc/crontabs/root || true");

describe("a subscription", () => {
  test.each([
    ["register enterprise wrong-secret", "[ERROR] Invalid secret"],
    ["register community wrong-secret", "[ERROR] Invalid secret"],
    [`register gold ${secrets.enterprise}`, "[ERROR] Invalid type 'gold'"],
    ["register enterprise ''", "[ERROR] Invalid secret"],
  ])("%s: %s, and nothing is saved", async (line, text) => {
    const before = await saved();
    const { code, stderr } = await typed(line);
    expect(stderr).toContain(text);
    expect(code).toBe(1);
    expect(await saved()).toBe(before);
    expect(await cronLines()).toBe("");
  });

  test.each([
    ["500", "[ERROR] The portal answers 500"],
    ["html", "[ERROR] System ID not found"],
    ["truncated", "[ERROR] System ID not found"],
    ["slow", "[ERROR] The portal cannot be reached"],
    ["redirect", "[ERROR] The portal cannot be reached"],
  ])(
    "a portal that answers %s: %s, and nothing is saved",
    async (fault, text) => {
      await fleet.portalFault(fault);
      const { code, stderr } = await typed(`register enterprise ${secrets.enterprise} 3`);
      await fleet.portalFault("none");
      expect(stderr).toContain(text);
      expect(stderr).not.toContain(secrets.enterprise);
      expect(code).toBe(1);
      expect(await saved()).not.toContain("secret=");
    },
    paced(40_000),
  );

  test("without one, what needs it says so, and what cron runs is silent", async () => {
    expect((await typed("subscription-info")).stdout).toBe('{"uuid":""}\n');
    expect(await typed("unregister")).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing to do") });
    expect((await typed("remote-backup list")).stderr).toContain("no subscription");
    for (const command of ["send-heartbeat", "send-inventory", "send-alert wan:x:down FAILURE"])
      expect(await typed(command)).toMatchObject({
        code: 0,
        stderr: "",
        stdout: "This machine has no subscription: nothing was sent.\n",
      });
    expect(await typed("send-backup --spread 0")).toMatchObject({ code: 0, stderr: "" });
    expect(await fleet.portal("alerts")).toEqual([]);
  });

  test("enterprise: saved, told, hooked, in cron once", async () => {
    const hook = (name: string, script: string): string =>
      `printf '%s\\n' '#!/bin/sh' '${script}' >${name}; chmod 755 ${name}; `;
    await lab.sh(
      firewall,
      "cd /usr/share/ns-plug/hooks/register; " +
        hook("20-fails", "echo fails >>/tmp/hooks; exit 7") +
        hook("/root/linked", "echo linked >>/tmp/hooks") +
        hook("40-last", "echo last >>/tmp/hooks") +
        "ln -s /root/linked 10-linked; echo 'echo not run >>/tmp/hooks' >30-not-executable; chmod 644 30-not-executable; mkdir 35-folder; " +
        hook("../unregister/10-gone", "echo gone >>/tmp/hooks"),
    );
    const { code, stdout } = await typed(`register enterprise ${secrets.enterprise}`);
    expect(stdout).toContain(`Registered as ${enterpriseId} (enterprise)`);
    expect(code).toBe(0);
    expect((await saved()).split("\n").toSorted()).toEqual(
      [
        `ns-plug.config.alerts_url='https://my.nethesis.it/isa/'`,
        `ns-plug.config.api_url='https://my.nethesis.it/api/'`,
        `ns-plug.config.inventory_url='https://my.nethesis.it/isa/inventory/store/'`,
        `ns-plug.config.secret='${secrets.enterprise}'`,
        `ns-plug.config.system_id='${enterpriseId}'`,
        `ns-plug.config.type='enterprise'`,
      ].toSorted(),
    );
    expect(await lab.sh(firewall, "cat /tmp/hooks")).toBe("linked\nfails\nlast");
    expect(await lab.sh(firewall, "grep -c '20-fails ended with 7' /var/log/messages")).toBe("1");
    expect(await fleet.portal("heartbeats")).toMatchObject([{ lk: enterpriseId }]);
    expect(await fleet.portal("inventories")).toMatchObject([{ lk: enterpriseId }]);
    // The second portal receives the same.
    expect(await fleet.portal("copies")).toMatchObject([{ what: "heartbeat", lk: enterpriseId }]);
    const lines = (await cronLines()).split("\n");
    expect(lines).toHaveLength(3);
    await typed(`register enterprise ${secrets.enterprise}`);
    expect((await cronLines()).split("\n")).toEqual(lines);
    expect(JSON.parse((await typed("subscription-info")).stdout)).toMatchObject({ uuid: enterpriseId });
    // Every request has the secret in a header, and none in its URL.
    const requests = await fleet.portalRequests();
    expect(requests.map(({ path }) => path).join("\n")).not.toContain(secrets.enterprise);
    expect(requests.find(({ path }) => path === "/isa/heartbeats/store")?.headers["authorization"]).toBe(
      `token ${secrets.enterprise}`,
    );
  });

  test("heartbeat and inventory; the outcome of the latest inventory is kept", async () => {
    const heartbeats = (await fleet.portal("heartbeats")).length;
    expect(await typed("send-heartbeat")).toMatchObject({ code: 0 });
    expect(await fleet.portal("heartbeats")).toHaveLength(heartbeats + 1);
    await typed("send-inventory");
    const outcome = async (): Promise<{ status: string; last_attempt: string }> =>
      JSON.parse(await lab.sh(firewall, "cat /tmp/inventory-sent.json"));
    expect((await outcome()).status).toBe("success");
    expect(Date.parse((await outcome()).last_attempt)).toBeGreaterThan(Date.now() - 60_000);
    await fleet.portalFault("500");
    expect((await typed("send-inventory")).code).not.toBe(0);
    await fleet.portalFault("none");
    expect((await outcome()).status).toBe("error");
  });

  test("the inventory is the machine it ran on, field by field", async () => {
    const inventory = JSON.parse((await typed("inventory")).stdout);
    const shell = (script: string): Promise<string> => lab.sh(firewall, script);
    expect(inventory.os.release.full).toBe(await shell('. /etc/os-release; echo "$VERSION_ID"'));
    expect(`${inventory.kernel} ${inventory.kernelrelease}`).toBe(await shell("uname -sr"));
    expect(inventory.networking.fqdn).toBe(await shell("uname -n"));
    expect(inventory.processors.count).toBe(await shell("grep -c ^processor /proc/cpuinfo"));
    expect(inventory.processors.models).toEqual([await shell("lscpu | sed -n 's/^ *Model name: *//p' | head -n 1")]);
    expect(inventory.processors.isa).toBe(await shell("uname -m"));
    expect(String(inventory.memory.system.total_bytes / 1024)).toBe(
      await shell("awk '/^MemTotal/ {print $2}' /proc/meminfo"),
    );
    expect(Object.keys(inventory.mountpoints)).toEqual(expect.arrayContaining(["/", "/tmp"]));
    for (const path of ["/", "/tmp"]) {
      const size = await shell(`df -P '${path}' | awk 'END { print $2 * 1024 }'`);
      expect(String(inventory.mountpoints[path].total_bytes)).toBe(size);
    }
    expect(
      Math.abs(Number(inventory.system_uptime.seconds) - Number(await shell("cut -d. -f1 /proc/uptime"))),
    ).toBeLessThan(30);
    expect(inventory.dmi.product.name).toBe(
      await shell("head -n 1 /sys/devices/virtual/dmi/id/product_name 2>/dev/null || true"),
    );
    expect(inventory.timezone).toBe(await shell("uci get system.@system[0].zonename"));
    const props = Object.fromEntries(
      inventory.esmithdb.networks.map((entry: { name: string; type: string; props: object }) => [
        entry.name,
        { type: entry.type, ...entry.props },
      ]),
    );
    expect(props).toMatchObject({
      "br-lan": { type: "bridge", role: "green", ipaddr: "192.168.100.238", netmask: "255.255.255.0", gateway: null },
      eth1: { type: "ethernet", role: "red", gateway: "203.0.113.1" },
      eth2: { role: "red", gateway: "198.51.100.1" },
    });
    for (const device of ["br-lan", "eth1", "eth2"])
      expect(await shell(`ip -4 -o address show dev ${device}`)).toContain(` ${props[device].ipaddr}/`);
    expect(inventory.features).toMatchObject({
      controller: { enabled: false },
      ha: { enabled: false, vips: 0 },
      subscription_status: { status: "enterprise" },
      backups: {},
    });
    const counted = (config: string, pattern: string): Promise<string> =>
      shell(`uci -q show ${config} | grep -cE "${pattern}" || true`);
    expect(String(inventory.features.dhcp_server.count)).toBe(await counted("dhcp", "[.]dhcpv4='server'"));
    expect(String(inventory.features.network.route_info.count_ipv4_route)).toBe(await counted("network", "=route\\$"));
    expect(String(inventory.features.firewall_stats.firewall.port_forward)).toBe(
      await counted("firewall", "=redirect\\$"),
    );
    const { rules } = inventory.features.firewall_stats.firewall;
    const named = Number(await counted("firewall", "=rule\\$"));
    expect(rules.forward + rules.input + rules.output).toBe(named);
    // A failing source leaves only its own field empty.
    await shell("mv /usr/bin/ubus /usr/bin/ubus.away");
    const poor = JSON.parse((await typed("inventory")).stdout);
    await shell("mv /usr/bin/ubus.away /usr/bin/ubus");
    expect(poor.features.default_password).toEqual({});
    expect(poor.esmithdb.networks[0].props.ipaddr).toBe("");
    expect(poor.os).toEqual(inventory.os);
  });

  test("the repository is that of the subscription; an image comes from it with the machine's credentials, verified", async () => {
    const url = await lab.sh(firewall, "uci get ns-plug.config.repository_url");
    expect(url).toBe(
      `https://${enterpriseId}:${secrets.enterprise}@distfeed.nethesis.it/repository/enterprise/nethsecurity`,
    );
    const board = await lab.sh(firewall, ". /etc/os-release; echo $OPENWRT_BOARD");
    const image = `nethsecurity-8.7.2-${board.replace("/", "-")}-generic-squashfs-combined-efi.img.gz`;
    await lab.sh(
      "portal",
      `mkdir -p /etc/lab/portal/repository/8.7.2/targets/${board}; head -c 100000 /dev/urandom >/etc/lab/portal/repository/8.7.2/targets/${board}/${image}`,
    );
    expect(await typed("/usr/bin/ns-download -f -l")).toMatchObject({ code: 0, stdout: `/tmp/download/${image}\n` });
    expect(await lab.sh(firewall, "ls /tmp/download; cd /tmp/download; sha256sum -c sha256")).toBe(
      `${image}\nsha256\n${image}: OK`,
    );
    await lab.sh(
      firewall,
      "uci set ns-plug.config.repository_url=https://wrong:wrong@distfeed.nethesis.it/repository/enterprise/nethsecurity",
    );
    const refused = await typed("ns-download -f -l");
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("401");
    expect(refused.stderr).not.toContain("wrong:wrong");
    await lab.sh(firewall, "uci revert ns-plug; test ! -e /tmp/download");
  });
});

describe("its end", () => {
  test("unregister frees the key and leaves nothing", async () => {
    await lab.sh(firewall, "send-alert wan:x:down FAILURE; ls /etc/ns-plug/alerts | grep .");
    expect(await typed("unregister")).toMatchObject({ code: 0, stdout: "Unregistered.\n" });
    expect(await fleet.portal("freed")).toEqual([secrets.enterprise]);
    expect(await saved()).toBe("");
    expect(await lab.sh(firewall, "uci get ns-plug.config.repository_url")).toBe(
      "https://updates.nethsecurity.nethserver.org/stable",
    );
    expect(await cronLines()).toBe("");
    expect(await lab.sh(firewall, "tail -n 1 /tmp/hooks; ls /etc/ns-plug/alerts 2>/dev/null; true")).toBe("gone");
    expect(await lab.sh(firewall, "grep SEND_CUSTOM /etc/netdata/health_alarm_notify.conf")).toBe('SEND_CUSTOM="NO"');
    expect((await typed("subscription-info")).stdout).toBe('{"uuid":""}\n');
  });

  test("community: its own portal, header and addresses", async () => {
    expect(await typed(`register community ${secrets.community} 20`)).toMatchObject({ code: 0 });
    expect(await saved()).toContain("ns-plug.config.alerts_url='https://my.nethserver.com/api/machine/'");
    const requests = (await fleet.portalRequests()).filter(({ host }) => host === "my.nethserver.com");
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        "GET /api/machine/info",
        "POST /api/machine/heartbeats/store",
        "POST /api/machine/inventories/store/",
      ]),
    );
    expect((await typed("send-backup")).stdout).toContain("Sent ");
    expect(await typed("unregister")).toMatchObject({ code: 0 });
  });

  test("registered with another subscription, its portal is told what the one before knew already", async () => {
    for (const plan of ["enterprise", "community", "community"] as const)
      await typed(`register ${plan} ${secrets[plan]} 20; send-alert wan:y:down FAILURE`);
    const told = (await fleet.portal("alerts")).filter(({ alert_id }) => alert_id === "wan:y:down");
    expect(told.map(({ lk }) => lk)).toEqual([enterpriseId, communityId]);
    await typed("unregister");
  });

  test("unregister works while the portal is away", async () => {
    await typed(`register community ${secrets.community} 20`);
    await fleet.portalFault("500");
    expect(await typed("unregister")).toMatchObject({ code: 0, stdout: expect.stringContaining("could not be told") });
    expect(await lab.sh(firewall, "grep -c 'could not be told that the key is free' /var/log/messages")).toBe("1");
    await fleet.portalFault("none");
    expect(await saved()).toBe("");
  });
});
