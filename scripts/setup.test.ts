/** The setup script refuses an outdated Node.js before it installs anything. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "setup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `scripts/setup.sh npm-only` with a fake `node` of that version, and a fake npm that reports its call. */
function setup(version: string): { code: number | null; out: string } {
  for (const [name, line] of [
    ["node", `echo ${version}`],
    ["npm", "echo npm was called; exit 1"],
  ] as const) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${line}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const script = `${import.meta.dirname}/setup.sh`;
  const { exitCode, stdout, stderr } = Bun.spawnSync([script, "npm-only"], {
    env: { PATH: `${folder}:/usr/bin:/bin` },
  });
  return { code: exitCode, out: `${stdout.toString()}${stderr.toString()}` };
}

describe("setup", () => {
  test.each(["v18.20.4", "v8.17.0"])("%s is refused at once, with the way to get another", (version) => {
    const { code, out } = setup(version);
    expect(code).toBe(1);
    expect(out).toStartWith(`setup: this Node.js is ${version}.\nNode.js 20 or newer with npm is needed.`);
    expect(out).not.toContain("npm was called");
  });

  test("20 and newer are not refused", () => {
    for (const version of ["v20.0.0", "v22.11.0", "v100.0.0"])
      expect(setup(version).out).not.toContain("this Node.js is");
  });
});
