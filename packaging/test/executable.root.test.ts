/** The executable is independent of the checkout's path (byte for byte), and contains nothing compiled on the build machine. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { paced } from "../../packages/host/src/testing/pace.ts";
import { build, checkout } from "./chroot.ts";

setDefaultTimeout(paced(240_000));

/** Copies the build's input files to a folder `below` a temporary one; npm packages as hard links. */
function copyOfCheckout(root: string, below: string): string {
  const folder = join(root, below);
  mkdirSync(folder, { recursive: true });
  for (const name of ["packages", "packaging", "scripts", "Makefile", "package.json", "package-lock.json", ".npmrc"])
    cpSync(join(checkout, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(folder, "lab"));
  cpSync(join(checkout, "lab/package.json"), join(folder, "lab/package.json"));
  build(["cp", "-al", join(checkout, "node_modules"), join(folder, "node_modules")]);
  return folder;
}

test("one commit in two folders gives the same bytes", () => {
  mkdirSync(join(checkout, ".cache"), { recursive: true });
  const root = mkdtempSync(join(checkout, ".cache/two-folders-"));
  try {
    const digests = ["one", "another/and/deeper"].map((below) => {
      const folder = copyOfCheckout(root, below);
      build(["make", "-C", folder, "build"]);
      return new Bun.CryptoHasher("sha256").update(readFileSync(join(folder, "dist/nethsec"))).digest("hex");
    });
    expect(digests[1]).toBe(digests[0] ?? "");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test("no npm package in it has native code or compiles any when it is installed", () => {
  const sbom: { components: { purl: string; name: string }[] } = JSON.parse(
    build([process.execPath, "packaging/sbom.ts"]),
  );
  const lock: { packages: Record<string, { hasInstallScript?: boolean }> } = JSON.parse(
    readFileSync(join(checkout, "package-lock.json"), "utf8"),
  );
  const names = sbom.components
    .map(({ name }) => name)
    .filter((name) => name !== "bun" && !name.startsWith("@nethsec/"));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const path = `node_modules/${name}`;
    expect([name, lock.packages[path]?.hasInstallScript ?? false]).toEqual([name, false]);
    expect([...new Bun.Glob("**/*.node").scanSync(join(checkout, path))]).toEqual([]);
  }
});
