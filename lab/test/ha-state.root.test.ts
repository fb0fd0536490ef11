/**
 * State of a real cluster flows from the node that carries the site to the other (docs/high-availability.md, "What travels which way"): after a power
 * cut, and after a switchover in both directions, both nodes have all valid leases, and no address is assigned twice.
 */
import { until } from "@nethsec/host/testing/until";
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { agentView, type Firewall, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";

setDefaultTimeout(paced(120_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `hst${process.pid}` });
  await makeCluster(lab, { timing: "fast" });
});
afterAll(() => lab?.down());

const scenario = (what: string, run: () => Promise<void>, timeoutMs = 200_000): void => {
  test(what, () => story(lab, what, run), paced(timeoutMs));
};

/** Creates a client with this MAC address that requests a lease; returns its address. */
async function newClient(link: string, mac: string): Promise<string> {
  await lab.sh(
    "client1",
    `ip link add ${link} link eth0 type macvlan mode bridge && ip link set ${link} address ${mac} up`,
  );
  let said = "";
  await until(
    async () => {
      const { code, stdout, stderr } = await lab.exec(
        "client1",
        ["busybox", "udhcpc", "-i", link, "-n", "-q", "-f", "-t", "3", "-s", "/bin/true"],
        { ok: "any", timeoutMs: 30_000 },
      );
      said = stdout + stderr;
      return code === 0;
    },
    { what: `${link} gets a lease`, timeoutMs: 60_000 },
  );
  const address = /lease of (\S+) obtained/.exec(said)?.[1];
  if (address === undefined) throw new Error(`udhcpc said no address: ${said}`);
  return address;
}

/** The node's lease file: MAC address → IP address. */
async function leases(node: Firewall): Promise<Record<string, string>> {
  const text = await lab.sh(node, "cat /tmp/dhcp.leases 2>/dev/null || true");
  const lines = text.split("\n").map((line) => line.split(" "));
  return Object.fromEntries(lines.flatMap(([, mac, address]) => (mac && address ? [[mac, address]] : [])));
}
const bothHold = (expected: Record<string, string>): Promise<unknown> =>
  until(
    async () => {
      const both = await Promise.all([leases("primary"), leases("backup")]);
      return both.every((held) => Object.entries(expected).every(([mac, address]) => held[mac] === address));
    },
    { what: `both nodes hold ${JSON.stringify(expected)}`, timeoutMs: 60_000 },
  );

const given: Record<string, string> = {};
async function lease(link: string, mac: string): Promise<void> {
  const address = await newClient(link, mac);
  expect(Object.values(given)).not.toContain(address);
  given[mac] = address;
}

scenario("after a power cut the primary takes the leases of the backup before it gives any itself", async () => {
  await lab.kill("primary");
  await inPlace(lab, "backup", "master", 60_000);
  await lease("mv0", "02:aa:00:00:00:01");
  await lab.sh("backup", "mkdir -p /etc/acme/site; echo renewed > /etc/acme/site/site.cer");
  await lab.boot("primary");
  await inPlace(lab, "primary", "master", 120_000);
  // dnsmasq hashes this MAC address to the same pool address as the first one.
  await lease("mv1", "02:bb:00:00:00:16");
  await inPlace(lab, "backup", "backup", 60_000);
  await bothHold(given);
  expect(await lab.sh("primary", "cat /etc/acme/site/site.cer")).toBe("renewed");
  expect((await agentView(lab, "primary"))?.conditions).not.toContain("state_not_fetched");
});

scenario("after a switchover there and back both nodes hold every lease", async () => {
  await lab.sh("primary", "ns-ha-config switch --to backup", { timeoutMs: 90_000 });
  await inPlace(lab, "backup", "master", 60_000);
  await lease("mv2", "02:aa:00:00:00:02");
  // While the primary is on standby, state is also copied automatically: the backup may lose its power as well.
  await bothHold(given);
  await lease("mv3", "02:aa:00:00:00:03");
  await lab.sh("primary", "ns-ha-config switch --to primary", { timeoutMs: 90_000 });
  await inPlace(lab, "primary", "master", 60_000);
  await bothHold(given);
  await lease("mv4", "02:aa:00:00:00:04");
  await bothHold(given);
});

scenario("what is changed on the backup while it carries the site is told, kept aside and adopted", async () => {
  await lab.sh("primary", "ns-ha-config sync --wait", { timeoutMs: 60_000 });
  await lab.kill("primary");
  await inPlace(lab, "backup", "master", 60_000);
  const said = (command: string): Promise<string> =>
    lab.sh("backup", `ns-ha-config ${command} 2>&1 || true`, { timeoutMs: 60_000 });
  await until(async () => (await lab.sh("backup", "ls /etc/ns-ha")).includes("carried-base.json"), {
    what: "the backup remembers what it had",
    timeoutMs: 60_000,
  });
  // Changes made by the takeover itself are not reported.
  expect(await said("diff --backup-changes")).toContain("Nothing was changed");
  await lab.sh("backup", "uci set system.@system[0].notes=survivor; uci commit system");
  await until(
    async () => (await said("status")).includes("Changed on this node since it took over: /etc/config/system"),
    {
      what: "status tells the change",
      timeoutMs: 60_000,
    },
  );
  expect(await said("history -n 50")).toContain("changed here while this node carries the site: /etc/config/system");
  // The backup asks the other node every few seconds; until it has noticed, the drill reports the last answer.
  await until(async () => (await said("drill")).includes("nobody would carry the site"), {
    what: "the drill says that the other node is gone",
    timeoutMs: 60_000,
  });
  expect(await said("show-config")).toContain("Interface: lan");
  // Its state and version too, if it was asked before it lost its power: that is done each minute.
  expect(await said("status")).toMatch(/Other Node: primary 192\.168\.100\.238, seen .* ago/);
  await lab.boot("primary");
  await inPlace(lab, "primary", "master", 120_000);
  const onPrimary = (command: string): Promise<string> =>
    lab.sh("primary", `ns-ha-config ${command} 2>&1 || true`, { timeoutMs: 60_000 });
  await until(async () => (await onPrimary("diff --backup-changes")).includes("Kept aside"), {
    what: "the change is kept",
    timeoutMs: 120_000,
  });
  await until(async () => (await onPrimary("status")).includes("kept aside: /etc/config/system"), {
    what: "the primary's status tells it",
    timeoutMs: 120_000,
  });
  expect(await onPrimary("backup-changes adopt")).toContain("Adopted: /etc/config/system");
  expect(await lab.sh("primary", "uci get system.@system[0].notes")).toBe("survivor");
  await until(async () => (await lab.sh("backup", "uci -q get system.@system[0].notes || true")) === "survivor", {
    what: "it is synchronised back",
    timeoutMs: 60_000,
  });
  expect(await onPrimary("diff --backup-changes")).toContain("Nothing was changed");
});

scenario("a primary whose backup is silent takes the site without waiting", async () => {
  await lab.kill("primary");
  await inPlace(lab, "backup", "master", 60_000);
  await lab.kill("backup");
  const started = performance.now();
  await lab.boot("primary");
  await inPlace(lab, "primary", "master", 60_000);
  console.log(`a primary alone is in place ${Math.round(performance.now() - started)} ms after its boot`);
  // Both nodes lost their power: only the clients know the earlier leases.
  const address = await newClient("mv5", "02:aa:00:00:00:05");
  await lab.boot("backup");
  await inPlace(lab, "backup", "backup", 60_000);
  await bothHold({ "02:aa:00:00:00:05": address });
});
