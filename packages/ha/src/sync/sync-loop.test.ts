/** Triggers of a synchronisation, and the reporting of a change that has not arrived yet. Real files and inotify, virtual clock. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { readHaConfig } from "../cluster/config.ts";
import { pin } from "../ssh/known-hosts.ts";
import { SyncLoop } from "./sync-loop.ts";
import type { SyncOutcome } from "./sync-sender.ts";
import { concernsSync, watchRoots } from "./watch-list.ts";

const keepalived = `
config globals 'globals'
	option enabled '1'

config ipaddress 'lan_ipaddress'
	option name 'lan_ha'
	option address '192.168.100.240/24'
	option device 'br-lan'
	option ns_link 'network/lan'

config peer 'ha_peer'
	option address '192.168.100.239'
	list sync_list '/etc/ha'
	list sync_list '/tmp/dhcp.leases'
	list exclude_list '/etc/config/network'

config vrrp_instance 'primary'
	option name 'master'
	option unicast_src_ip '192.168.100.238'
`;
const network = "config interface 'wan'\n\toption proto 'dhcp'\n\toption device 'eth1'\n";
const zone = (networks: string): string => `config zone 'ns_wan'\n\toption name 'wan'\n${networks}`;

let host: FakeHost;
let life: AbortController;
let loop: SyncLoop;
let done: Promise<void>;
let outcomes: SyncOutcome[];
/** The backup's answer to "apply"; false: unreachable. */
let answers: boolean;
/** The synchronisation is paused. */
let paused: boolean;
/** Names of files in each transfer. */
let transfers: string[];

beforeEach(() => {
  host = fakeHost({
    files: {
      "/etc/config/keepalived": keepalived,
      "/etc/config/network": network,
      "/etc/config/firewall": zone("\tlist network 'wan'\n"),
      "/etc/config/dedalo": "config dedalo 'config'\n",
    },
  });
  pin(host.files, "192.168.100.239", { algorithm: "ssh-ed25519", blob: "AAAA" });
  answers = true;
  paused = false;
  transfers = [];
  outcomes = [];
  host.program("rsync", async ({ stdin }) => {
    transfers.push(await stdin);
    return answers
      ? ""
      : {
          code: 255,
          stderr: "dbclient: Connection to root@192.168.100.239:65022 exited: Connect failed: No route to host\n",
        };
  });
  host.program("dbclient", () => JSON.stringify({ ok: true, changed: [], reloaded: [] }));
  life = new AbortController();
  loop = newLoop();
  done = loop.run(life.signal);
});

const newLoop = (): SyncLoop =>
  new SyncLoop({
    host,
    config: () => {
      const config = readHaConfig(host.uci);
      if (config === undefined) throw new Error("no cluster");
      return config;
    },
    allowed: () => true,
    paused: () => paused,
    finished: (outcome) => outcomes.push(outcome),
  });

afterEach(async () => {
  life.abort(new Error("the test is over"));
  await done;
  host[Symbol.dispose]();
});

