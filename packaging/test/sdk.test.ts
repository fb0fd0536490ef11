/** The Makefile for OpenWrt's SDK, evaluated with fake SDK includes (test/sdk): same texts and files as in the .ipk packages. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { paced } from "../../packages/host/src/testing/pace.ts";

setDefaultTimeout(paced(90_000));

const checkout = dirname(dirname(import.meta.dirname));
const here = join(checkout, "packaging/openwrt");
const out = mkdtempSync(join(tmpdir(), "nethsec-sdk-"));
afterAll(() => {
  rmSync(out, { recursive: true, force: true });
});

test("packages are defined with their dependencies, scripts, settings and files", () => {
  // Replaces the executable, which prints the links: here they come from the command table itself.
  const nethsec = join(out, "nethsec-command");
  writeFileSync(nethsec, `#!/bin/sh\nexec ${process.execPath} ${checkout}/packages/cli/src/main.ts "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(join(out, "packed"), "packed");
  const child = Bun.spawnSync(
    [
      "make",
      "--silent",
      `--directory=${here}`,
      `TOPDIR=${import.meta.dirname}/sdk`,
      `OUT=${out}/made`,
      "ARCH=x86_64",
      `NETHSEC_PACKED=${out}/packed`,
    ],
    { env: { PATH: process.env["PATH"] ?? "", NETHSEC: nethsec }, timeout: paced(60_000) },
  );
  expect(child.stderr.toString()).toBe("");
  expect(child.exitCode).toBe(0);
  for (const name of ["nethsec", "ns-plug", "ns-ha", "ns-report"]) {
    const made = (text: string): string => readFileSync(join(out, "made", name, text), "utf8").trim();
    const source = (text: string): string =>
      Bun.spawnSync(["cat", join(here, "packages", name, text)])
        .stdout.toString()
        .trim();
    for (const text of ["conffiles", "postinst", "prerm"]) expect(made(text)).toBe(source(text));
    expect(source("control")).toEndWith(made("description"));
    expect(made("fields")).toContain(name === "nethsec" ? "+libstdcpp" : "|all|+nethsec");
    const files = [...new Bun.Glob("**/*").scanSync({ cwd: join(out, "made", name, "root"), dot: true })].length;
    expect(files).toBeGreaterThan(name === "nethsec" ? 0 : 4);
  }
  expect(readFileSync(join(out, "made/nethsec/root/usr/lib/nethsec/nethsec.xz"), "utf8")).toBe("packed");
});
