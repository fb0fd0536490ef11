/**
 * Administration without interruption: while clients are working, two firewalls in service become a cluster, which is then disabled, enabled
 * and given another timing.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paceAgain, paced } from "@nethsec/host/testing/pace";
import { inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";

setDefaultTimeout(paced(60_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `haq${process.pid}` });
});
afterAll(() => lab?.down());

const address = "192.168.100.238";

/**
 * Asserts that clients notice nothing during `work`: connections through NAT, DNS, pages. The client uses the primary's own address, as the
 * virtual one disappears when the cluster is disabled.
 */
async function unnoticed(work: () => Promise<unknown>): Promise<void> {
  await lab.sh("client1", `ip route replace default via ${address}; echo nameserver ${address} >/etc/resolv.conf`);
  await using probe = await lab.probe({ from: "client1", to: address }, ["ping", "tcp", "http"]);
  await work();
  const report = await probe.stop();
  console.log(report.services.map(({ service, longestMs }) => `${service} ${Math.round(longestMs)} ms`).join(", "));
  expect(report.streamsBroken).toBe(0);
  // DNS is away while dnsmasq starts anew, which takes as long as starting a program takes here.
  const noticed = report.services.filter(({ longestMs }) => longestMs >= 1000);
  const limit = noticed.length > 0 ? 1000 * paceAgain() : 1000;
  expect(noticed.filter(({ longestMs }) => longestMs >= limit)).toEqual([]);
}

describe("clients of a firewall in service", () => {
  test(
    "do not notice that it becomes the primary of a cluster",
    () => story(lab, "initialisation", () => unnoticed(() => makeCluster(lab))),
    paced(120_000),
  );

  test(
    "do not notice that the cluster is disabled and enabled, nor that its timing changes",
    () =>
      story(lab, "disable, enable, set-timing", () =>
        unnoticed(async () => {
          for (const action of ["disable", "enable", "set-timing fast", "set-timing classic"]) {
            await lab.sh("primary", `ns-ha-config ${action}`, { timeoutMs: 60_000 });
            if (action === "disable") continue;
            await inPlace(lab, "primary", "master");
            await inPlace(lab, "backup", "backup");
          }
        }),
      ),
    paced(120_000),
  );
});