/** Advances the virtual time in small steps until the condition holds; inotify and files take real time. */
async function until(holds: () => boolean, stepMs = 50): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within 20 s: ${holds.toString()}`);
    await host.clock.advance(stepMs);
    await Bun.sleep(2);
  }
}
const exported = (kind: string): string => host.files.readText(`/etc/ha/${kind}`) ?? "";

describe("a change starts a synchronisation by itself", () => {
  test("of /etc/config/network alone, which is never sent but exported", async () => {
    await until(() => outcomes.length === 1);
    host.uci.change((transaction) => transaction.set("network", "wan", "metric", "77"));
    await until(() => exported("wan_interfaces").includes('"77"') && transfers.length === 2);
    expect(transfers[1]).toContain("etc/ha/wan_interfaces");
    expect(transfers[1]).not.toContain("etc/config/network");
    // Sent within seconds, not by the periodic run.
    expect(host.clock.monotonic()).toBeLessThan(60_000);
  });

  test("also when somebody made folders under the names of the lists in /tmp", async () => {
    await until(() => outcomes.length === 1);
    for (const path of ["/tmp/restore_list", "/tmp/ns-ha-manifest.json"]) {
      host.files.remove(path);
      host.files.mkdir(`${path}/theirs`);
    }
    host.files.write("/etc/config/system", "config system 'one'\n");
    await until(() => outcomes.length === 2);
    expect(outcomes.at(-1)).toMatchObject({ ok: true });
    expect(host.files.stat("/tmp/restore_list")?.type).toBe("file");
  });

  test("of a zone's networks, and of the hotspot's interface", async () => {
    await until(() => outcomes.length === 1);
    host.files.write("/etc/config/firewall", zone(""));
    await until(() => exported("wan_interfaces") === "{}\n");
    host.net.setDevice({ device: "eth3", mac: "02:00:00:00:00:33" });
    host.files.write("/etc/config/dedalo", "config dedalo 'config'\n\toption interface 'eth3'\n");
    await until(() => exported("hotspot").includes("02:00:00:00:00:33"));
  });

  test("also while the link fails: a change is tried after seconds, not after two minutes", async () => {
    await until(() => outcomes.length === 1);
    answers = false;
    host.files.write("/etc/config/system", "config system\n");
    await until(() => outcomes.filter(({ ok }) => !ok).length === 7, 1000);
    answers = true;
    const before = host.clock.monotonic();
    host.files.write("/etc/config/system", "config system 'a'\n");
    await until(() => outcomes.at(-1)?.ok === true, 250);
    expect(host.clock.monotonic() - before).toBeLessThan(30_000);
  });
});

test("what the backup lacks is known until it has it", async () => {
  await until(() => outcomes.length === 1);
  expect(loop.waitingSince).toBeUndefined();
  answers = false;
  host.uci.change((transaction) => transaction.set("network", "wan", "metric", "77"));
  await until(() => outcomes.at(-1)?.ok === false);
  expect(loop.waitingSince).toBeNumber();
  answers = true;
  await until(() => outcomes.at(-1)?.ok === true, 500);
  expect(loop.waitingSince).toBeUndefined();
});

test("while it is paused changes are noticed and nothing is sent, on request neither; afterwards all of it is", async () => {
  await until(() => outcomes.length === 1);
  paused = true;
  host.files.write("/etc/config/system", "config system 'paused'\n");
  await until(() => loop.changes > 0);
  await host.clock.advance(7_200_000);
  expect(() => loop.now(() => undefined)).toThrow("The synchronisation is paused");
  expect([outcomes.length, loop.waitingSince]).toEqual([1, expect.any(Number) as number]);
  paused = false;
  loop.look();
  await until(() => outcomes.length === 2);
  expect(transfers[1]).toContain("etc/config/system");
  expect(loop.waitingSince).toBeUndefined();
});

test("a description holds the export of this moment, not of the last run", async () => {
  await until(() => outcomes.length === 1);
  life.abort(new Error("nothing runs by itself any more"));
  await done;
  const config = readHaConfig(host.uci);
  if (config === undefined) throw new Error("no cluster");
  const digest = async (): Promise<unknown> =>
    (await loop.describe(config)).manifest.entries.find(({ path }) => path === "/etc/ha/wan_interfaces");
  const before = await digest();
  host.uci.change((transaction) => transaction.set("network", "wan", "metric", "77"));
  expect(await digest()).not.toEqual(before);
});

describe("a file that lost its content", () => {
  const good = zone("\tlist network 'wan'\n");
  /** The last manifest. */
  const manifest = (): { kept: string[]; forced: string[]; gone: string[]; entries: { path: string }[] } =>
    JSON.parse(host.files.readText("/tmp/ns-ha-manifest.json") ?? "");
  const sends = (path: string): boolean => manifest().entries.some((entry) => entry.path === path);

  test.each([
    ["NUL bytes", () => host.files.write("/etc/config/firewall", new Uint8Array(good.length))],
    ["nothing", () => host.files.write("/etc/config/firewall", "")],
    ["no zone of the WANs", () => host.files.write("/etc/config/firewall", "config defaults\n")],
    ["no file", () => host.files.remove("/etc/config/firewall")],
  ])(
    "%s: is held back and named, nothing is exported from it, the rest travels, and it heals by itself",
    async (_what, lose) => {
      await until(() => outcomes.length === 1);
      const before = exported("wan_interfaces");
      lose();
      await until(() => outcomes.at(-1)?.ok === false);
      const outcome = outcomes.at(-1);
      expect(outcome).toMatchObject({ status: "Export Failed", withheld: [{ path: "/etc/config/firewall" }] });
      expect(outcome?.reason).toContain("/etc/config/firewall is not synchronised");
      expect(outcome?.advice).toContain("sync --force /etc/config/firewall");
      expect(manifest().kept).toEqual(["/etc/config/firewall"]);
      expect(manifest().gone).toEqual([]);
      expect(sends("/etc/config/firewall")).toBe(false);
      expect(exported("wan_interfaces")).toBe(before);
      host.files.write("/etc/config/system", "config system 'travels'\n");
      await until(() => sends("/etc/config/system"));
      host.files.write("/etc/config/firewall", good);
      await until(() => outcomes.at(-1)?.ok === true);
      expect(sends("/etc/config/firewall")).toBe(true);
      expect(manifest().kept).toEqual([]);
    },
  );

  test("of /etc/config/network, which never travels, keeps the export", async () => {
    await until(() => outcomes.length === 1);
    const before = exported("wan_interfaces");
    host.files.write("/etc/config/network", new Uint8Array(100));
    await until(() => outcomes.at(-1)?.ok === false);
    expect(outcomes.at(-1)?.reason).toContain("/etc/config/network is not synchronised: it holds NUL bytes");
    expect(exported("wan_interfaces")).toBe(before);
    host.files.write("/etc/config/network", network);
    await until(() => outcomes.at(-1)?.ok === true);
  });

  test("is noticed after a restart too, also when it is no UCI package; one emptied while it is watched is a change", async () => {
    host.files.write("/etc/nginx.conf", "server {}\n");
    host.files.write("/etc/motd", "hello\n");
    host.program("rsync", () => "");
    host.uci.change((transaction) => {
      for (const path of ["/etc/nginx.conf", "/etc/motd"])
        transaction.addList("keepalived", "ha_peer", "sync_list", path);
    });
    await until(() => outcomes.at(-1)?.ok === true && sends("/etc/motd"));
    host.files.write("/etc/motd", "");
    await until(
      () =>
        outcomes.length > 1 &&
        manifest().entries.some((entry) => entry.path === "/etc/motd" && "size" in entry && entry.size === 0),
    );
    expect(outcomes.at(-1)?.ok).toBe(true);
    life.abort(new Error("a power cut"));
    await done;
    host.files.write("/etc/nginx.conf", "");
    life = new AbortController();
    const before = outcomes.length;
    loop = newLoop();
    done = loop.run(life.signal);
    await until(() => outcomes.length > before);
    expect(outcomes.at(-1)?.withheld).toEqual([{ path: "/etc/nginx.conf", reason: "it is empty, and was not" }]);
  });

  test("is sent once it is forced, also by later runs, until it changes again", async () => {
    await until(() => outcomes.length === 1);
    host.files.write("/etc/config/firewall", "");
    await until(() => outcomes.at(-1)?.ok === false);
    const forced = loop.now(() => undefined, ["/etc/config/firewall"]);
    await until(() => sends("/etc/config/firewall"));
    expect(await forced).toMatchObject({ status: "Successful", ok: true });
    expect(manifest().forced).toEqual(["/etc/config/firewall"]);
    host.files.write("/etc/config/system", "config system 'later'\n");
    await until(() => sends("/etc/config/system"));
    expect(manifest().forced).toEqual(["/etc/config/firewall"]);
    host.files.write("/etc/config/firewall", "\0");
    await until(() => outcomes.at(-1)?.ok === false);
  });

  test("is named when only the backup knows", async () => {
    host.program("dbclient", () =>
      JSON.stringify({
        ok: true,
        changed: [],
        reloaded: [],
        withheld: [{ path: "/etc/config/firewall", reason: "it is empty, and was not" }],
      }),
    );
    host.files.write("/etc/config/system", "config system 'a'\n");
    await until(() => outcomes.at(-1)?.ok === false);
    expect(outcomes.at(-1)).toMatchObject({ status: "Restore Failed", withheld: [{ path: "/etc/config/firewall" }] });
  });
});

describe("what is watched", () => {
  test.each([
    ["/etc/config/network", true],
    ["/etc/config/keepalived", true],
    ["/etc/config/system", true],
    ["/etc/config/.network.uci-AbCd1234", false],
    ["/etc/ha/routes", false],
    ["/etc/ns-ha/history.jsonl", false],
    ["/etc/dropbear/authorized_keys", false],
  ])("%s: %s", (path, concerns) => expect(concernsSync(path)).toBe(concerns));

  test("the fixed part of a pattern, what the last run sent outside /etc, nothing twice, never the whole machine", () => {
    const list = ["/etc/mine", "/srv/x/*.conf", "/srv/x/deep/", "/tmp/dhcp.leases", "/root*"];
    expect(watchRoots(list, ["/usr/share/nft.d/a", "/lonely", "/etc/config/system"])).toEqual([
      "/etc",
      "/srv/x",
      "/tmp/dhcp.leases",
      "/usr/share/nft.d/a",
    ]);
  });
});
