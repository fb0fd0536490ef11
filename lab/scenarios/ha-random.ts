/**
 * Random sequences on a real pair: power cuts, cables, switchovers, changes on either node, files that change their type, lost content, a full disk,
 * agents and keepalived killed. In the end, with everything whole again, both nodes are well by themselves, hold the same files and every lease;
 * what was changed on the backup while it carried the site is kept.
 *
 *     LAB_SEQUENCES=100 LAB_SEED=7 lab/lab scenario ha-random        default: 3 sequences, a seed of its own, which is printed
 */
import { until } from "@nethsec/host/testing/until";
import { type Firewall, inPlace, makeCluster } from "../src/ha-cluster.ts";
import type { Lab } from "../src/lab.ts";
import type { Scenario } from "../src/scenario.ts";

const sequences = Number(process.env["LAB_SEQUENCES"] ?? "3");
const seed = Number(process.env["LAB_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const stepsEach = 5;

export const scenario: Scenario = {
  name: "ha-random",
  summary: "random faults and changes on a pair; nothing is lost (LAB_SEQUENCES, LAB_SEED)",
  timeoutMs: 120_000 + sequences * 180_000,
  run: async (lab, say) => {
    say(`seed ${seed}, ${sequences} sequences`);
    await makeCluster(lab, { timing: "fast" });
    await lab.sh(
      "primary",
      "mkdir -p /root/random; uci add_list keepalived.ha_peer.sync_list=/root/random; uci commit keepalived; reload_config",
    );
    const random = randomNumbers(seed);
    for (let sequence = 1; sequence <= sequences; sequence += 1) {
      const steps = Array.from({ length: stepsEach }, () => stepNames[random(stepNames.length)] ?? "wait");
      say(`${sequence}: ${steps.join(", ")}`);
      const written: Written = { primary: "", backup: [] };
      for (const [index, name] of steps.entries()) await actions[name]?.(lab, `${sequence}x${index}`, written);
      await settle(lab);
      await verify(lab, sequence, written);
    }
    say(`${sequences} sequences, seed ${seed}: nothing was lost`);
  },
};

const ignore = (): undefined => undefined;
/** A step that finds its node without power, or is interrupted, does nothing. */
const on = (lab: Lab, node: Firewall, command: string): Promise<unknown> =>
  lab.sh(node, command, { timeoutMs: 90_000 }).catch(ignore);
const killAgent = "kill -9 $(pgrep -f '[n]s-ha agent' | head -1)";

/** What must be found in the end: the last value written on the primary, and every change that the backup had seen as one. */
interface Written {
  primary: string;
  readonly backup: string[];
}

type Action = (lab: Lab, at: string, written: Written) => Promise<unknown>;

/** Runs it and returns what it printed; "" when the node has no power, or the command did not come to its end. */
async function saidBy(lab: Lab, node: Firewall, command: string): Promise<string> {
  try {
    return (await lab.sh(node, command)).trim();
  } catch {
    return "";
  }
}

/** Writes the synchronised folder of the test anew, with a file, a folder or a link in the same place. */
const changes =
  (make: string): Action =>
  async (lab, at, written) => {
    const write = `rm -rf /root/random/x; ${make}; echo ${at} > /root/random/at; sync; cat /root/random/at`;
    if ((await saidBy(lab, "primary", write)) === at) written.primary = at;
  };

const actions: Readonly<Record<string, Action>> = {
  "primary off": (lab) => lab.kill("primary").catch(ignore),
  "primary on": (lab) => lab.boot("primary").catch(ignore),
  "backup off": (lab) => lab.kill("backup").catch(ignore),
  "backup on": (lab) => lab.boot("backup").catch(ignore),
  "primary's LAN cable out": (lab) => lab.cut("primary", "lan").catch(ignore),
  "cables in": (lab) => lab.heal().catch(ignore),
  "switch to backup": (lab) => on(lab, "primary", "ns-ha-config switch --to backup"),
  "switch to primary": (lab) => on(lab, "primary", "ns-ha-config switch --to primary"),
  "network change": (lab, at) =>
    on(
      lab,
      "primary",
      `uci set network.wan.metric=$((1 + $(printf %s ${at} | cksum | cut -d ' ' -f 1) % 90)); uci commit network`,
    ),
  "a file in its place": changes("echo file > /root/random/x"),
  "a folder in its place": changes("mkdir /root/random/x; echo inside > /root/random/x/y"),
  "a link in its place": changes("ln -s /root /root/random/x"),
  "firewall loses its content": (lab) =>
    on(
      lab,
      "primary",
      "cp /etc/config/firewall /root/firewall.kept; head -c 200 /dev/zero > /etc/config/firewall; sleep 3; cp /root/firewall.kept /etc/config/firewall",
    ),
  // The first seconds after a takeover, before the backup has noted what it had, are a limit that the manual names.
  "change on the backup": async (lab, at, written) => {
    const write = `test -e /etc/ns-ha/carried-base.json && echo ${at} > /root/random/on-backup && sync && cat /root/random/on-backup`;
    // The next write replaces it before the node is back: only the last one of a reign is kept.
    if ((await saidBy(lab, "backup", write)) === at) written.backup.splice(0, written.backup.length, at);
  },
  "backup's disk full": (lab) => lab.fillDisk("backup", "/etc").catch(ignore),
  "agent of the primary killed": (lab) => on(lab, "primary", killAgent),
  "agent of the backup killed": (lab) => on(lab, "backup", killAgent),
  "keepalived of the primary killed": (lab) => on(lab, "primary", "killall -9 keepalived"),
  "keepalived of the backup killed": (lab) => on(lab, "backup", "killall -9 keepalived"),
  wait: (lab) => lab.sh("client1", "sleep 2"),
};
const stepNames = Object.keys(actions);

async function settle(lab: Lab): Promise<void> {
  await lab.heal().catch(ignore);
  for (const node of ["primary", "backup"] as const) await lab.boot(node).catch(ignore);
  await lab.freeDisk("backup", "/etc").catch(ignore);
  await until(
    async () => {
      await on(lab, "primary", "ns-ha-config switch --to primary >/dev/null 2>&1; true");
      return (await lab.sh("primary", "ns-ha-config status --json | jq -r .state").catch(() => "")) === "master";
    },
    { what: "the primary is master again", timeoutMs: 120_000, everyMs: 2000 },
  );
  await inPlace(lab, "primary", "master", 120_000);
  await inPlace(lab, "backup", "backup", 120_000);
}

/** A client asks for a lease; both nodes must know it and everything given before, and no address stands twice. Every change is found. */
async function verify(lab: Lab, sequence: number, written: Written): Promise<void> {
  const link = `r${sequence}`;
  const mac = `02:ee:00:00:00:${sequence.toString(16).padStart(2, "0")}`;
  await lab.sh(
    "client1",
    `ip link add ${link} link eth0 type macvlan mode bridge; ip link set ${link} address ${mac} up`,
  );
  await until(
    async () =>
      (
        await lab.exec("client1", ["busybox", "udhcpc", "-i", link, "-n", "-q", "-f", "-t", "3", "-s", "/bin/true"], {
          ok: "any",
          timeoutMs: 30_000,
        })
      ).code === 0,
    { what: `${link} gets a lease`, timeoutMs: 60_000 },
  );
  await lab.sh("client1", `ip link delete ${link}`);
  await until(
    async () => {
      const diff = await lab.sh("primary", "ns-ha-config diff 2>&1 || true", { timeoutMs: 60_000 });
      return diff.includes("holds what the primary has");
    },
    { what: "both nodes hold the same files", timeoutMs: 180_000, everyMs: 1000 },
  );
  const leases = async (node: "primary" | "backup"): Promise<string[]> =>
    (await lab.sh(node, "cut -d ' ' -f 2,3 /tmp/dhcp.leases | sort")).split("\n").filter((line) => line !== "");
  const both = [await leases("primary"), await leases("backup")];
  if (JSON.stringify(both[0]) !== JSON.stringify(both[1])) throw new Error(`leases differ: ${JSON.stringify(both)}`);
  const addresses = (both[0] ?? []).map((line) => line.split(" ")[1]);
  if (!(both[0] ?? []).some((line) => line.startsWith(mac))) throw new Error(`the lease of ${mac} is lost`);
  if (new Set(addresses).size !== addresses.length)
    throw new Error(`an address was given twice: ${addresses.join(" ")}`);
  if (written.primary !== "" && (await lab.sh("primary", "cat /root/random/at")).trim() !== written.primary)
    throw new Error(`the primary's change ${written.primary} is lost`);
  const tree =
    "cd /root/random; find . ! -type d -exec ls -ld {} + | awk '{ print $1, $9, $10, $11 }'; cat at x x/y 2>/dev/null || true";
  const trees = [await lab.sh("primary", tree), await lab.sh("backup", tree)];
  if (trees[0] !== trees[1]) throw new Error(`the synchronised folder differs: ${JSON.stringify(trees)}`);
  for (const text of written.backup)
    await lab.sh("backup", `grep -rqx ${text} /etc/ns-ha/backup-changes`).catch(() => {
      throw new Error(`the change ${text}, made on the backup while it carried the site, was not kept`);
    });
}

/** Whole numbers below `limit`, the same for the same seed (mulberry32). */
function randomNumbers(from: number): (limit: number) => number {
  let state = from >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
