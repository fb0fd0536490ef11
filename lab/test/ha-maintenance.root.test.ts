/**
 * Maintenance of either node, and a paused synchronisation, with real keepalived: the node stays out across restarts of keepalived and a power cut,
 * says so everywhere, and takes part again on request or at its time.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { type Firewall, hasAddress, inPlace, makeCluster, vip } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { consoles } from "./consoles.ts";

setDefaultTimeout(paced(150_000));

let lab: Lab;
const { typed, good } = consoles(() => lab);
beforeAll(async () => {
  lab = await Lab.up({ name: `ham${process.pid}` });
  await makeCluster(lab, { timing: "fast" });
});
afterAll(() => lab?.down());

const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};
interface Status {
  readonly maintenance?: { readonly since: number; readonly until: number | null };
  readonly sync_paused?: { readonly waiting: readonly string[] | null };
  readonly other_node?: { readonly maintenance?: object };
  readonly conditions: readonly { readonly code: string; readonly text: string }[];
}
const status = async (node: Firewall): Promise<Status> =>
  JSON.parse(await good(node, "ns-ha-config status --json")) as Status;
const codes = async (node: Firewall): Promise<string[]> => (await status(node)).conditions.map(({ code }) => code);
const settled = async (): Promise<void> => {
  await inPlace(lab, "primary", "master", 60_000);
  await inPlace(lab, "backup", "backup", 60_000);
};

scenario(
  "the primary in maintenance stays out across a restart of keepalived and a power cut, and takes back on request",
  async () => {
    const answer = JSON.parse(await good("primary", "ns-ha-config maintenance on --json")) as {
      outage_ms: number;
      maintenance: { until: number | null };
    };
    expect(answer.maintenance.until).toBeNull();
    expect(answer.outage_ms).toBeLessThan(paced(1000));
    await inPlace(lab, "backup", "master");
    await inPlace(lab, "primary", "fault");
    expect(await codes("primary")).toContain("maintenance");
    expect(await codes("primary")).not.toContain("handed_over");
    await until(async () => (await codes("backup")).includes("peer_in_maintenance"), {
      what: "the backup knows of the maintenance",
      timeoutMs: 20_000,
    });
    expect((await status("backup")).other_node?.maintenance).toBeDefined();
    const drill = await typed("primary", "ns-ha-config drill");
    expect([drill.code, drill.out]).toEqual([
      1,
      expect.stringContaining("This node is in maintenance since") as string,
    ]);
    expect(await good("primary", "ns-ha-config history")).toMatch(/agent +maintenance since/);
    expect(await good("primary", "ns-ha metrics")).toContain("nethsec_ha_maintenance 1");
    expect(await lab.sh("primary", "grep -c maintenance /etc/config/keepalived || :")).toBe("0");
    const refused = await typed("primary", "ns-ha-config switch --to primary");
    expect(refused.err).toContain("this node is in maintenance");

    await good("primary", "/etc/init.d/keepalived restart");
    await inPlace(lab, "primary", "fault");
    lab.signal("primary", "keepalived", "SIGKILL");
    await inPlace(lab, "primary", "fault");
    expect(await hasAddress(lab, "backup", vip)).toBe(true);
    await lab.kill("primary");
    await until(
      async () =>
        (await status("backup")).conditions.some(({ text }) => text.includes("is not heard; it is in maintenance")),
      {
        what: "the backup expects the silence",
        timeoutMs: 60_000,
        everyMs: 500,
      },
    );
    await lab.boot("primary");
    await inPlace(lab, "primary", "fault", 60_000);
    expect(await hasAddress(lab, "primary", vip)).toBe(false);
    expect(await codes("primary")).toContain("maintenance");

    await good("primary", "ns-ha-config maintenance off");
    await settled();
    expect(await codes("primary")).not.toContain("maintenance");
    await until(async () => !(await codes("backup")).includes("peer_in_maintenance"), {
      what: "the backup knows that it is over",
      timeoutMs: 20_000,
    });
  },
);

scenario(
  "the backup ends its maintenance at the time; meanwhile the primary is refused, and still synchronises it",
  async () => {
    await good("backup", "ns-ha-config maintenance on --for 25s");
    await inPlace(lab, "backup", "fault");
    const refused = await typed("primary", "ns-ha-config maintenance on");
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringContaining("the backup node is in maintenance since") as string,
    ]);
    expect(await hasAddress(lab, "primary", vip)).toBe(true);
    await good("primary", "uci set system.@system[0].notes=meanwhile; uci commit system; ns-ha-config sync --wait");
    expect(await lab.sh("backup", "uci get system.@system[0].notes")).toBe("meanwhile");
    await inPlace(lab, "backup", "backup", 60_000);
    expect((await status("backup")).maintenance).toBeUndefined();
    expect(await good("backup", "ns-ha-config history")).toContain("maintenance is over: its time is over");
  },
);

scenario(
  "a backup that carries the site gives it to the primary that stands by, and then it is the primary's",
  async () => {
    await good("primary", "ns-ha-config switch --to backup");
    await inPlace(lab, "backup", "master");
    await inPlace(lab, "primary", "backup");
    await good("backup", "ns-ha-config maintenance on");
    await inPlace(lab, "primary", "master");
    await inPlace(lab, "backup", "fault");
    await good("backup", "ns-ha-config maintenance off");
    await settled();
  },
);

scenario("without anybody to carry the site it is refused, and done with --force only", async () => {
  await lab.kill("backup");
  const refused = await typed("primary", "ns-ha-config maintenance on");
  expect([refused.code, await hasAddress(lab, "primary", vip)]).toEqual([1, true]);
  await good("primary", "ns-ha-config maintenance on --force --for 1h");
  expect(await hasAddress(lab, "primary", vip)).toBe(false);
  await good("primary", "ns-ha-config maintenance off");
  await inPlace(lab, "primary", "master", 60_000);
  await lab.boot("backup");
  await settled();
});

scenario(
  "a paused synchronisation names what waits, over a restart of the agent, and sends it with resume",
  async () => {
    await good("primary", "ns-ha-config sync --wait; ns-ha-config pause");
    await good("primary", "uci set system.@system[0].notes=waits; uci commit system");
    await until(async () => (await status("primary")).sync_paused?.waiting?.includes("/etc/config/system") === true, {
      what: "status names the file that waits",
      timeoutMs: 30_000,
    });
    expect((await typed("primary", "ns-ha-config sync --wait")).err).toContain("paused");
    await lab.sh("primary", "/etc/init.d/ns-ha restart");
    await inPlace(lab, "primary", "master");
    await until(async () => (await codes("primary")).includes("sync_paused"), {
      what: "still paused",
      timeoutMs: 20_000,
    });
    expect(await lab.sh("backup", "uci get system.@system[0].notes")).toBe("meanwhile");
    expect((await typed("primary", "ns-ha-config drill")).out).toContain("The synchronisation is paused since");
    expect(await good("primary", "ns-ha-config resume")).toContain("/etc/config/system");
    expect(await lab.sh("backup", "uci get system.@system[0].notes")).toBe("waits");
    expect(await codes("primary")).not.toContain("sync_paused");
  },
);
