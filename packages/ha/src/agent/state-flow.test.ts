/** When the primary fetches the backup's state: before it becomes master and before it sends, always with a time limit. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { conditions } from "@nethsec/host/conditions";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { carriedSince, markCarried } from "../cluster/carried.ts";
import { haPaths, readHaConfig } from "../cluster/config.ts";
import type { VrrpState } from "../cluster/state.ts";
import { hold, standBy } from "../cluster/tracked-priority.ts";
import { pin } from "../ssh/known-hosts.ts";
import { run as syncReceive } from "../sync/sync-receive.ts";
import { conditionsPath } from "./agent-node.ts";
import { StateFlow } from "./state-flow.ts";

const keepalived = (role: "primary" | "backup"): string => `
config globals 'globals'
	option enabled '1'

config ipaddress 'lan_ipaddress'
	option name 'lan_ha'
	option address '192.168.100.240/24'
	option device 'br-lan'
	option ns_link 'network/lan'

config peer 'ha_peer'
	option address '192.168.100.239'

config vrrp_instance '${role}'
	option name 'master'
	option unicast_src_ip '192.168.100.238'
`;
const dhcp = "config dnsmasq\n\toption leasefile '/tmp/dhcp.leases'\n";
const lease = "0 02:bb 192.168.100.124 * *\n";

let primary: FakeHost;
let backup: FakeHost;
let link: boolean;
let state: VrrpState;

beforeEach(() => {
  primary = fakeHost({ files: { "/etc/config/keepalived": keepalived("primary"), "/etc/config/dhcp": dhcp } });
  backup = fakeHost({ files: { "/etc/config/keepalived": keepalived("backup"), "/etc/config/dhcp": dhcp } });
  pin(primary.files, "192.168.100.239", { algorithm: "ssh-ed25519", blob: "AAAA" });
  link = true;
  state = "backup";
  primary.program("ping", () => ({ code: link ? 0 : 1 }));
  primary.program("dbclient", async ({ args, stdin }) => {
    if (!link)
      return { code: 1, stderr: "dbclient: Connection to root@x:65022 exited: Connect failed: No route to host\n" };
    const { call, output } = fakeCall(backup, {
      stdin: await stdin,
      env: { SSH_ORIGINAL_COMMAND: args.at(-1) ?? "" },
    });
    return { code: await syncReceive(call), stdout: output.out, stderr: output.err };
  });
  markCarried(backup);
  backup.files.write("/tmp/dhcp.leases", lease);
});
afterEach(() => {
  primary[Symbol.dispose]();
  backup[Symbol.dispose]();
});

function flowOn(host: FakeHost): StateFlow {
  return new StateFlow({
    host,
    get config() {
      const config = readHaConfig(host.uci);
      if (config === undefined) throw new Error("no cluster");
      return config;
    },
    get state() {
      return state;
    },
    conditions: conditions(host, conditionsPath),
    life: new AbortController().signal,
  });
}
const priority = (): number => Number(primary.files.readText(haPaths.priorityFile));
const setPriority = (value: number): void => primary.files.write(haPaths.priorityFile, `${value}\n`);
const leases = (host = primary): string | undefined => host.files.readText("/tmp/dhcp.leases");
const never = new AbortController().signal;

describe("a primary that comes back", () => {
  test("fetches before its hold is lifted", async () => {
    setPriority(hold);
    await flowOn(primary).tick.run();
    expect(leases()).toBe(lease);
    expect(priority()).toBe(0);
  });

  test("does not wait for ever where the link does not answer, and says what is missing", async () => {
    setPriority(hold);
    link = false;
    const flow = flowOn(primary);
    const from = primary.clock.monotonic();
    while (priority() === hold && primary.clock.monotonic() - from < 120_000) {
      await flow.tick.run();
      await primary.clock.advance(1000);
    }
    expect(priority()).toBe(0);
    expect(primary.clock.monotonic() - from).toBeLessThanOrEqual(25_000);
    expect(primary.files.readText(conditionsPath)).toContain("state_not_fetched");
    // Nothing is sent that could overwrite state which only the backup has.
    state = "master";
    await expect(flow.beforeSend(never)).rejects.toMatchObject({ code: "ssh_connection_failed" });
    primary.services.set("dnsmasq", { enabled: true, running: true });
    primary.files.write("/etc/rc.d/S19dnsmasq", "");
    link = true;
    await flow.beforeSend(never);
    expect(leases()).toBe(lease);
    expect(primary.calls.filter((call) => call.startsWith("dnsmasq"))).toEqual(["dnsmasq stop", "dnsmasq restart"]);
    expect(primary.files.readText(conditionsPath)).not.toContain("state_not_fetched");
    await flow.beforeSend(never);
    expect(primary.calls.filter((call) => call.startsWith("dbclient")).length).toBeGreaterThan(1);
  });

  test("after a switchover it goes on fetching, and the switchover's number stays", async () => {
    setPriority(standBy);
    const flow = flowOn(primary);
    await flow.tick.run();
    expect(priority()).toBe(standBy);
    backup.files.write("/tmp/dhcp.leases", `${lease}0 02:cc 192.168.100.125 * *\n`);
    await flow.tick.run();
    expect(leases()).toBe(lease);
    await primary.clock.advance(10_000);
    await flow.tick.run();
    expect(leases()).toContain("192.168.100.125");
  });

  test("as its last step it takes what was learnt since, once", async () => {
    const flow = flowOn(primary);
    await flow.tick.run();
    backup.files.write("/tmp/dhcp.leases", `${lease}0 02:cc 192.168.100.125 * *\n`);
    state = "master";
    await flow.take(never);
    expect(leases()).toContain("192.168.100.125");
    const asked = primary.calls.length;
    await flow.take(never);
    await flow.beforeSend(never);
    expect(primary.calls.length).toBe(asked);
  });

  test("the last step does not wait for an earlier fetch that hangs", async () => {
    const flow = flowOn(primary);
    let hanging = true;
    const connected = Promise.withResolvers<void>();
    primary.program("dbclient", async ({ args, stdin, signal }) => {
      if (hanging) {
        hanging = false;
        connected.resolve();
        await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
      }
      const env = { SSH_ORIGINAL_COMMAND: args.at(-1) ?? "" };
      const { call, output } = fakeCall(backup, { stdin: await stdin, env });
      return { code: await syncReceive(call), stdout: output.out, stderr: output.err };
    });
    const standby = flow.tick.run();
    await connected.promise;
    state = "master";
    const began = performance.now();
    await flow.take(never);
    await standby;
    expect(leases()).toBe(lease);
    // Before the hanging one's own time limit, which is 8 s on any machine.
    expect(performance.now() - began).toBeLessThan(8000);
  });

  test("a silent backup is not waited for", async () => {
    link = false;
    state = "master";
    const flow = flowOn(primary);
    await flow.take(never);
    expect(primary.calls.filter((call) => call.startsWith("dbclient"))).toEqual([]);
  });
});

test("a primary that loses the site is held, unless a switchover has its own number in the file", () => {
  const flow = flowOn(primary);
  setPriority(0);
  flow.onState({ before: "master", state: "fault" });
  expect(priority()).toBe(hold);
  state = "master";
  flow.onState({ before: "backup", state: "master" });
  expect(priority()).toBe(0);
  setPriority(standBy);
  flow.onState({ before: "master", state: "backup" });
  expect(priority()).toBe(standBy);
});

test("a backup that becomes master is marked, also when its agent was started later", async () => {
  backup.files.remove("/etc/ns-ha/carried.json");
  const flow = flowOn(backup);
  flow.onState({ before: "master", state: "backup" });
  expect(carriedSince(backup.files)).toBeUndefined();
  state = "master";
  await flow.tick.run();
  expect(carriedSince(backup.files)).toBeNumber();
});
