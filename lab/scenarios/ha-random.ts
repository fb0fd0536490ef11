/**
 * Random sequences on a real pair: power cuts, cables, switchovers, changes on either node, files that change their type, lost content, a killed
 * agent. In the end, with everything whole again, both nodes are well by themselves, hold the same files and every lease.
 *
 *     LAB_SEQUENCES=100 LAB_SEED=7 lab/lab scenario ha-random        default: 3 sequences, a seed of its own, which is printed
 */
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { inPlace, makeCluster } from "../src/ha-cluster.ts";
import type { Lab } from "../src/lab.ts";
import type { Scenario } from "../src/scenario.ts";

const sequences = Number(process.env["LAB_SEQUENCES"] ?? "3");
const seed = Number(process.env["LAB_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const stepsEach = 5;

export const scenario: Scenario = {
  name: "ha-random",
  summary: "random faults and changes on a pair; nothing is lost (LAB_SEQUENCES, LAB_SEED)",
  timeoutMs: paced(120_000 + sequences * 300_000),
  run: async (lab, say) => {
    say(`seed ${seed}, ${sequences} sequences`);
    await makeCluster(lab, { timing: "fast" });
    const random = randomNumbers(seed);
    for (let sequence = 1; sequence <= sequences; sequence += 1) {
      const steps = Array.from({ length: stepsEach }, () => stepNames[random(stepNames.length)] ?? "wait");
      say(`${sequence}: ${steps.join(", ")}`);
      for (const [index, name] of steps.entries()) await actions[name](lab, `${sequence}x${index}`);
      await settle(lab);
      await verify(lab, `${sequence}`);
    }
    say(`${sequences} sequences, seed ${seed}: nothing was lost`);
  },
};

const ignore = (): undefined => undefined;
const onPrimary = (lab: Lab, command: string): Promise<unknown> =>
  lab.sh("primary", command, { timeoutMs: 90_000 }).catch(ignore);
const pause = (lab: Lab): Promise<unknown> => lab.sh("client1", "sleep 2");

/** A step that finds its node without power does nothing. */
const actions = {
  "primary off": (lab: Lab) => lab.kill("primary").then(ignore, ignore),
  "primary on": (lab: Lab) => lab.boot("primary").then(ignore, ignore),
  "backup off": (lab: Lab) => lab.kill("backup").then(ignore, ignore),
  "backup on": (lab: Lab) => lab.boot("backup").then(ignore, ignore),
  "primary's LAN cable out": (lab: Lab) => lab.cut("primary", "lan").then(ignore, ignore),
  "cables in": (lab: Lab) => lab.heal().then(ignore, ignore),
  "switch to backup": (lab: Lab) => onPrimary(lab, "ns-ha-config switch --to backup"),
  "switch to primary": (lab: Lab) => onPrimary(lab, "ns-ha-config switch --to primary"),
  "network change": (lab: Lab, at: string) =>
    onPrimary(
      lab,
      `uci set network.wan.metric=$((1 + $(printf %s ${at} | cksum | cut -d ' ' -f 1) % 90)); uci commit network`,
    ),
  "file becomes a folder": (lab: Lab, at: string) =>
    onPrimary(lab, `rm -rf /root/random/x; mkdir -p /root/random/x; echo ${at} > /root/random/x/y`),
  "folder becomes a link": (lab: Lab) =>
    onPrimary(lab, "rm -rf /root/random/x; mkdir -p /root/random; ln -s /root /root/random/x"),
  "firewall loses its content": (lab: Lab) =>
    onPrimary(
      lab,
      "cp /etc/config/firewall /root/firewall.kept; head -c 200 /dev/zero > /etc/config/firewall; sleep 3; cp /root/firewall.kept /etc/config/firewall",
    ),
  "agent killed": (lab: Lab) => onPrimary(lab, "kill -9 $(pgrep -f 'ns-ha agent' | head -1)"),
  wait: pause,
} as const;
const stepNames = Object.keys(actions) as (keyof typeof actions)[];

async function settle(lab: Lab): Promise<void> {
  await lab.heal().catch(ignore);
  for (const node of ["primary", "backup"] as const) await lab.boot(node).catch(ignore);
  await until(
    async () => {
      await onPrimary(lab, "ns-ha-config switch --to primary >/dev/null 2>&1; true");
      return (await lab.sh("primary", "ns-ha-config status --json | jq -r .state").catch(() => "")) === "master";
    },
    { what: "the primary is master again", timeoutMs: 120_000, everyMs: 2000 },
  );
  await inPlace(lab, "primary", "master", 120_000);
  await inPlace(lab, "backup", "backup", 120_000);
}

/** A client asks for a lease; both nodes must know it and everything given before, and no address stands twice. */
async function verify(lab: Lab, name: string): Promise<void> {
  const link = `r${name}`;
  const mac = `02:ee:00:00:00:${Number(name).toString(16).padStart(2, "0")}`;
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
