/** Archives made by the real tar and gzip: which differences change the digest, and which do not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archiveDigest } from "./archive-digest.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "nethsec-archive-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const files: Readonly<Record<string, string>> = {
  "etc/config/network": "config interface 'lan'\n",
  [`etc/${"long/".repeat(40)}name`]: "deep",
  "etc/big": "x".repeat(300_000),
  "etc/empty": "",
};

function makeTree(changes: Readonly<Record<string, string>> = {}): string {
  const tree = mkdtempSync(join(dir, "tree-"));
  for (const [path, text] of Object.entries({ ...files, ...changes })) {
    mkdirSync(join(tree, path, ".."), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  symlinkSync("network", join(tree, "etc/config/link"));
  return tree;
}

function pack(tree: string, ...flags: string[]): Uint8Array {
  const child = Bun.spawnSync(["tar", "-C", tree, ...flags, "-cz", "."], {
    env: { PATH: "/usr/bin:/bin", GZIP: "-1" },
  });
  if (child.exitCode !== 0) throw new Error(child.stderr.toString());
  return child.stdout;
}

const digest = (bytes: Uint8Array): Promise<string> => archiveDigest(new Blob([Uint8Array.from(bytes)]).stream());

test.each([["--format=ustar"], ["--format=gnu"], ["--format=pax"]])(
  "times, order, owners and format do not count: %s",
  async (format) => {
    const tree = makeTree({ [`etc/${"long/".repeat(format === "--format=ustar" ? 10 : 40)}name`]: "deep" });
    if (format === "--format=ustar") rmSync(join(tree, `etc/${"long/".repeat(10)}long`), { recursive: true });
    const first = await digest(pack(tree, format));
    utimesSync(join(tree, "etc/config/network"), 1, 1);
    expect(await digest(pack(tree, format, "--sort=name"))).toBe(first);
    expect(await digest(pack(tree, format, "--owner=nobody:65534", "--mtime=2001-01-01"))).toBe(first);
  },
);

test.each([
  ["a content", (tree: string) => writeFileSync(join(tree, "etc/config/network"), "other\n")],
  ["a mode", (tree: string) => chmodSync(join(tree, "etc/config/network"), 0o600)],
  ["a name", (tree: string) => writeFileSync(join(tree, "etc/new"), "")],
  ["a missing file", (tree: string) => rmSync(join(tree, "etc/empty"))],
  [
    "a link's target",
    (tree: string) => {
      rmSync(join(tree, "etc/config/link"));
      symlinkSync("other", join(tree, "etc/config/link"));
    },
  ],
  ["a deep content", (tree: string) => writeFileSync(join(tree, `etc/${"long/".repeat(40)}name`), "DEEP")],
])("%s counts", async (_, change) => {
  const tree = makeTree();
  const before = await digest(pack(tree));
  change(tree);
  expect(await digest(pack(tree))).not.toBe(before);
});

test("what is cut or no archive is an error, not a digest", async () => {
  const whole = pack(makeTree());
  for (const bytes of [whole.slice(0, whole.length / 2), new Uint8Array(1000), new TextEncoder().encode("hello")])
    expect(digest(bytes)).rejects.toMatchObject({ code: "archive_damaged" });
});
