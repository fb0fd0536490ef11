/** A lock, held by the process that makes the change and released when it ends, shows whether a change is under way. */
import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { until } from "@nethsec/host/testing/until";
import { changePair } from "../change/pair.ts";
import { changeLockPath, isUnderWay, journalPath, readJournal } from "./journal.ts";

const change = {
  action: "enable",
  first: () => Promise.resolve(),
  second: () => Promise.resolve(),
  undoFirst: () => Promise.resolve(),
};

test("a journal whose process number is another program's now does not block", async () => {
  // Format of an earlier version, which recorded a process ID; dnsmasq has that ID now.
  const journal = { action: "enable", startedAt: 1, pid: 1234, firstDone: false };
  using host = fakeHost({
    files: {
      [journalPath]: JSON.stringify(journal),
      "/proc/1234/cmdline": "/usr/sbin/dnsmasq\0-C\0/etc/dnsmasq.conf\0",
    },
  });
  expect(readJournal(host)?.action).toBe("enable");
  expect(isUnderWay(host)).toBe(false);
  await changePair(host, change);
  expect(host.files.exists(journalPath)).toBe(false);
});

test("a change of another process is under way until that process ends, by a kill too", async () => {
  using host = fakeHost();
  host.files.mkdir("/var/run/ns-ha");
  const lock = host.files.real(changeLockPath);
  const holder = Bun.spawn(["flock", "--exclusive", lock, "sleep", "1000"]);
  await until(() => isUnderWay(host), { what: "the other process holds the lock" });
  await expect(changePair(host, change)).rejects.toMatchObject({ code: "change_under_way" });
  const [child = ""] = (await Bun.$`pgrep -P ${holder.pid}`.text()).split("\n");
  holder.kill("SIGKILL");
  if (child !== "") process.kill(Number(child), "SIGKILL");
  await holder.exited;
  await until(() => !isUnderWay(host), { what: "the lock is free" });
  await changePair(host, change);
});
