import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { removeJobs, setJob, type Job } from "./schedule.ts";
import { heartbeatSeconds } from "../testing/heartbeat-seconds.ts";

const jobs: readonly Job[] = ["send-heartbeat", "send-inventory", "send-backup", "ns-push-reports"];

test("lines are installed once, keep their times, run in the right rhythm, and leave with nothing else", async () => {
  for (const seed of ["a", "b", "c", "d", "e", "f"]) {
    using host = fakeHost({ seed, files: { "/etc/crontabs/root": "5 4 * * * /root/mine.sh" } });
    for (const job of jobs) await setJob(host, job);
    const text = host.cron.text();
    expect(text).toMatch(/^5 4 \* \* \* \/root\/mine\.sh\n/);
    expect(text).toMatch(/^\d-59\/10 \* \* \* \* \/usr\/sbin\/send-heartbeat --spread 60 /m);
    for (const job of ["send-inventory", "send-backup"])
      expect(text).toMatch(new RegExp(`^[1-5]?\\d [0-5] \\* \\* \\* /usr/sbin/${job} --spread \\d{4} `, "m"));
    expect(text).toMatch(/^\*\/15 \* \* \* \* \/usr\/sbin\/ns-push-reports --spread 600 /m);
    for (const job of jobs) await setJob(host, job);
    expect(host.cron.text()).toBe(text);
    await removeJobs(host, jobs);
    expect(host.cron.text().trim()).toBe("5 4 * * * /root/mine.sh");
  }
});

test("crond is told when, and only when, something changed", async () => {
  using host = fakeHost();
  host.services.set("cron");
  await setJob(host, "send-heartbeat");
  await setJob(host, "send-heartbeat");
  await removeJobs(host, ["send-backup"]);
  expect(host.calls.filter((call) => call === "cron restart")).toHaveLength(1);
  await removeJobs(host, jobs);
  expect(host.calls.filter((call) => call === "cron restart")).toHaveLength(2);
});

test("the heartbeats of 10,000 units are spread over all ten minutes", async () => {
  const seconds = await heartbeatSeconds(10_000);
  const minutes = Array.from({ length: 10 }, (_, minute) =>
    seconds.slice(minute * 60, minute * 60 + 60).reduce((sum, count) => sum + count, 0),
  );
  for (const count of minutes) expect(Math.abs(count - 1000)).toBeLessThan(200);
  expect(Math.max(...seconds)).toBeLessThan(50);
});
