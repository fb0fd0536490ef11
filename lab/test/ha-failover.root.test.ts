/**
 * Failovers of a real cluster: after any single failure the site stays in service, and after the recovery everything runs on its proper node
 * (contract ns-ha 7, promises 1, 2 and 5). Each test begins and ends with the primary as master and the backup as backup.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { agentView, type Firewall, hasAddress, inPlace, makeCluster, runningServices } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { vip } from "../src/topology.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(120_000));

const name = `haf${process.pid}`;
const wanAddress = "203.0.113.10";
/** Services that run on the active node only; all of them are in the lab's default configuration. */
const following = ["dnsmasq", "mwan3", "netifyd", "ns-flows", "snmpd", "swanctl"];
let lab: Lab;
let whole: string[];

beforeAll(async () => {
  lab = await Lab.up({ name });
  await makeCluster(lab, { timing: "fast" });
  whole = await runningServices(lab, "primary");
});
afterAll(() => lab?.down());

const settled = async (): Promise<void> => {
  await inPlace(lab, "primary", "master", 60_000);
  await inPlace(lab, "backup", "backup", 60_000);
};
beforeEach(settled);
afterEach(async () => {
  await lab.heal();
  for (const node of ["primary", "backup"] as const) await lab.boot(node);
});

const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};

/** Asserts that the node carries the site: addresses, services, DHCP; a client reaches the internet through it. */
async function carries(node: Firewall): Promise<void> {
  for (const address of [vip, wanAddress, "198.51.100.10"])
    expect([address, await hasAddress(lab, node, address)]).toEqual([address, true]);
  const running = await runningServices(lab, node);
  expect(following.filter((service) => !running.includes(service))).toEqual([]);
  // Retry with a deadline: a resolver waits five seconds after one lost query.
  await until(
    async () => (await lab.sh("client1", "curl --silent --max-time 2 https://www.example.com/")).includes("hello"),
    { what: `client1 has the web through ${node}`, timeoutMs: 15_000, everyMs: 100 },
  );
}

/** Asserts that the node is passive: no virtual or WAN address, no service of the active node. */
async function holdsStill(node: Firewall): Promise<void> {
  // A boot still in progress may start services after the agent stopped them.
  await until(
    async () => {
      const now = await runningServices(lab, node);
      return following.every((service) => !now.includes(service));
    },
    { what: `${node} holds still`, timeoutMs: 15_000, everyMs: 250 },
  );
  for (const address of [vip, wanAddress])
    expect([address, await hasAddress(lab, node, address)]).toEqual([address, false]);
  const running = await runningServices(lab, node);
  expect(following.filter((service) => running.includes(service))).toEqual([]);
  expect(await lab.sh(node, "uci get dhcp.@dnsmasq[0].force")).toBe("0");
}

const takeovers = async (): Promise<number> =>
  Number(await lab.sh("backup", "grep -c 'backup -> master' /var/log/messages || :"));

