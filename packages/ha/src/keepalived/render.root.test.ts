/** keepalived itself accepts the rendered file (`keepalived -t`, which needs root). */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { localRun } from "@nethsec/host/process/local-run";

const folder = join(import.meta.dir, "../../test-data/render");
const golden = readdirSync(folder).filter((name) => name.endsWith(".keepalived.conf"));

test.each(golden)("keepalived -t %s", async (name) => {
  const { code, stdout, stderr } = await localRun()(["keepalived", "-t", "-f", join(folder, name)], {
    timeoutMs: 10_000,
    ok: "any",
  });
  expect(`${stdout}${stderr}`.trim()).toBe("");
  expect(code).toBe(0);
});
