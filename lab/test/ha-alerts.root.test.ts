/**
 * The cluster's alerts at the portal: each state is sent once by the responsible node, also when the portal is unreachable, the WAN is still
 * coming up, or an agent is killed meanwhile; none for a requested switchover, and none without a subscription.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Fleet, secrets } from "../src/fleet.ts";
import { type Firewall, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(120_000));

let lab: Lab;
let fleet: Fleet;
beforeAll(async () => {
  lab = await Lab.up({ name: `haa${process.pid}` });
  fleet = new Fleet(lab);
  await makeCluster(lab, { timing: "fast" });
});
afterAll(() => lab?.down());

const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};
const told = async (id: string): Promise<string> =>
  (await fleet.portal("alerts"))
    .filter(({ alert_id }) => alert_id === id)
    .map(({ status }) => status)
    .join(" ");
const untilTold = (id: string, statuses: string): Promise<unknown> =>
  until(async () => (await told(id)) === statuses, { what: `${id}: ${statuses}`, timeoutMs: 45_000, everyMs: 200 });

/** Waits until the node has sent all pending alerts: its queue is empty, and a marker alert sent afterwards has arrived. */
async function nothingMore(node: Firewall, marker: string): Promise<void> {
  const pending = "grep -c '\"delivered\":false' /etc/ns-ha/alerts.json || :";
  await until(async () => (await lab.sh(node, pending)) === "0", {
    what: `no alert of ${node} waits`,
    timeoutMs: 45_000,
  });
  await until(async () => (await lab.exec(node, ["send-alert", marker, "FAILURE"], { ok: "any" })).code === 0, {
    what: `${node} reaches the portal`,
    timeoutMs: 30_000,
    everyMs: 500,
  });
  await untilTold(marker, "FAILURE");
}
const link = (action: "stop" | "start"): Promise<string> => lab.sh("backup", `/etc/init.d/dropbear ${action}`);
/** The outcome of a synchronisation that had something to send. */
const sync = (mark: string): Promise<number | null> =>
  lab
    .exec(
      "primary",
      ["sh", "-c", `uci set system.@system[0].notes=${mark}; uci commit system; ns-ha-config sync --wait`],
      {
        ok: "any",
        timeoutMs: 60_000,
      },
    )
    .then(({ code }) => code);
async function settled(): Promise<void> {
  await inPlace(lab, "primary", "master", 60_000);
  await inPlace(lab, "backup", "backup", 60_000);
}

scenario("without a subscription nothing is told, also not afterwards of what is over by then", async () => {
  await link("stop");
  expect(await sync("unsubscribed")).toBe(1);
  expect(await lab.sh("primary", "cat /etc/ns-ha/alerts.json")).toContain('"ha:sync:failed":{"status":"FAILURE"');
  await link("start");
  expect(await sync("again")).toBe(0);
  await lab.sh("primary", `register enterprise ${secrets.enterprise}`);
  expect(await sync("subscribed")).toBe(0);
  await nothingMore("primary", "subscribed");
  expect((await fleet.portal("alerts")).map(({ alert_id }) => alert_id)).toEqual(["subscribed"]);
});

scenario(
  "a synchronisation that fails is told once, and its end, over a portal that is away and an agent that is killed",
  async () => {
    await fleet.portalFault("500");
    await link("stop");
    for (const turn of ["one", "two"]) expect([turn, await sync(turn)]).toEqual([turn, 1]);
    lab.signal("primary", "ns-ha", "SIGKILL");
    await inPlace(lab, "primary", "master");
    expect(await sync("three")).toBe(1);
    await fleet.portalFault("none");
    await untilTold("ha:sync:failed", "FAILURE");
    expect(await sync("four")).toBe(1);
    await link("start");
    expect(await sync("five")).toBe(0);
    await untilTold("ha:sync:failed", "FAILURE OK");
    expect(await sync("six")).toBe(0);
    await nothingMore("primary", "healed");
    expect(await told("ha:sync:failed")).toBe("FAILURE OK");
  },
);

scenario(
  "a primary that fails is told by the backup, once, when its WAN is up; its return by the primary",
  async () => {
    await lab.kill("primary");
    await inPlace(lab, "backup", "master");
    lab.signal("backup", "ns-ha", "SIGKILL");
    await untilTold("ha:primary:failed", "FAILURE");
    await inPlace(lab, "backup", "master");
    await nothingMore("backup", "taken-over");
    await lab.boot("primary");
    await settled();
    await untilTold("ha:primary:failed", "FAILURE OK");
    await nothingMore("primary", "taken-back");
    expect(await told("ha:primary:failed")).toBe("FAILURE OK");
    expect(await told("ha:sync:failed")).toBe("FAILURE OK");
  },
);

scenario("a switchover that was asked for is no failure, nor is the reboot that follows it", async () => {
  await lab.sh("primary", "ns-ha-config switch --to backup", { timeoutMs: 90_000 });
  await inPlace(lab, "backup", "master");
  // The primary is on standby: it would take over if the backup failed.
  await inPlace(lab, "primary", "backup");
  expect(await lab.sh("primary", "ns-ha-config status")).toContain("To take it back: ns-ha-config switch --to primary");
  await nothingMore("backup", "switched");
  await lab.kill("primary");
  await lab.boot("primary");
  await settled();
  await nothingMore("primary", "switched-back");
  expect(await told("ha:primary:failed")).toBe("FAILURE OK");
  expect(await lab.sh("primary", "ns-ha-config status")).not.toContain("To take it back");
});

scenario("while the primary stands by it takes over from a backup that fails", async () => {
  await lab.sh("primary", "ns-ha-config switch --to backup", { timeoutMs: 90_000 });
  await inPlace(lab, "backup", "master");
  await inPlace(lab, "primary", "backup");
  await lab.kill("backup");
  await inPlace(lab, "primary", "master");
  await lab.boot("backup");
  await inPlace(lab, "backup", "master", 60_000);
  await lab.sh("primary", "ns-ha-config switch --to primary", { timeoutMs: 90_000 });
  await settled();
});
