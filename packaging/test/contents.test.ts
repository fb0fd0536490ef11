/** The packages together contain all files for OpenWrt, each in exactly one package, and the SBOM lists the executable's contents. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const checkout = dirname(dirname(import.meta.dirname));
const folder = join(checkout, "packaging/openwrt/packages");
const names = ["nethsec", "ns-plug", "ns-ha", "ns-report"];
const lines = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];
const filesOf = (name: string): string[] => lines(join(folder, name, "files"));

describe("contents of the OpenWrt packages", () => {
  test("every file of system/openwrt is in exactly one package", () => {
    const all = Array.from(
      new Bun.Glob("**/*").scanSync({ cwd: join(checkout, "system/openwrt"), dot: true }),
      String,
    ).toSorted();
    expect(names.flatMap(filesOf).toSorted()).toEqual(all);
  });

  test("every file of settings is kept at an upgrade, and nothing else is called one", () => {
    for (const name of names) {
      const settings = filesOf(name).filter((file) => file.startsWith("etc/config/"));
      expect(lines(join(folder, name, "conffiles"))).toEqual(settings.map((file) => `/${file}`));
    }
  });

  test("init scripts and scripts of /usr are executable", () => {
    for (const file of names.flatMap(filesOf).filter((each) => /^etc\/init\.d|^usr\/(sbin|libexec)/.test(each)))
      expect(`${file} ${statSync(join(checkout, "system/openwrt", file)).mode & 0o111}`).toBe(`${file} 73`);
  });

  test("each dependency of a control file is in the SDK's Makefile, and the other way round", () => {
    const makefile = readFileSync(join(checkout, "packaging/openwrt/Makefile"), "utf8");
    // Binary package names, which the SDK derives → the names used in its Makefiles.
    const source: Readonly<Record<string, string>> = { libstdcpp6: "libstdcpp", "libopenssl-util": "openssl-util" };
    for (const name of names) {
      const depends =
        /^Depends: (.*)$/m.exec(readFileSync(join(folder, name, "control"), "utf8"))?.[1]?.split(", ") ?? [];
      const block = new RegExp(`^define Package/${name}\\n[^]*?^endef`, "m").exec(makefile)?.[0] ?? "";
      const known = [...block.matchAll(/\+([a-z0-9-]+)/g)].map((match) => match[1] ?? "");
      // Every package depends on libc.
      expect(known.toSorted()).toEqual(
        depends
          .filter((each) => each !== "libc")
          .map((each) => source[each] ?? each)
          .toSorted(),
      );
    }
  });
});

test("the SBOM names every npm package that the executable is made of, with a licence and a checksum, and none for development", () => {
  const child = Bun.spawnSync([process.execPath, join(checkout, "packaging/sbom.ts")]);
  const sbom: { components: { name: string; licenses: unknown[]; hashes?: unknown[] }[] } = JSON.parse(
    child.stdout.toString(),
  );
  const found = sbom.components.map(({ name }) => name);
  for (const name of ["bun", "valibot", "@nethsec/ha"]) expect(found).toContain(name);
  for (const name of ["typescript", "knip", "fast-check", "playwright-core"]) expect(found).not.toContain(name);
  for (const { name, licenses, hashes } of sbom.components) {
    expect(licenses).toHaveLength(1);
    if (name !== "bun" && !name.startsWith("@nethsec/")) expect(hashes).toHaveLength(1);
  }
});

test("docs/dependencies.md lists what the SBOM lists, in the same versions", () => {
  const child = Bun.spawnSync([process.execPath, join(checkout, "packaging/sbom.ts")]);
  const sbom: { components: { name: string; version: string }[] } = JSON.parse(child.stdout.toString());
  const listed = readFileSync(join(checkout, "docs/dependencies.md"), "utf8")
    .split("\n| for development")[0]
    ?.matchAll(/^\| ([A-Za-z0-9, ()-]+) \| ([0-9., ]+) \|/gm);
  const versions = [...(listed ?? [])].flatMap(([, names = "", numbers = ""]) =>
    names.split(", ").map((name, index) => `${name.replace(/ .*/, "").toLowerCase()} ${numbers.split(", ")[index]}`),
  );
  const contained = sbom.components.filter(({ name }) => !name.startsWith("@nethsec/"));
  expect(versions.toSorted()).toEqual(contained.map(({ name, version }) => `${name} ${version}`).toSorted());
});