describe("a cluster of two firewalls", () => {
  scenario("begins with the primary carrying the site and the backup holding still", async () => {
    await carries("primary");
    await holdsStill("backup");
  });

  scenario(
    "survives the primary's power cut: a download through NAT goes on, the primary takes back when it returns",
    async () => {
      const size = "'%{size_download}'";
      const download = lab.sh(
        "client1",
        `curl --local-port 45001 --silent --show-error --limit-rate 40M --max-time ${Math.ceil(paced(180_000) / 1000)} --output /dev/null --write-out ${size} http://192.0.2.80/big`,
        { timeoutMs: paced(200_000) },
      );
      const known = "conntrackd -e | grep -c 'ESTABLISHED.*sport=45001 ' || :";
      await until(async () => (await lab.sh("backup", known)) !== "0", { what: "the backup knows the download" });
      const probe = await lab.probe({ from: "client1", to: vip }, ["ping", "tcp"]);
      await lab.kill("primary");
      await inPlace(lab, "backup", "master");
      await carries("backup");
      const running = await runningServices(lab, "backup");
      expect(whole.filter((service) => !running.includes(service))).toEqual([]);
      await lab.boot("primary");
      await settled();
      const report = await probe.stop();
      expect(report.streamsBroken).toBe(0);
      expect(Number(await download)).toBe(1024 ** 3);
      await carries("primary");
      await holdsStill("backup");
      console.log(
        report.services.map(({ service, longestMs }) => `${service}: ${Math.round(longestMs)} ms`).join(", "),
      );
    },
  );

  scenario("does not notice when the backup loses its power, and says so", async () => {
    const probe = await lab.probe({ from: "client1", to: vip });
    await lab.kill("backup");
    await until(async () => (await agentView(lab, "primary"))?.conditions.includes("peer_not_heard"), {
      what: "the primary says that the backup is gone",
      timeoutMs: 40_000,
    });
    await lab.boot("backup");
    await settled();
    await until(async () => (await agentView(lab, "primary"))?.conditions.length === 0, {
      what: "no condition is left",
      timeoutMs: 40_000,
    });
    expect((await probe.stop()).services.find(({ service }) => service === "ping")?.longestMs ?? 0).toBeLessThan(
      paced(200),
    );
    await holdsStill("backup");
  });

  scenario("fails over when the primary's LAN cable is pulled, and back", async () => {
    await lab.cut("primary", "lan");
    await inPlace(lab, "backup", "master");
    await inPlace(lab, "primary", "fault");
    await carries("backup");
    await holdsStill("primary");
    await lab.heal();
    await settled();
    await carries("primary");
  });

  scenario("stays where it is when the WAN cable is pulled", async () => {
    await lab.cut("primary", "wan");
    const from = performance.now();
    await until(
      async () => {
        const [primary, backup] = await Promise.all([agentView(lab, "primary"), agentView(lab, "backup")]);
        expect(primary?.state).toBe("master");
        expect(backup?.state).toBe("backup");
        return performance.now() - from > 3000;
      },
      { what: "three seconds without a transition" },
    );
  });

  for (const [program, fails] of [
    ["keepalived", true],
    ["conntrackd", false],
  ] as const) {
    scenario(`carries on when ${program} is killed`, async () => {
      const before = await takeovers();
      lab.signal("primary", program, "SIGKILL");
      if (fails) await until(async () => (await takeovers()) > before, { what: "the backup took over" });
      if (fails) {
        await until(async () => (await agentView(lab, "primary"))?.state !== "master", { what: "the primary noticed" });
        expect(await hasAddress(lab, "primary", vip)).toBe(false);
      }
      await until(async () => (await lab.sh("primary", `pidof ${program} || :`)) !== "", {
        what: `${program} runs again`,
        timeoutMs: 60_000,
      });
      await settled();
      await carries("primary");
      await holdsStill("backup");
    });
  }

  scenario("carries on when the agents are killed, and a failover while they are dead is made good", async () => {
    for (const node of ["primary", "backup"] as const) lab.signal(node, "ns-ha", "SIGKILL");
    await lab.kill("primary");
    await inPlace(lab, "backup", "master");
    await carries("backup");
    await lab.boot("primary");
    await settled();
    await carries("primary");
    await holdsStill("backup");
  });

  scenario("takes over from a frozen keepalived; the frozen node lets go of its WAN", async () => {
    lab.pause("primary", "keepalived");
    await inPlace(lab, "backup", "master");
    await until(async () => !(await hasAddress(lab, "primary", wanAddress)), {
      what: "the primary's WAN is down",
      timeoutMs: 60_000,
    });
    lab.resume("primary", "keepalived");
    await settled();
    await carries("primary");
  });

  scenario("has one master when both nodes boot together", async () => {
    await Promise.all([lab.kill("primary"), lab.kill("backup")]);
    await Promise.all([lab.boot("primary"), lab.boot("backup")]);
    await settled();
    await carries("primary");
    await holdsStill("backup");
  });

  scenario("says on both nodes that they cannot hear each other, and has one master again afterwards", async () => {
    await lab.partition();
    await inPlace(lab, "backup", "master");
    for (const node of ["primary", "backup"] as const) {
      await until(async () => (await agentView(lab, node))?.conditions.includes("peer_not_heard"), {
        what: `${node} says it`,
        timeoutMs: 40_000,
      });
    }
    expect(await lab.sh("primary", "ns-ha-config status")).toContain("master too");
    const healed = performance.now();
    await lab.heal();
    await until(async () => (await agentView(lab, "backup"))?.state === "backup", { what: "one master" });
    expect(performance.now() - healed).toBeLessThan(paced(2000));
    await settled();
    await carries("primary");
    await holdsStill("backup");
  });

  scenario(
    "ends in the state of the last of five transitions in ten seconds, with services that take 3 s to start",
    async () => {
      for (const node of ["primary", "backup"] as const) {
        await lab.sh(node, "for s in netifyd snmpd swanctl; do echo start_ms=3000 > /etc/lab/standin/$s; done");
      }
      for (let turn = 0; turn < 5; turn += 1) {
        await lab.cut("primary", "lan");
        await until(async () => (await agentView(lab, "backup"))?.state === "master", { what: "the backup is master" });
        await lab.heal();
        await until(async () => (await agentView(lab, "primary"))?.state === "master", {
          what: "the primary is master",
        });
      }
      await settled();
      await carries("primary");
      await holdsStill("backup");
      for (const node of ["primary", "backup"] as const) await lab.sh(node, "rm -f /etc/lab/standin/*");
    },
  );

  scenario("is not held up by a service that hangs on stop", async () => {
    await lab.sh("primary", "echo hang=stop > /etc/lab/standin/snmpd; /etc/init.d/snmpd restart");
    await lab.cut("primary", "lan");
    await inPlace(lab, "backup", "master");
    await until(async () => !(await hasAddress(lab, "primary", wanAddress)), {
      what: "the primary's WAN is down",
      timeoutMs: 5000,
    });
    await inPlace(lab, "primary", "fault", 60_000);
    await lab.sh("primary", "rm /etc/lab/standin/snmpd");
  });

  scenario("leaves alone what the user disabled, and what runs third-party hotplug scripts", async () => {
    await lab.sh("primary", "/etc/init.d/snmpd stop; /etc/init.d/snmpd disable; ns-ha-config sync --wait", {
      timeoutMs: 60_000,
    });
    await lab.sh("backup", "/etc/init.d/snmpd disable");
    await lab.sh("backup", "echo 'echo $ACTION $TYPE $NAME >> /tmp/hotplug.log' > /etc/hotplug.d/keepalived/900-mine");
    await lab.kill("primary");
    await inPlace(lab, "backup", "master");
    expect(await runningServices(lab, "backup")).not.toContain("snmpd");
    expect(await lab.sh("backup", "cat /tmp/hotplug.log")).toContain("NOTIFY_MASTER INSTANCE backup");
    await lab.boot("primary");
    await settled();
    expect(await lab.sh("backup", "cat /tmp/hotplug.log")).toMatch(/MASTER[^]*NOTIFY_BACKUP INSTANCE backup/);
    await lab.sh("backup", "rm /etc/hotplug.d/keepalived/900-mine");
    await lab.sh("primary", "/etc/init.d/snmpd enable; /etc/init.d/snmpd start; ns-ha-config sync --wait", {
      timeoutMs: 60_000,
    });
    await lab.sh("backup", "/etc/init.d/snmpd enable");
  });

  scenario("switches over and back as planned, without a change of configuration", async () => {
    const before = await lab.sh("primary", "md5sum /etc/config/keepalived");
    const away = JSON.parse(
      await lab.sh("primary", "ns-ha-config switch --to backup --json", { timeoutMs: 90_000 }),
    ) as { outage_ms: number };
    await carries("backup");
    const back = JSON.parse(
      await lab.sh("primary", "ns-ha-config switch --to primary --json", { timeoutMs: 90_000 }),
    ) as { outage_ms: number };
    await settled();
    await carries("primary");
    expect(await lab.sh("primary", "md5sum /etc/config/keepalived")).toBe(before);
    console.log(`switch: ${away.outage_ms} ms, back: ${back.outage_ms} ms`);
  });
});
