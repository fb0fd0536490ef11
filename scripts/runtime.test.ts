import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { checkIntegrity, runtimePackage } from "./runtime.ts";

const lock = JSON.parse(readFileSync(`${import.meta.dirname}/../package-lock.json`, "utf8"));

describe("runtimes of other targets", () => {
  test.each([
    ["linux-x64-musl", "@oven/bun-linux-x64-musl"],
    ["linux-arm64", "@oven/bun-linux-aarch64"],
    ["linux-arm64-musl", "@oven/bun-linux-aarch64-musl"],
  ])("%s is in the lock file, in the version that compiles", (target, name) => {
    expect(runtimePackage(lock, target)).toEqual({
      name,
      version: Bun.version,
      integrity: expect.stringMatching(/^sha512-[A-Za-z0-9+/]{86}==$/),
    });
  });

  test("another target is refused", () => {
    expect(() => runtimePackage(lock, "linux-riscv64")).toThrow("no @oven/bun-linux-riscv64");
  });

  test("other bytes than the lock file's are refused", () => {
    // printf hello | openssl dgst -sha512 -binary | base64
    const hello = "sha512-m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==";
    expect(() => checkIntegrity(Buffer.from("hello"), hello, "it")).not.toThrow();
    expect(() => checkIntegrity(Buffer.from("hellO"), hello, "it")).toThrow("it is not what package-lock.json says");
  });
});
