/**
 * The real rsync on both sides of a pipe, as the synchronisation calls it: what an attacker with the synchronisation key can leave in the staging
 * area, and its effect on a later run. rsync 3.2.7 (Debian 12, OpenWrt 23.05) followed a link left by an earlier run; 3.5.0 fails on it every time.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { cleanStaging } from "./clean-staging.ts";
import { parseRequest } from "./sync-receive.ts";

let root = "";
let staging = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "attack-"));
  staging = join(root, "staging");
  for (const folder of [staging, join(root, "victim")]) mkdirSync(folder);
  // Replaces the SSH client: records the command for the server, and runs it.
  writeFileSync(join(root, "rsh"), `#!/bin/sh\nshift\necho "$*" >${root}/asked\nexec "$@"\n`, { mode: 0o755 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function plant(source: string, path: string, text: string): void {
  const at = join(root, source, path);
  mkdirSync(dirname(at), { recursive: true });
  if (text.startsWith("->")) symlinkSync(text.slice(2), at);
  else writeFileSync(at, text);
}

/** Returns the exit code. */
function send(source: string, names: readonly string[], short = "-ptgo"): number {
  const argv = [
    "rsync",
    short,
    "--relative",
    "--no-implied-dirs",
    "--force",
    "--timeout=10",
    "--from0",
    "--files-from=-",
  ];
  const child = Bun.spawnSync([...argv, "-e", join(root, "rsh"), ".", `h:${staging}`], {
    cwd: join(root, source),
    stdin: Buffer.from(names.map((name) => `${name}\0`).join("")),
  });
  return child.exitCode;
}
const asked = (): string => readFileSync(join(root, "asked"), "utf8").trim();

describe("what the key of the synchronisation may ask rsync for", () => {
  test("is what the primary asks for, and links are not among it", () => {
    plant("source", "etc/a", "a");
    expect(send("source", ["etc", "etc/a"])).toBe(0);
    expect(parseRequest(asked(), staging)?.kind).toBe("rsync");
    send("source", ["etc", "etc/a"], "-lptgo");
    expect(parseRequest(asked(), staging)).toBeUndefined();
  });

  test("leaves no link, and one that is there leads nowhere", () => {
    plant("one", "etc/x", `->${root}/victim`);
    plant("two", "etc/x/pwned", "pwned");
    send("one", ["etc/x"]);
    expect(parseRequest(asked(), staging)).toBeDefined();
    expect(lstatSync(join(staging, "etc/x"), { throwIfNoEntry: false })).toBeUndefined();
    mkdirSync(join(staging, "etc"), { recursive: true });
    symlinkSync(join(root, "victim"), join(staging, "etc/x"));
    expect(cleanStaging(localFiles(root), "/staging")).toEqual(["/etc/x"]);
    expect(send("two", ["etc/x/pwned"])).toBe(0);
    expect(readdirSync(join(root, "victim"))).toEqual([]);
    expect(readFileSync(join(staging, "etc/x/pwned"), "utf8")).toBe("pwned");
  });
});

test("a full folder that is a file now, and a folder again, takes the other's place in the staging area", () => {
  plant("one", "etc/site/deep/key", "k");
  plant("two", "etc/site", "file");
  expect(send("one", ["etc/site", "etc/site/deep", "etc/site/deep/key"])).toBe(0);
  expect(send("two", ["etc/site"])).toBe(0);
  expect(readFileSync(join(staging, "etc/site"), "utf8")).toBe("file");
  expect(send("one", ["etc/site", "etc/site/deep", "etc/site/deep/key"])).toBe(0);
  expect(readFileSync(join(staging, "etc/site/deep/key"), "utf8")).toBe("k");
});
