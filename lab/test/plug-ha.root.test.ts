/** ns-plug on a pair: one identity, and only the node that carries the site contacts controller and portal. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Fleet, secrets } from "../src/fleet.ts";
import { type Firewall, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(300_000));

let lab: Lab;
let fleet: Fleet;

beforeAll(async () => {
  lab = await Lab.up({ name: `plugh${process.pid}` });
  fleet = new Fleet(lab);
  await makeCluster(lab, { timing: "fast" });
});
afterAll(() => lab?.down());

/** Whether the client runs there, and which of ns-plug's cron lines are active. */
async function speaks(node: Firewall): Promise<{ client: boolean; cron: string }> {
  const client = await lab.sh(node, "ubus call service list | jq '.[\"ns-plug\"].instances // {} | any(.running)'");
  const cron = await lab.sh(
    node,
    "grep -vE '^#' /etc/crontabs/root | sed -n 's/.*# nethsec:\\(send-.*\\|ns-push.*\\)/\\1/p' | sort | tr '\\n' ' '",
  );
  return { client: client === "true", cron: cron.trim() };
}
const untilSpeaks = (node: Firewall, expected: boolean): Promise<unknown> =>
  until(
    async () => {
      const now = await speaks(node);
      return expected
        ? now.client && now.cron === "ns-push-reports send-backup send-heartbeat send-inventory"
        : !now.client && now.cron === "";
    },
    { what: `${node} ${expected ? "speaks" : "is silent"}`, timeoutMs: 60_000, everyMs: 300 },
  );

test("after a failover the other node registers with the same identity, and no node speaks twice", async () => {
  const join = await fleet.addUnit("site");
  await fleet.controller("approve", "site");
  // A controller with a subscription accepts only units with a subscription.
  await fleet.controller("subscription", "on");
  await lab.sh("primary", `register enterprise ${secrets.enterprise}`);
  await fleet.join("primary", join);
  await fleet.untilConnected("primary");
  await lab.sh("primary", "ns-ha-config sync --wait", { timeoutMs: 60_000 });
  await untilSpeaks("primary", true);
  await untilSpeaks("backup", false);
  const unit = async (): Promise<{ id: string; registered: { at: number; username: string } }> => {
    const { units } = JSON.parse(await fleet.controller("list"));
    expect(units).toHaveLength(1);
    return units[0];
  };
  const before = await unit();
  const heartbeats = (await fleet.portal("heartbeats")).length;

  const started = performance.now();
  await lab.kill("primary");
  await inPlace(lab, "backup", "master", 60_000);
  await fleet.untilConnected("backup", 90_000);
  console.log(`failover: the backup's tunnel is up after ${Math.round(performance.now() - started)} ms`);
  const after = await unit();
  expect(after.id).toBe(join.unit_id);
  expect(after.registered.username).toBe(before.registered.username);
  expect(after.registered.at).toBeGreaterThan(before.registered.at);
  await untilSpeaks("backup", true);
  const { address = "" } = await fleet.status("backup");
  await lab.exec("controller", ["ping", "-c", "2", "-i", "0.2", "-W", "2", address]);
  await lab.exec("backup", ["send-heartbeat"]);
  const told = await fleet.portal("heartbeats");
  expect(told).toHaveLength(heartbeats + 1);
  expect(new Set(told.map(({ lk }) => lk)).size).toBe(1);

  await lab.boot("primary");
  await inPlace(lab, "primary", "master", 90_000);
  await inPlace(lab, "backup", "backup", 90_000);
  await untilSpeaks("backup", false);
  await untilSpeaks("primary", true);
  await fleet.untilConnected("primary", 90_000);
  expect((await unit()).registered.username).toBe(before.registered.username);
});
