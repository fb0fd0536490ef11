/** The commands allowed for the synchronisation key, and the cleaning of a manipulated staging area. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { cleanStaging } from "./clean-staging.ts";
import { parseRequest } from "./sync-receive.ts";

const staging = "/usr/share/keepalived/rsync";
const id = "0".repeat(64);

describe("what may be asked for", () => {
  test.each([
    [`apply ${id}`, { kind: "apply", id }],
    ["facts", { kind: "facts" }],
    ["uplinks", { kind: "uplinks" }],
    ["held", { kind: "held" }],
    ["state", { kind: "state" }],
    ["changes", { kind: "changes" }],
    ["meet", { kind: "meet" }],
    ["kept 1764288000000 3", { kind: "kept", id: "1764288000000", index: 3 }],
    ["drop-changes 1764288000000", { kind: "drop-changes", id: "1764288000000" }],
    ["planned", { kind: "planned", planned: true }],
    ["not-planned", { kind: "planned", planned: false }],
    [
      `rsync --server -ogtpcRe.LsfxCIvu --timeout=10 --force --no-implied-dirs . ${staging}`,
      {
        kind: "rsync",
        args: ["--server", "-ogtpcRe.LsfxCIvu", "--timeout=10", "--force", "--no-implied-dirs", ".", staging],
      },
    ],
  ])("%s", (command, request) => expect(parseRequest(command, staging)).toEqual(request as never));

  test.each([
    "",
    "sh",
    "apply",
    `apply ${id} x`,
    "apply ../../etc/passwd",
    "facts; reboot",
    "planned true",
    "state /etc",
    "kept ../../etc 0",
    "kept 1 /etc/shadow",
    "drop-changes ..",
    `rsync --server --sender -logDtpr . ${staging}`,
    "rsync --server -logtpr . /etc",
    `rsync --server -logtpr . ${staging}/../..`,
    // --links: a second run could follow a link left by the first.
    `rsync --server -logtpcRe.LsfxCIvu --timeout=10 --no-implied-dirs . ${staging}`,
    // --keep-dirlinks, devices, and programs of the sender's choice
    `rsync --server -ogtpKr . ${staging}`,
    `rsync --server -ogDtpr . ${staging}`,
    `rsync --server -ogtpR --rsync-path=/bin/sh . ${staging}`,
    `rsync --server -ogtpR --temp-dir=/etc . ${staging}`,
    `rsync --daemon . ${staging}`,
    `rsync  --server -logtpr . ${staging}`,
  ])("not: %s", (command) => expect(parseRequest(command, staging)).toBeUndefined());
});

test("a spoilt staging area loses its links and FIFOs, and nothing outside is touched", () => {
  const root = mkdtempSync(join(tmpdir(), "staging-"));
  try {
    const at = (path: string): string => join(root, staging, path);
    mkdirSync(at("etc/nginx"), { recursive: true });
    mkdirSync(at("tmp"));
    mkdirSync(join(root, "outside"));
    writeFileSync(join(root, "outside/kept"), "kept");
    writeFileSync(at("etc/nginx/a"), "a");
    symlinkSync("a", at("etc/nginx/known"));
    symlinkSync("/outside", at("etc/config"));
    Bun.spawnSync(["mkfifo", at("etc/nginx/fifo")]);
    expect(cleanStaging(localFiles(root), staging).toSorted()).toEqual([
      "/etc/config",
      "/etc/nginx/fifo",
      "/etc/nginx/known",
    ]);
    expect(existsSync(join(root, "outside/kept"))).toBe(true);
    expect(existsSync(at("etc/nginx/a"))).toBe(true);
    rmSync(join(root, staging), { recursive: true });
    symlinkSync("/outside", join(root, staging));
    expect(cleanStaging(localFiles(root), staging)).toEqual([""]);
    expect(existsSync(join(root, "outside/kept"))).toBe(true);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
