/**
 * The subscription, its inventory and its backups, against the lab's portal.
 *
 * PLUG_BACKUP_MB: size of the large backup, default 256; 2048 is what the project promises.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Fleet, secrets } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";
import { until } from "../src/until.ts";

const backupMb = Number(process.env["PLUG_BACKUP_MB"] ?? 256);
const enterpriseId = "0E1F2A3B-4C5D-6E7F-8091-A2B3C4D5E6F7";
const firewall = "primary";

let lab: Lab;
let fleet: Fleet;
const table: string[] = [];

beforeAll(async () => {
  lab = await Lab.up({ name: `plugp${process.pid}` });
  fleet = new Fleet(lab);
}, 60_000);
afterAll(async () => {
  console.log(["", "case | what happened | figure", ...table, ""].join("\n"));
  await lab?.down();
}, 30_000);

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
    40_000,
  );

  test("without one, what needs it says so, and what cron runs is silent", async () => {
    expect((await typed("subscription-info")).stdout).toBe('{"uuid":""}\n');
    expect(await typed("unregister")).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing to do") });
    expect((await typed("remote-backup list")).stderr).toContain("no subscription");
    for (const command of [
      "send-heartbeat",
      "send-inventory",
      "send-backup --spread 0",
      "send-alert wan:x:down FAILURE",
    ])
      expect(await typed(command)).toMatchObject({ code: 0, stderr: "" });
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
    const lines = (await cronLines()).split("\n");
    expect(lines).toHaveLength(3);
    await typed(`register enterprise ${secrets.enterprise}`);
    expect((await cronLines()).split("\n")).toEqual(lines);
    expect(JSON.parse((await typed("subscription-info")).stdout)).toMatchObject({ uuid: enterpriseId });
    // All that was sent carries the secret in a header, and no URL has it.
    const requests = await fleet.portalRequests();
    expect(requests.map(({ path }) => path).join("\n")).not.toContain(secrets.enterprise);
    expect(requests.find(({ path }) => path === "/isa/heartbeats/store")?.headers["authorization"]).toBe(
      `token ${secrets.enterprise}`,
    );
  }, 60_000);

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
  }, 40_000);

  test("the inventory is the machine it ran on, field by field", async () => {
    const inventory = JSON.parse((await typed("inventory")).stdout);
    const shell = (script: string): Promise<string> => lab.sh(firewall, script);
    const os = await shell('. /etc/os-release; echo "$NAME|$VERSION_ID|$PRETTY_NAME|$ID"');
    expect([inventory.os.name, inventory.os.version, inventory.os.pretty_name, inventory.os.id].join("|")).toBe(os);
    expect(`${inventory.kernel.release}|${inventory.kernel.version}`).toBe(
      await shell('echo "$(uname -r)|$(uname -v)"'),
    );
    expect(inventory.hostname).toBe(await shell("hostname"));
    expect(String(inventory.processors.count)).toBe(await shell("grep -c ^processor /proc/cpuinfo"));
    expect(inventory.processors.model).toBe(await shell("sed -n 's/^model name\\s*: //p' /proc/cpuinfo | head -n 1"));
    expect(String(inventory.memory.total_bytes / 1024)).toBe(await shell("awk '/^MemTotal/ {print $2}' /proc/meminfo"));
    expect(inventory.memory.available_bytes + inventory.memory.used_bytes).toBe(inventory.memory.total_bytes);
    expect(inventory.os.arch).toBe(await shell(". /etc/os-release; echo $OPENWRT_ARCH"));
    expect(Object.keys(inventory.mountpoints)).toEqual(expect.arrayContaining(["/", "/tmp"]));
    for (const [path, facts] of Object.entries(inventory.mountpoints)) {
      const [size, type] = (await shell(`df --block-size=1 --output=size,fstype '${path}' | tail -n 1`))
        .trim()
        .split(/\s+/);
      expect({ path, facts }).toMatchObject({ path, facts: { size_bytes: Number(size), filesystem: type } });
    }
    expect(Math.abs(inventory.uptime.seconds - Number(await shell("cut -d. -f1 /proc/uptime")))).toBeLessThan(30);
    for (const name of ["sys_vendor", "product_name", "product_version", "board_name", "bios_vendor", "bios_date"])
      expect(inventory.dmi?.[name] ?? "").toBe(await shell(`head -n 1 /sys/class/dmi/id/${name} 2>/dev/null || true`));
    expect(
      inventory.networks.toSorted((a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)),
    ).toMatchObject([
      { name: "lan", role: "lan", device: "br-lan", proto: "static", up: true, gateway: "" },
      { name: "lan2", device: "eth3", up: true },
      { name: "wan", role: "wan", device: "eth1", up: true, gateway: "203.0.113.1" },
      { name: "wan2", role: "wan", device: "eth2", up: true, gateway: "198.51.100.1" },
    ]);
    for (const { device, addresses } of inventory.networks) {
      const there = await shell(`ip -4 -o address show dev ${device} | awk '{ print $4 }'`);
      expect(addresses.filter((address: string) => !address.includes(":")).toSorted()).toEqual(
        there.split("\n").toSorted(),
      );
    }
    const counted = (config: string, pattern: string): Promise<string> =>
      shell(`uci -q show ${config} | grep -cE "${pattern}" || true`);
    expect(String(inventory.features.dhcp_servers)).toBe(await counted("dhcp", "[.]dhcpv4='server'"));
    expect(String(inventory.features.static_routes)).toBe(await counted("network", "=route6?\\$"));
    expect(String(inventory.features.port_forwards)).toBe(await counted("firewall", "=redirect\\$"));
    const enabledRules = String.raw`awk '/^config/ { n += r; r = $2 == "rule" } /option enabled .0./ { r = 0 } END { print n + r }' /etc/config/firewall`;
    expect(String(inventory.features.firewall_rules)).toBe(await shell(enabledRules));
    expect(inventory.features).toMatchObject({ controller: false, multiwan_interfaces: 2, high_availability: false });
    // A source that fails leaves its own field empty.
    await shell(
      "mv /sbin/ip /sbin/ip.away 2>/dev/null; mv /bin/ubus /bin/ubus.away 2>/dev/null; mv /usr/bin/ubus /usr/bin/ubus.away; true",
    );
    const poor = JSON.parse((await typed("inventory")).stdout);
    await shell(
      "mv /sbin/ip.away /sbin/ip 2>/dev/null; mv /bin/ubus.away /bin/ubus 2>/dev/null; mv /usr/bin/ubus.away /usr/bin/ubus; true",
    );
    expect(poor.networks).toBeNull();
    expect(poor.os).toEqual(inventory.os);
  }, 40_000);
});

describe("backups", () => {
  const list = async (): Promise<{ file: string; size: number }[]> =>
    JSON.parse((await typed("remote-backup list")).stdout);
  const lastAlert = async (): Promise<string> => {
    const alerts = (await fleet.portal("alerts")).filter(({ alert_id }) => alert_id === "backup:config:notencrypted");
    return alerts.map(({ status }) => status).join(" ");
  };
  const noLeftovers = async (): Promise<void> =>
    expect(await lab.sh(firewall, "ls -d /var/run/ns-plug/backup /tmp/sysupgrade.* 2>/dev/null; true")).toBe("");

  test("the nightly one is sent once; without a passphrase the alert is raised", async () => {
    expect((await typed("send-backup --spread 0")).stdout).toMatch(/^Sent backup-.*\.tar\.gz\.\n$/);
    expect((await typed("send-backup")).stdout).toContain("Nothing changed");
    // What a day of work writes is no change of the configuration.
    await lab.sh(firewall, "send-alert wan:x:down FAILURE; send-alert wan:x:down OK; touch /etc/config/network");
    expect((await typed("send-backup")).stdout).toContain("Nothing changed");
    expect(await list()).toHaveLength(1);
    expect(await lastAlert()).toBe("FAILURE");
    await noLeftovers();
  }, 60_000);

  test("restored by the documented command, unencrypted", async () => {
    await lab.sh(firewall, "uci set system.@system[0].description=changed-later; uci commit system");
    await lab.sh(
      firewall,
      "set -e; remote-backup download $(remote-backup list | jq -r .[0].file) - | sysupgrade -r -",
    );
    expect(await lab.sh(firewall, "uci -q get system.@system[0].description || echo gone")).toBe("gone");
  }, 40_000);

  test("with a passphrase only the encrypted form leaves, the alert is cleared, and the documented command restores it", async () => {
    await lab.sh(
      firewall,
      "echo correct horse >/etc/backup.pass; chmod 600 /etc/backup.pass; uci set system.@system[0].description=keep; uci commit system",
    );
    expect((await typed("send-backup")).stdout).toContain("(encrypted)");
    const [newest] = await list();
    expect(newest?.file).toEndWith(".tar.gz.gpg");
    expect(await lastAlert()).toBe("FAILURE OK");
    expect(
      await lab.sh("portal", `head -c 2 "/etc/lab/portal/backups/${enterpriseId}/${newest?.file}" | od -An -tx1`),
    ).not.toContain("1f 8b");
    await lab.sh(firewall, "uci set system.@system[0].description=other; uci commit system; rm /etc/backup.pass");
    await lab.sh(
      firewall,
      "set -e; echo correct horse > /etc/backup.pass; remote-backup download $(remote-backup list | jq -r .[0].file) - | gpg --batch --passphrase-file /etc/backup.pass -d | sysupgrade -r -",
    );
    expect(await lab.sh(firewall, "uci get system.@system[0].description")).toBe("keep");
    await lab.sh(firewall, "rm /etc/backup.pass");
    expect((await typed("send-backup")).stdout).not.toContain("encrypted");
    expect(await lastAlert()).toBe("FAILURE OK FAILURE");
    await noLeftovers();
    expect(await lab.sh(firewall, "cat /var/log/messages")).not.toContain("correct horse");
  }, 60_000);

  test("a portal that is away loses no backup: the next run sends it", async () => {
    await lab.sh(firewall, "uci set system.@system[0].description=while-away; uci commit system");
    await fleet.portalFault("500");
    expect((await typed("send-backup")).code).not.toBe(0);
    await fleet.portalFault("none");
    expect((await typed("send-backup")).stdout).toContain("Sent ");
    await noLeftovers();
  }, 60_000);

  test("killed in the middle of the upload: nothing half at the portal; the next run clears up, and sends", async () => {
    await lab.sh(firewall, "uci set system.@system[0].description=killed; uci commit system");
    const before = await list();
    lab.pause("portal", "bun");
    const killed = lab.exec(firewall, ["send-backup"], { ok: "any" });
    await until(
      async () => (await lab.sh(firewall, "ls /var/run/ns-plug/backup 2>/dev/null || true")).includes("backup-"),
      {
        what: "the archive is made",
      },
    );
    await lab.sh(firewall, "pkill -9 -f '^[^ ]*send-backup$' || pkill -9 -x send-backup");
    expect((await killed).code).not.toBe(0);
    lab.resume("portal", "bun");
    expect(await list()).toEqual(before);
    expect((await typed("send-backup")).stdout).toContain("Sent ");
    const newest = "remote-backup download $(remote-backup list | jq -r .[0].file) - | tar -xzO etc/config/system";
    expect((await typed(newest)).stdout).toContain("option description 'killed'");
    await noLeftovers();
  }, 60_000);

  /** Two minutes pass while the other tests run. */
  let stalled: Promise<{ readonly code: number | null; readonly stderr: string; readonly ms: number }> | undefined;

  test("a download whose server goes silent in the middle is waited for", async () => {
    await lab.sh(
      firewall,
      "truncate -s 16M /tmp/silent.bin; remote-backup upload /tmp/silent.bin; mkdir -p /tmp/silent",
    );
    await fleet.portalFault("stall");
    const started = performance.now();
    stalled = lab
      .exec(firewall, ["remote-backup", "download", "silent.bin", "/tmp/silent/file"], {
        ok: "any",
        timeoutMs: 200_000,
      })
      .then(({ code, stderr }) => ({ code, stderr, ms: Math.round(performance.now() - started) }));
    await until(async () => Number(await lab.sh(firewall, "cat /tmp/silent/.file.* | wc -c")) > 8_000_000, {
      what: "half of it has come",
    });
    await fleet.portalFault("none");
  }, 30_000);

  test(`${backupMb} MB go up and down as a stream`, async () => {
    const peak = async (command: string): Promise<{ kb: number; s: number }> => {
      const { stderr } = await lab.exec(firewall, ["/usr/bin/time", "-f", "peak %M %e", "sh", "-c", command], {
        timeoutMs: 300_000,
      });
      const [, kb, s] = /peak (\d+) ([\d.]+)/.exec(stderr) ?? [];
      return { kb: Number(kb), s: Number(s) };
    };
    const bare = await peak("exec nethsec --version >/dev/null");
    await lab.sh(firewall, `truncate -s ${backupMb}M /tmp/large.bin`);
    const up = await peak("exec remote-backup upload /tmp/large.bin");
    expect((await list())[0]).toMatchObject({ file: "large.bin", size: backupMb * 1024 ** 2 });
    const down = await peak("exec remote-backup download large.bin - | sha256sum >/tmp/sum");
    expect(await lab.sh(firewall, "cut -d' ' -f1 /tmp/sum")).toBe(
      await lab.sh(firewall, "sha256sum </tmp/large.bin | cut -d' ' -f1", { timeoutMs: 60_000 }),
    );
    for (const [what, run] of [
      ["up", up],
      ["down", down],
    ] as const) {
      const over = Math.round((run.kb - bare.kb) / 1024);
      table.push(
        `${backupMb} MB ${what} | streamed in ${run.s} s | ${over} MB over the bare runtime (${Math.round(bare.kb / 1024)} MB)`,
      );
      expect(over).toBeLessThan(64);
    }
    expect(await typed("remote-backup delete large.bin")).toMatchObject({ code: 0 });
    expect((await list()).map(({ file }) => file)).not.toContain("large.bin");
  }, 400_000);

  test("a download that is cut leaves no half file, and the file that was there", async () => {
    await lab.sh(
      firewall,
      "truncate -s 16M /tmp/cut.tar.gz; remote-backup upload /tmp/cut.tar.gz; mkdir -p /tmp/down; echo before >/tmp/down/kept",
    );
    await fleet.portalFault("cut");
    const toFile = await typed("remote-backup download cut.tar.gz /tmp/down/kept");
    const toPipe = await typed("remote-backup download cut.tar.gz - | sysupgrade -r -");
    await fleet.portalFault("none");
    expect(toFile.code).not.toBe(0);
    expect(toFile.stderr).toContain("cut off");
    expect(await lab.sh(firewall, "ls -A /tmp/down; cat /tmp/down/kept")).toBe("kept\nbefore");
    expect(toPipe.stderr).toContain("nothing was restored");
    table.push("download cut in the middle | no half file, the old one stays; sysupgrade refuses what came | exit 1");
  }, 60_000);

  test("… for two minutes, not for ever: then it says why, and nothing half is left", async () => {
    const ended = await stalled;
    expect(ended?.code).toBe(1);
    expect(ended?.stderr).toContain("nothing moved for 120 s");
    expect(ended?.ms).toBeGreaterThan(115_000);
    expect(await lab.sh(firewall, "ls -A /tmp/silent")).toBe("");
    table.push(`download whose server goes silent | says so and ends, nothing half is left | ${ended?.ms} ms`);
  }, 200_000);

  test("an upload whose server dies leaves nothing there, and the next run delivers", async () => {
    await lab.sh(firewall, "truncate -s 3G /tmp/large.bin");
    const upload = typed("remote-backup upload /tmp/large.bin");
    await until(
      async () => (await lab.sh("portal", `ls /etc/lab/portal/backups/${enterpriseId}`)).includes("large.bin.part"),
      {
        what: "the upload has begun",
      },
    );
    lab.signal("portal", "bun", "SIGKILL");
    const ended = await upload;
    expect(ended.code).not.toBe(0);
    await lab.kill("portal");
    await lab.boot("portal");
    expect((await list()).map(({ file }) => file)).not.toContain("large.bin");
    await lab.sh(firewall, "rm /tmp/large.bin; uci set system.@system[0].description=after-cut; uci commit system");
    expect((await typed("send-backup")).stdout).toContain("Sent ");
    table.push(`upload cut in the middle | said: ${ended.stderr.trim().split("\n")[0]} | the next run delivered`);
  }, 90_000);

  test("a redirect to another host gets neither credentials nor data", async () => {
    await fleet.portalFault("redirect");
    await typed("remote-backup list");
    await lab.sh(firewall, "echo x >/tmp/small.bin");
    const upload = await typed("remote-backup upload /tmp/small.bin");
    await fleet.portalFault("none");
    expect(upload.code).not.toBe(0);
    const stolen = (await fleet.portalRequests()).filter(({ path }) => path === "/stolen");
    expect(stolen.length).toBeGreaterThan(0);
    for (const { method, headers } of stolen) {
      expect(method).toBe("GET");
      expect(headers["authorization"]).toBeUndefined();
    }
  }, 60_000);
});

describe("its end", () => {
  test("unregister frees the key and leaves nothing", async () => {
    expect(await typed("unregister")).toMatchObject({ code: 0, stdout: "Unregistered.\n" });
    expect(await fleet.portal("freed")).toEqual([secrets.enterprise]);
    expect(await saved()).toBe("");
    expect(await cronLines()).toBe("");
    expect(await lab.sh(firewall, "tail -n 1 /tmp/hooks; ls /etc/ns-plug/alerts 2>/dev/null; true")).toBe("gone");
    expect(await lab.sh(firewall, "grep SEND_CUSTOM /etc/netdata/health_alarm_notify.conf")).toBe('SEND_CUSTOM="NO"');
    expect((await typed("subscription-info")).stdout).toBe('{"uuid":""}\n');
  }, 40_000);

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
  }, 60_000);

  test("unregister works while the portal is away", async () => {
    await typed(`register community ${secrets.community} 20`);
    await fleet.portalFault("500");
    expect(await typed("unregister")).toMatchObject({ code: 0 });
    await fleet.portalFault("none");
    expect(await saved()).toBe("");
  }, 60_000);
});
