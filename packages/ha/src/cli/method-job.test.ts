/** Long methods of the plugin run in a separate process, which finishes even if the call ends first. */
import { join } from "node:path";
import { expect, test } from "bun:test";
import type { FakeHost } from "@nethsec/host/testing/fake-host";
import { until } from "@nethsec/host/testing/until";
import { undoPath } from "../change/undo-record.ts";
import { callOn, initBoth, twoNodes } from "../testing/two-nodes.ts";
import { run } from "./rpcd.ts";

async function called(host: FakeHost, rest: string[], stdin = "{}", wait?: number): Promise<Record<string, unknown>> {
  const env = wait === undefined ? {} : { NS_HA_WAIT: String(wait) };
  const { call, output } = callOn(host, { rest, stdin, env });
  await run(call);
  return JSON.parse(output.out) as Record<string, unknown>;
}

/** Lets the plugin start its own executable as a job; each job first waits for `before`. Returns the number of jobs started. */
function installPlugin(host: FakeHost, before: () => Promise<unknown> = () => Promise.resolve()): { started: number } {
  const seen = { started: 0 };
  host.program("ns.ha", async ({ args, stdin }) => {
    seen.started += 1;
    const text = await stdin;
    await before();
    const { call, output } = callOn(host, { rest: [...args], stdin: text });
    return { code: await run(call), stdout: output.out };
  });
  return seen;
}

/** Simulates another process that is killed half-way through a change of the configuration. */
async function killedHalfWay(host: FakeHost): Promise<void> {
  const rollback = join(import.meta.dir, "../change/rollback.ts");
  const work = `
    const { localFiles } = await import("@nethsec/host/files/local-files");
    const { withRollback, configurationFiles } = await import(${JSON.stringify(rollback)});
    const files = localFiles(${JSON.stringify(host.files.root)});
    await withRollback(files, configurationFiles, async () => {
      files.write("/etc/config/keepalived", "half");
      console.log("half-way");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    }, async () => undefined);`;
  const child = Bun.spawn([process.execPath, "-e", work], { cwd: import.meta.dir, stdout: "pipe" });
  for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("half-way")) break;
  child.kill("SIGKILL");
  await child.exited;
}

const vip = '{"role":"primary","interface":"lan","virtual_ip":"192.168.100.66/24"}';

test("a quick one answers as ever, refusals included", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  installPlugin(nodes.primary);
  expect(await called(nodes.primary, ["call", "add-vip"], vip)).toEqual({ success: true });
  expect(nodes.primary.uci.read("keepalived").section("lan_192_168_100_66_24_ipaddress")).toBeDefined();
  expect(await called(nodes.primary, ["call", "add-vip"], vip.replace("lan", "dmz"))).toMatchObject({
    validation: { errors: [{ parameter: "interface" }] },
  });
  expect(await called(nodes.primary, ["call", "add-vip"], '{"role":"primary"}')).toHaveProperty("validation");
});

test("one that is slow goes on; the same call again, and the method job, get its result", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const { primary } = nodes;
  const gate = Promise.withResolvers<undefined>();
  const seen = installPlugin(primary, () => gate.promise);
  const first = called(primary, ["call", "add-vip"], vip);
  await until(() => seen.started === 1 && primary.clock.sleepers > 0, { what: "the call waits for its job" });
  await primary.clock.advance(25_000);
  const told = await first;
  expect([told["error"], typeof told["job"]]).toEqual(["still_running", "string"]);
  const id = JSON.stringify({ id: told["job"] });
  gate.resolve(undefined);
  await until(async () => (await called(primary, ["call", "job"], id))["state"] === "done", {
    what: "the job is done",
  });
  expect(await called(primary, ["call", "job"], id)).toEqual({ state: "done", answer: { success: true } });
  expect(await called(primary, ["call", "add-vip"], vip)).toEqual({ success: true });
  expect(seen.started).toBe(1);
  // A result is returned once; the same call after that starts a new job.
  await called(primary, ["call", "add-vip"], vip);
  expect(seen.started).toBe(2);
});

test("a job that is killed half-way is undone, and the call says so", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const { primary } = nodes;
  const before = primary.files.readText("/etc/config/keepalived");
  primary.program("ns.ha", async () => {
    await killedHalfWay(primary);
    return { code: null };
  });
  expect(await called(primary, ["call", "add-vip"], vip)).toMatchObject({
    error: "job_ended",
    message: expect.stringContaining("The node is as it was before."),
  });
  expect(primary.files.readText("/etc/config/keepalived")).toBe(before ?? "");
  expect(primary.files.exists(undoPath)).toBe(false);
});

test("the node knows its role: a primary does not change itself alone", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  installPlugin(nodes.primary);
  const asBackup = (rest: object): string => JSON.stringify({ role: "backup", ...rest });
  for (const [method, rest] of [
    ["reset", {}],
    ["disable", {}],
    ["enable", {}],
    ["add-vip", { interface: "lan", virtual_ip: "192.168.100.67/24" }],
    ["remove-vip", { interface: "lan", virtual_ip: "192.168.100.67/24" }],
    ["remove-interface", { interface: "lan2" }],
    [
      "add-lan-interface",
      { primary_node_ip: "192.168.200.238", backup_node_ip: "192.168.200.239", virtual_ip: "192.168.200.240/24" },
    ],
  ] as const)
    expect([method, await called(nodes.primary, ["call", method], asBackup(rest))]).toMatchObject([
      method,
      { error: "wrong_role" },
    ]);
});
