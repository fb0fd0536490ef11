/**
 * The agent with the real keepalived: misleading signs (a missing pid file, a state file that cannot be written) cause no transition. The
 * tests share one cluster; each begins and ends with the primary as master.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { agentView, type Firewall, hasAddress, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { vip } from "../src/topology.ts";

setDefaultTimeout(paced(120_000));
let lab: Lab;

beforeAll(async () => {
  lab = await Lab.up({ name: `hak${process.pid}` });
  await makeCluster(lab, { timing: "fast" });
  await settled();
});
afterAll(() => lab?.down());

async function settled(): Promise<void> {
  await inPlace(lab, "primary", "master", 60_000);
  await inPlace(lab, "backup", "backup", 60_000);
}
const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};
const masters = async (node: Firewall): Promise<number> =>
  Number(await lab.sh(node, "grep -c 'VRRP_Instance.*MASTER STATE' /var/log/messages || true"));
const transitions = async (node: Firewall): Promise<number> =>
  Number(await lab.sh(node, "grep -c 'VRRP state' /var/log/messages || true"));
/** Waits for that many polls of keepalived by the agent, one per second of the node's own clock. */
const looks = async (node: Firewall, seconds: number): Promise<void> => {
  const uptime = async (): Promise<number> => Number(await lab.sh(node, "cut -d' ' -f1 /proc/uptime"));
  const from = await uptime();
  await until(async () => (await uptime()) - from > seconds, {
    what: `${seconds} looks of ${node}`,
    timeoutMs: seconds * 1000 + 20_000,
    everyMs: 200,
  });
};

scenario("a pid file that is moved away moves nothing: keepalived is found in /proc", async () => {
  const before = [await masters("primary"), await masters("backup"), await transitions("primary")];
  const path = await lab.sh(
    "primary",
    "for file in /var/run/vrrp.pid /run/vrrp.pid /var/run/keepalived/vrrp.pid; do [ ! -e $file ] || echo $file; done | head -n 1",
  );
  expect(path.trim()).not.toBe("");
  const watch = lab.sh(
    "primary",
    "timeout 8 ip -o monitor address || true", // prints each address that is added or deleted
  );
  // Also kill the agent: a restarted agent does not remember the process.
  await lab.sh("primary", `mv ${path.trim()} ${path.trim()}.away; kill -9 $(pidof ns-ha)`);
  const changed = await watch;
  expect(changed.split("\n").filter((line) => line.includes(` ${vip}/`))).toEqual([]);
  await inPlace(lab, "primary", "master", 30_000);
  expect(await hasAddress(lab, "primary", vip)).toBe(true);
  expect([await masters("primary"), await masters("backup"), await transitions("primary")]).toEqual(before);
  await lab.sh("primary", `mv ${path.trim()}.away ${path.trim()}`);
  await settled();
});

scenario("no local user can keep the state from the agent, whatever is made under the name in /tmp", async () => {
  const held = await lab.exec(
    "backup",
    ["su", "-s", "/bin/sh", "nobody", "-c", "rm -rf /tmp/keepalived.json; mkdir /tmp/keepalived.json"],
    { ok: "any" },
  );
  expect(held.code).not.toBe(0);
  // The folder exists before the agent starts.
  await lab.sh(
    "backup",
    "/etc/init.d/ns-ha stop; rm -f /tmp/keepalived.json; su -s /bin/sh nobody -c 'mkdir -p /tmp/keepalived.json/deep'; /etc/init.d/ns-ha start",
  );
  await settled();
  expect(await lab.sh("backup", "stat -c '%U %F' /tmp/keepalived.json")).toContain("root regular");
  await lab.kill("primary");
  await inPlace(lab, "backup", "master", 60_000);
  await lab.boot("primary");
  await settled();
});

scenario("a keepalived that cannot write its state is followed all the same, and the trouble is said", async () => {
  // rename(2) onto a mount point fails, like a write to a full file system.
  await lab.sh(
    "backup",
    "mkdir -p /tmp/in-the-way; rm -f /tmp/keepalived.json; mkdir /tmp/keepalived.json; mount --bind /tmp/in-the-way /tmp/keepalived.json",
  );
  await lab.kill("primary");
  await until(() => hasAddress(lab, "backup", "203.0.113.10"), {
    what: "the backup has the WAN address",
    timeoutMs: 60_000,
    everyMs: 200,
  });
  await until(async () => (await agentView(lab, "backup"))?.conditions.includes("keepalived_dump_missing") === true, {
    what: "the backup says that keepalived's state cannot be read",
    timeoutMs: 30_000,
    everyMs: 200,
  });
  await looks("backup", 8);
  expect((await agentView(lab, "backup"))?.state).toBe("master");
  expect(await hasAddress(lab, "backup", "203.0.113.10")).toBe(true);
  await lab.sh("backup", "umount /tmp/keepalived.json; rmdir /tmp/keepalived.json");
  await lab.boot("primary");
  await settled();
  await until(async () => (await agentView(lab, "backup"))?.conditions.includes("keepalived_dump_missing") === false, {
    what: "the backup says it no longer",
    timeoutMs: 60_000,
    everyMs: 200,
  });
});

/**
 * Seen in the lab at load 15: the process that procd runs keepalived under was gone, keepalived went on, and no reload reached it. After
 * `set-timing` one node spoke VRRPv2 and the other VRRPv3, and both carried the site.
 */
scenario("a keepalived that procd lost is told by both masters, and replaced, without a hand", async () => {
  const mains =
    'pgrep -x keepalived | while read -r pid; do [ "$(awk \'{ print $4 }\' /proc/$pid/stat)" != "$(pgrep -ox keepalived)" ] && echo $pid; done; true';
  const orphan = (await lab.sh("primary", "pgrep -ox keepalived")).trim();
  await lab.sh("primary", "kill -9 $(pgrep -f '[p]rocd/supervise .*/keepalived/')");
  expect((await lab.sh("primary", "pgrep -ox keepalived")).trim()).toBe(orphan);
  await lab.sh("primary", "ns-ha-config set-timing classic", { timeoutMs: 90_000 }).catch(() => undefined);
  await until(
    async () => {
      const alive = (await lab.sh("primary", mains)).trim().split("\n");
      const views = [await agentView(lab, "primary"), await agentView(lab, "backup")];
      return (
        !alive.includes(orphan) &&
        alive.length === 1 &&
        views[0]?.state === "master" &&
        views[1]?.state === "backup" &&
        !views.some((view) => view?.conditions.includes("two_masters"))
      );
    },
    { what: "the service runs, and one node carries the site", timeoutMs: 120_000, everyMs: 1000 },
  );
  await settled();
});

scenario("a keepalived that procd gave up on is started again by the agent", async () => {
  const givenUp = async (): Promise<boolean> =>
    (await lab.exec("backup", ["test", "-e", "/var/run/procd/services/keepalived/instance1/given-up"], { ok: "any" }))
      .code === 0;
  const before = (await lab.sh("backup", "pgrep -ox keepalived")).trim();
  await until(
    async () => {
      await lab.sh("backup", "killall -q -9 keepalived; true");
      return givenUp();
    },
    { what: "procd gives up", timeoutMs: 90_000, everyMs: 1000 },
  );
  await until(async () => ![before, ""].includes((await lab.sh("backup", "pgrep -ox keepalived || true")).trim()), {
    what: "keepalived of the backup runs again",
    timeoutMs: 90_000,
    everyMs: 1000,
  });
  await settled();
});
