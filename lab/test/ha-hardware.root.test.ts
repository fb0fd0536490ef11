/** Replaces nodes by new hardware, by the procedures of docs/high-availability.md: first the primary (from its backup), then the backup. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { hasAddress, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { vip } from "../src/topology.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(120_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `haw${process.pid}` });
  await makeCluster(lab, { timing: "fast" });
  await lab.sh("primary", "ns-ha-config add-vip lan 192.168.100.66/24");
});
afterAll(() => lab?.down());

const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};
/** Waits until a failover would lose nothing. */
async function whole(): Promise<void> {
  await inPlace(lab, "primary", "master", 60_000);
  await inPlace(lab, "backup", "backup", 60_000);
  await lab.sh("primary", "ns-ha-config sync --wait", { timeoutMs: 60_000 });
  let verdicts = "";
  await until(
    async () => {
      verdicts = (await lab.exec("primary", ["ns-ha-config", "drill"], { ok: "any" })).stdout;
      return verdicts.includes("A failover now would lose nothing.");
    },
    { what: "the drill is content", timeoutMs: 20_000, everyMs: 500 },
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${verdicts}`);
  });
  expect(await hasAddress(lab, "primary", vip)).toBe(true);
  expect(await hasAddress(lab, "primary", "192.168.100.66")).toBe(true);
}

scenario(
  "the primary on new hardware, from a backup restored with its LAN cable out, takes its place again",
  async () => {
    await whole();
    const archive = await lab.sh("primary", "sysupgrade -b - | base64 -w 0");
    await lab.replaceHardware("primary");
    await inPlace(lab, "backup", "master");
    await lab.cut("primary", "lan");
    await lab.boot("primary");
    await lab.sh("primary", "base64 -d | sysupgrade -r -", { stdin: archive });
    expect(await lab.sh("primary", "uci get network.lan.ipaddr")).toBe("192.168.100.238/24");
    await lab.kill("primary");
    await lab.boot("primary");
    await inPlace(lab, "primary", "fault");
    await lab.heal("primary", "lan");
    await whole();
  },
);

scenario("the backup on new hardware gets everything that the cluster has", async () => {
  await lab.replaceHardware("backup");
  await lab.boot("backup");
  // As documented.
  const known = await lab.exec("primary", ["ns-ha-config", "check-backup-node", "192.168.100.239", "lan"], {
    ok: "any",
    stdin: "Nethesis,1234\n",
  });
  expect(known.code).toBe(1);
  expect(known.stderr).toContain("is not the one that was pinned");
  expect(known.stderr).toContain("sed -i '/^192.168.100.239 /d' /etc/keepalived/keys/.ssh/known_hosts");
  await lab.sh("primary", "sed -i '/^192.168.100.239 /d' /etc/keepalived/keys/.ssh/known_hosts");
  for (const action of ["check-backup-node 192.168.100.239 lan", "init-backup-node lan"])
    await lab.exec("primary", ["ns-ha-config", ...action.split(" ")], { stdin: "Nethesis,1234\n", timeoutMs: 60_000 });
  await whole();
  expect(await lab.sh("backup", "uci get keepalived.globals.ns_timing")).toBe("fast");
  await lab.sh("primary", "ns-ha-config switch --to backup", { timeoutMs: 90_000 });
  await inPlace(lab, "backup", "master");
  for (const address of [vip, "192.168.100.66", "203.0.113.10"])
    expect([address, await hasAddress(lab, "backup", address)]).toEqual([address, true]);
});
