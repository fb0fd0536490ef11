import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout } from "./layer.ts";
import { missingPackages, parsePackageList } from "./prerequisites.ts";

test("a package list has one name a line; comments and blank lines are none", () => {
  expect(parsePackageList("# all\nmake\n\nrsync   # ns-ha\n")).toEqual(["make", "rsync"]);
});

test("the lab's list names each package once", () => {
  const names = parsePackageList(readFileSync(`${checkout}/lab/packages.txt`, "utf8"));
  expect(names.length).toBeGreaterThan(10);
  expect(new Set(names).size).toBe(names.length);
});

describe.skipIf(!existsSync("/usr/bin/dpkg-query"))("missingPackages", () => {
  test("names what is not installed, and only that", async () => {
    const dir = mkdtempSync(join(tmpdir(), "packages-"));
    try {
      writeFileSync(`${dir}/list`, "dpkg\nno-such-package-here\n");
      expect(await missingPackages(`${dir}/list`)).toEqual(["no-such-package-here"]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
