/**
 * Baseline: plain keepalived with a hand-written configuration on both firewalls, without this project. Played by the scenarios
 * keepalived-classic and keepalived-fast; the outages of ns-ha are compared with theirs.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Lab } from "./lab.ts";
import type { Outage } from "./outage.ts";
import { vip } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

export type Timing = "classic" | "fast";

/** keepalived.conf: VRRPv2 with one advertisement per second, or VRRPv3 with ten. */
export function keepalivedConf(timing: Timing, priority: number): string {
  return `global_defs {
  vrrp_version ${timing === "classic" ? 2 : 3}
}
vrrp_instance lan {
  state ${priority > 50 ? "MASTER" : "BACKUP"}
  interface br-lan
  virtual_router_id 100
  priority ${priority}
  advert_int ${timing === "classic" ? "1" : "0.1"}
  virtual_ipaddress {
    ${vip}/24 dev br-lan
  }
}
`;
}

/** Starts keepalived on both firewalls and waits until the primary alone has the virtual address. */
export async function startKeepalived(lab: Lab, timing: Timing): Promise<void> {
  for (const [node, priority] of [
    ["primary", 100],
    ["backup", 50],
  ] as const) {
    await lab.exec(
      node,
      [
        "sh",
        "-c",
        "cat >/tmp/baseline.conf; keepalived --use-file /tmp/baseline.conf --pid /run/baseline.pid --vrrp_pid /run/baseline-vrrp.pid --log-facility 1",
      ],
      { stdin: keepalivedConf(timing, priority) },
    );
  }
  await until(
    async () => (await runs(lab, "backup")) && (await holdsVip(lab, "primary")) && !(await holdsVip(lab, "backup")),
    {
      what: "keepalived runs on both firewalls, and the primary alone has the virtual address",
      timeoutMs: 15_000,
      everyMs: 100,
    },
  );
}

export async function stopKeepalived(lab: Lab): Promise<void> {
  for (const node of ["primary", "backup"] as const) {
    if (!lab.isOn(node)) continue;
    await lab.sh(node, '[ ! -e /run/baseline.pid ] || kill "$(cat /run/baseline.pid)"');
    await until(async () => !(await runs(lab, node)), { what: `keepalived has ended on ${node}`, everyMs: 50 });
  }
}

async function runs(lab: Lab, node: "primary" | "backup"): Promise<boolean> {
  return (await lab.sh(node, "cat /run/baseline-vrrp.pid 2>/dev/null || :")) !== "";
}

export async function holdsVip(lab: Lab, node: "primary" | "backup"): Promise<boolean> {
  return (await lab.sh(node, "ip -4 -o address show dev br-lan")).includes(` ${vip}/`);
}

/**
 * Cuts the master's power while a client pings the virtual address; returns the outage. Boots the primary and restores the initial
 * state.
 */
export async function measureFailover(lab: Lab, timing: Timing, say: (text: string) => void): Promise<Outage> {
  try {
    await startKeepalived(lab, timing);
    await using probe = await lab.probe({ from: "client1", to: vip });
    say(`client1 pings ${vip}, which the primary has`);
    await lab.kill("primary");
    say("the primary has lost its power");
    const outage = await probe.outage("ping");
    say(`${vip} answered again after ${outage.ms.toFixed(0)} ms (${outage.lost} pings lost)`);
    if (!(await holdsVip(lab, "backup")))
      throw new NethsecError({ code: "no_failover", message: "The backup does not have the virtual address." });
    return outage;
  } finally {
    await lab.boot("primary");
    await stopKeepalived(lab);
  }
}

/** Throws when the outage is longer than `limitMs`. */
export function expectAtMost(outage: Outage, limitMs: number): void {
  if (outage.ms > limitMs)
    throw new NethsecError({
      code: "outage_too_long",
      message: `The outage took ${outage.ms.toFixed(0)} ms, more than ${limitMs}.`,
    });
}
