import { expect, test } from "bun:test";
import { localRun } from "../process/local-run.ts";
import { beginReplacement } from "./replacement.ts";
import { fakeHost } from "../testing/fake-host.ts";
import { until } from "../../test/host-contract.ts";

const old = "a".repeat(200_000);
const replaced = "b".repeat(300_000);

test("a writer killed at any moment leaves the old file or the new one, of the right mode", async () => {
  using host = fakeHost();
  const { files } = host;
  files.write("/etc/config", old, { mode: 0o600 });
  const script = `
    const { localFiles } = await import(${JSON.stringify(`${import.meta.dir}/local-files.ts`)});
    const files = localFiles(${JSON.stringify(files.root)});
    for (;;) for (const text of ["b".repeat(300000), "a".repeat(200000)]) { files.write("/etc/config", text); files.write("/started", ""); }`;
  for (let round = 0; round < 20; round += 1) {
    files.remove("/started");
    const writer = localRun().spawn([process.execPath, "-e", script]);
    await until(() => files.exists("/started"));
    // Kill at different points of the writer's loop; which ones is not controlled.
    await Bun.sleep(round % 5);
    await writer.kill("SIGKILL");
    const text = files.readText("/etc/config") ?? "";
    expect(text === old || text === replaced).toBe(true);
    expect(files.stat("/etc/config")?.mode).toBe(0o600);
  }
});

test("what a killed writer left goes with the next file written there; what a living one is writing stays", async () => {
  using host = fakeHost();
  const { files } = host;
  files.mkdir("/etc/config");
  const script = `
    const { beginReplacement } = await import(${JSON.stringify(`${import.meta.dir}/replacement.ts`)});
    beginReplacement(${JSON.stringify(files.real("/etc/config/network"))}, "network").write(Buffer.from("half"));
    process.kill(process.pid, "SIGKILL");`;
  await localRun()([process.execPath, "-e", script], { timeoutMs: 20_000, ok: "any" });
  expect(files.list("/etc/config").map((name) => name.slice(0, -8))).toEqual([".network.new-"]);
  files.write("/etc/config/.a-stranger's", "");
  const living = beginReplacement(files.real("/etc/config/network"), "network");
  living.write(Buffer.from("whole"));
  files.write("/etc/config/dhcp", "x");
  expect(files.list("/etc/config").length).toBe(3);
  living.commit();
  expect(files.list("/etc/config")).toEqual([".a-stranger's", "dhcp", "network"]);
  expect(files.readText("/etc/config/network")).toBe("whole");
});

test("a reader never sees a part, and never a moment without the file", async () => {
  using host = fakeHost();
  const { files } = host;
  files.write("/etc/config", old);
  const script = `
    const { localFiles } = await import(${JSON.stringify(`${import.meta.dir}/local-files.ts`)});
    const files = localFiles(${JSON.stringify(files.root)});
    for (let i = 0; i < 100; i++) files.write("/etc/config", i % 2 ? "a".repeat(200000) : "b".repeat(300000));`;
  const writer = { ended: false };
  const writing = localRun()([process.execPath, "-e", script], { timeoutMs: 20_000 }).finally(
    () => (writer.ended = true),
  );
  let reads = 0;
  while (!writer.ended) {
    const text = files.readText("/etc/config");
    expect(text === old || text === replaced).toBe(true);
    reads += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writing;
  expect(reads).toBeGreaterThan(10);
});
