/** rpcd kills a plugin after 30 s, and the OOM killer may kill any process: an interrupted change is completed or rolled back automatically. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { vip } from "../src/topology.ts";

setDefaultTimeout(paced(120_000));

const plugin = "/usr/libexec/rpcd/ns.ha";
let lab: Lab;

beforeAll(async () => {
  lab = await Lab.up({ name: `haj${process.pid}` });
  const dhcp = ["3", "6"].map((option) => `uci add_list dhcp.lan.dhcp_option='${option},${vip}'`).join("; ");
  await lab.sh("primary", `uci -q delete dhcp.lan.dhcp_option; ${dhcp}; uci commit dhcp; reload_config`);
});
afterAll(() => lab?.down());

const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};
scenario("an initialisation whose call is killed is completed by itself", async () => {
  const args = {
    role: "primary",
    primary_node_ip: "192.168.100.238",
    backup_node_ip: "192.168.100.239",
    virtual_ip: `${vip}/24`,
    lan_interface: "lan",
  };
  await lab.sh("primary", `cat > /tmp/args`, { stdin: JSON.stringify(args) });
  await lab.sh(
    "primary",
    `${plugin} call init-local </tmp/args >/tmp/answer 2>&1 & pid=$!
     for i in $(seq 2000); do [ -e /etc/ns-ha/undo.json ] && break; sleep 0.02; done; kill -9 $pid`,
    { timeoutMs: 60_000 },
  );
  await inPlace(lab, "primary", "master", 60_000);
  await until(async () => !(await lab.sh("primary", "ls /etc/ns-ha")).includes("undo.json"), {
    what: "the job has ended",
  });
  // Repeating the call returns the result.
  expect(await lab.sh("primary", `${plugin} call init-local </tmp/args`, { timeoutMs: 60_000 })).toContain(
    '"success":true',
  );
});

scenario("a change whose job is killed half-way is undone, and the call says so", async () => {
  await makeCluster(lab, { timing: "fast" });
  const before = await lab.sh("primary", "uci show keepalived; cat /var/run/ns-ha/keepalived.conf");
  const args = JSON.stringify({ role: "primary", interface: "lan", virtual_ip: "192.168.100.66/24" });
  await lab.sh("primary", "cat > /tmp/args", { stdin: args });
  const answer = await lab.sh(
    "primary",
    `${plugin} call add-vip </tmp/args >/tmp/answer 2>&1 & pid=$!
     for i in $(seq 2000); do [ -e /etc/ns-ha/undo.json ] && break; sleep 0.02; done
     kill -9 $(pgrep -f "[j]ob add-vip"); wait $pid; cat /tmp/answer`,
    { timeoutMs: 60_000 },
  );
  expect(answer).toContain("job_ended");
  await until(
    async () => (await lab.sh("primary", "uci show keepalived; cat /var/run/ns-ha/keepalived.conf")) === before,
    { what: "the configuration is as before" },
  );
  await inPlace(lab, "primary", "master", 60_000);
});

scenario("a change whose job and call are both killed is undone by the agent", async () => {
  const before = await lab.sh("primary", "uci show keepalived");
  await lab.sh(
    "primary",
    `${plugin} call add-vip </tmp/args >/tmp/answer 2>&1 & pid=$!
     for i in $(seq 2000); do [ -e /etc/ns-ha/undo.json ] && break; sleep 0.02; done
     kill -9 $pid $(pgrep -f "[j]ob add-vip")`,
    { timeoutMs: 60_000 },
  );
  await until(
    async () =>
      !(await lab.sh("primary", "ls /etc/ns-ha")).includes("undo.json") &&
      (await lab.sh("primary", "uci show keepalived")) === before,
    { what: "the agent has undone it", timeoutMs: 30_000 },
  );
  await inPlace(lab, "primary", "master", 60_000);
});
