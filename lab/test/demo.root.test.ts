/** `make demo`: one command plays the whole demo and leaves nothing behind. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import type { Demo } from "../src/demo/demo.ts";
import { Lab } from "../src/lab.ts";
import { tracesOf } from "./traces.ts";

setDefaultTimeout(paced(240_000));

const name = `demo${process.pid}`;
const dir = mkdtempSync(join(tmpdir(), "nethsec-demo-"));
afterAll(async () => {
  await Lab.down(name);
  rmSync(dir, { recursive: true, force: true });
});

const argv = [process.execPath, `${import.meta.dirname}/../src/main.ts`, "--name", name, "demo", "--json"];

/** Runs the demo and returns its JSON result. */
async function play(...options: string[]): Promise<Demo> {
  const child = Bun.spawn([...argv, ...options], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const result: Demo = JSON.parse(await new Response(child.stdout).text());
  expect(await child.exited).toBe(0);
  return result;
}

test("the demo plays to its end: the stream survives, the backup serves, reports are there, the picture is drawn", async () => {
  const result = await play("--record", `${dir}/failover.svg`);
  expect(result.failover.streamSurvived).toBe(true);
  expect(result.failover.outageMs.ping).toBeGreaterThan(0);
  // Generous, for a busy machine. Exact figures are measured by the bench (make bench-ha).
  expect(result.failover.outageMs.ping).toBeLessThan(paced(3000));
  expect(result.report.clients).toBeGreaterThan(0);
  expect(result.report.bytes).toBeGreaterThan(100_000);
  expect(readFileSync(`${dir}/failover.svg`, "utf8")).toContain("</svg>");
  expect(Lab.list()).not.toContain(name);
});

test("--keep gives the prompt back and leaves the lab running, with the reports to look at", async () => {
  const { reportUrl } = await play("--keep");
  expect(Lab.list()).toContain(name);
  expect(await (await fetch(reportUrl)).text()).toContain("<html");
  // A second run needs factory settings, so it must refuse to replace the running lab.
  const again = Bun.spawnSync(argv, { stderr: "ignore" });
  expect(again.exitCode).toBe(1);
  expect(again.stdout.toString()).toContain(`Lab \\"${name}\\" is up, and this starts from nothing.`);
  expect(await (await fetch(reportUrl)).text()).toContain("<html");
  await Lab.down(name);
  expect(Lab.list()).not.toContain(name);
  await expect(fetch(reportUrl)).rejects.toThrow();
});

test("ended by Ctrl-C in the middle of it, it takes its lab down and gives the prompt back", async () => {
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  let told = "";
  for await (const chunk of child.stderr) {
    const asked = told.includes("ns-ha-config init-backup-node");
    told += new TextDecoder().decode(chunk);
    // Send it once only: a second SIGINT ends the command immediately, without cleanup.
    if (!asked && told.includes("ns-ha-config init-backup-node")) child.kill("SIGINT");
  }
  expect(await child.exited).toBe(130);
  expect(told).not.toContain("loses its power");
  expect(tracesOf(name)).toEqual([]);
});
