/** What the key of the synchronisation may ask for, and what a spoilt staging area is cleaned of. */
import { describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
    ["held", { kind: "held" }],
    ["state", { kind: "state" }],
    ["changes", { kind: "changes" }],
    ["meet", { kind: "meet" }],
    ["kept 1764288000000 3", { kind: "kept", id: "1764288000000", index: 3 }],
    ["drop-changes 1764288000000", { kind: "drop-changes", id: "1764288000000" }],
    ["planned", { kind: "planned", planned: true }],
    ["not-planned", { kind: "planned", planned: false }],
    [
      `rsync --server -logtpcRe.LsfxCIvu --timeout=10 --no-implied-dirs . ${staging}`,
      { kind: "rsync", args: ["--server", "-logtpcRe.LsfxCIvu", "--timeout=10", "--no-implied-dirs", ".", staging] },
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
    // --keep-dirlinks, devices, and programs of the sender's choice
    `rsync --server -logtpKr . ${staging}`,
    `rsync --server -logDtpr . ${staging}`,
    `rsync --server -logtpr --rsync-path=/bin/sh . ${staging}`,
    `rsync --server -logtpr --temp-dir=/etc . ${staging}`,
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
    const entry = { path: "/etc/nginx/known", type: "symlink", uid: 0, gid: 0, target: "a" };
    const manifest = { version: 1, roots: ["/etc/nginx/known"], gone: [], entries: [entry] };
    writeFileSync(at("tmp/ns-ha-manifest.json"), JSON.stringify(manifest));
    expect(cleanStaging(localFiles(root), staging).toSorted()).toEqual(["/etc/config", "/etc/nginx/fifo"]);
    expect(existsSync(join(root, "outside/kept"))).toBe(true);
    expect(lstatSync(at("etc/nginx/known")).isSymbolicLink()).toBe(true);
    rmSync(at("tmp/ns-ha-manifest.json"));
    expect(cleanStaging(localFiles(root), staging)).toEqual(["/etc/nginx/known"]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
