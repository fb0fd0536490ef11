/** Finding keepalived's process by pid files, /proc and procd, and reading its signs of life. */
import { expect, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { dumpPathOf, isAlive, KeepalivedProcess, pidFiles, pulseOf } from "./keepalived-process.ts";

function process(host: FakeHost, pid: number, comm: string, parent = 1): void {
  host.files.write(`/proc/${pid}/comm`, `${comm}\n`);
  host.files.write(`/proc/${pid}/status`, `Name:\t${comm}\nState:\tS (sleeping)\nPPid:\t${parent}\n`);
}
/** As `ubus call service list` answers; undefined: there is no procd. */
function procd(host: FakeHost, running: boolean | undefined): void {
  const answer = { keepalived: { instances: { instance1: { running } } } };
  if (running !== undefined) host.program("ubus", () => JSON.stringify(answer));
}

test.each(pidFiles)("the pid file %s", async (path) => {
  using host = fakeHost();
  process(host, 77, "keepalived_vrrp");
  host.files.write(path, "77\n");
  expect(new KeepalivedProcess(host).seen()).toBe(77);
});

test("the pid file of a process that is another program now counts for nothing", async () => {
  using host = fakeHost();
  process(host, 77, "dnsmasq");
  host.files.write("/var/run/vrrp.pid", "77\n");
  procd(host, false);
  expect(await new KeepalivedProcess(host).find()).toBe("gone");
});

test("without a pid file the process is found in /proc, by its name or by its parent", async () => {
  using named = fakeHost();
  process(named, 70, "keepalived");
  process(named, 71, "keepalived", 70); // the child for LVS
  process(named, 72, "keepalived_vrrp", 70);
  expect(await new KeepalivedProcess(named).find()).toBe(72);
  using unnamed = fakeHost();
  process(unnamed, 70, "keepalived");
  process(unnamed, 72, "keepalived", 70);
  expect(await new KeepalivedProcess(unnamed).find()).toBe(72);
});

test("a process in the network of a container is not this node's", async () => {
  using host = fakeHost();
  process(host, 72, "keepalived_vrrp");
  for (const pid of ["72", "self"]) host.files.mkdir(`/proc/${pid}/ns`);
  host.files.symlink("net:[2]", "/proc/72/ns/net");
  host.files.symlink("net:[1]", "/proc/self/ns/net");
  procd(host, false);
  expect(await new KeepalivedProcess(host).find()).toBe("gone");
});

test("when the signs disagree it is not said to be gone", async () => {
  using host = fakeHost();
  process(host, 70, "keepalived"); // a parent alone
  procd(host, true);
  expect(await new KeepalivedProcess(host).find()).toBe("unsure");
});

test.each([
  [undefined, "gone"],
  [false, "gone"],
] as const)("nothing in /proc, procd says %s: gone", async (running, found) => {
  using host = fakeHost();
  procd(host, running);
  expect(await new KeepalivedProcess(host).find()).toBe(found);
});

test("a process that waited since is alive; one that hangs or was stopped is not", () => {
  using host = fakeHost();
  const status = (state: string, waits: number): ReturnType<typeof pulseOf> => {
    host.files.write("/proc/9/status", `State:\t${state}\nvoluntary_ctxt_switches:\t${waits}\n`);
    return pulseOf(host, 9);
  };
  const before = status("S (sleeping)", 10);
  expect(isAlive(before, status("S (sleeping)", 11))).toBe(true);
  expect(isAlive(before, status("R (running)", 10))).toBe(false);
  expect(isAlive(before, status("T (stopped)", 11))).toBe(false);
  expect(isAlive(undefined, status("S (sleeping)", 11))).toBe(false);
});

test.each([
  ["PATH=/bin\0TMPDIR=/var/run/ns-ha/\0", "/var/run/ns-ha/keepalived.json"],
  ["PATH=/bin\0TMPDIR=relative\0", "/tmp/keepalived.json"],
  ["", "/tmp/keepalived.json"],
])("with the environment %j it writes %s", (environment, path) => {
  using host = fakeHost();
  host.files.write("/proc/9/environ", environment);
  expect(dumpPathOf(host, 9)).toBe(path);
});
