/** Restoring: complete or not at all, wherever interrupted, and nothing outside the list, whatever the staging area holds. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import * as fc from "fast-check";
import { localFiles } from "@nethsec/host/files/local-files";
import { localRandom } from "@nethsec/host/random";
import { type Manifest, ManifestReader, parseManifest } from "./manifest.ts";
import { Interrupted, journalPath, recoverRestore } from "./restore-journal.ts";
import { temporaryPrefix } from "./restore-plan.ts";
import { restore } from "./restore.ts";
import type { RestoreRequest } from "./restore-request.ts";

setDefaultTimeout(paced(60_000));

const stagingDir = "/usr/share/keepalived/rsync";
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "restore-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Tree = Readonly<Record<string, string>>;

/** A value that starts with "->" is a symbolic link; a path that ends in "/" an empty folder. */
function plant(tree: Tree, below = ""): void {
  for (const [path, text] of Object.entries(tree)) {
    const real = join(root, below, path);
    if (path.endsWith("/")) {
      mkdirSync(real, { recursive: true });
      continue;
    }
    mkdirSync(dirname(real), { recursive: true });
    if (text.startsWith("->")) symlinkSync(text.slice(2), real);
    else writeFileSync(real, text);
  }
}

/** Everything below `path` of the root, as text. */
function look(path: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (at: string): void => {
    const real = join(root, below, at);
    const stat = lstatSync(real, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isSymbolicLink()) found[at] = `->${readlinkSync(real)}`;
    else if (stat.isDirectory()) {
      found[`${at}/`] = "";
      for (const name of readdirSync(real)) visit(`${at}/${name}`);
    } else found[at] = readFileSync(real, "utf8");
  };
  visit(path);
  return found;
}

/** The manifest that a primary holding `tree` would send; the staging area holds it already. */
function stage(tree: Tree, roots: readonly string[], gone: readonly string[] = []): Manifest {
  plant(tree, stagingDir);
  const files = localFiles(join(root, stagingDir));
  const entries = new ManifestReader(files, () => Number.MAX_SAFE_INTEGER).read(roots, () => false);
  return parseManifest(JSON.stringify({ version: 1, roots, gone, entries }));
}

function request(manifest: Manifest, rest: Partial<RestoreRequest> = {}): RestoreRequest {
  return { manifest, stagingDir, exclude: [], transforms: () => undefined, inScope: () => true, ...rest };
}
const system = { fileSystem: () => ({ size: 2 ** 40, free: 2 ** 40, device: 1 }) };
const run = (wanted: RestoreRequest, checkpoint?: (step: string) => void): string[] => [
  ...restore(
    { files: localFiles(root), random: localRandom, system, ...(checkpoint === undefined ? {} : { checkpoint }) },
    wanted,
  ).changed,
];

describe("restore", () => {
  test("makes files, folders and links as they are on the primary, mirrors folders, and is done the second time", () => {
    plant({
      "/etc/config/dhcp": "old",
      "/etc/nginx/gone.conf": "x",
      "/etc/nginx/deep/gone": "y",
      "/etc/other": "stays",
    });
    const manifest = stage(
      { "/etc/config/dhcp": "new", "/etc/nginx/a.conf": "a", "/etc/nginx/link": "->a.conf", "/etc/nginx/empty/": "" },
      ["/etc/config/dhcp", "/etc/nginx"],
    );
    expect(run(request(manifest)).sort()).toEqual(
      ["/etc/config/dhcp", "/etc/nginx/a.conf", "/etc/nginx/deep", "/etc/nginx/gone.conf", "/etc/nginx/link"].sort(),
    );
    expect(look("/etc")).toEqual({
      "/etc/": "",
      "/etc/config/": "",
      "/etc/config/dhcp": "new",
      "/etc/nginx/": "",
      "/etc/nginx/a.conf": "a",
      "/etc/nginx/empty/": "",
      "/etc/nginx/link": "->a.conf",
      "/etc/other": "stays",
    });
    expect(run(request(manifest))).toEqual([]);
  });

  test("modes follow, transformed files are no difference the next time, excluded paths stay", () => {
    plant({ "/etc/nginx/mine": "mine", "/etc/crontabs/root": "old" });
    plant({ "/etc/nginx/secret": "s" }, stagingDir);
    chmodSync(join(root, stagingDir, "/etc/nginx/secret"), 0o600);
    const manifest = stage({ "/etc/crontabs/root": "* * * * * x\n" }, ["/etc/nginx", "/etc/crontabs/root"]);
    const wanted = request(manifest, {
      exclude: ["/etc/nginx/mine"],
      transforms: (path) => (path === "/etc/crontabs/root" ? (text) => `#${text}` : undefined),
    });
    expect(run(wanted)).toEqual(["/etc/crontabs/root", "/etc/nginx/secret"]);
    expect(readFileSync(join(root, "/etc/crontabs/root"), "utf8")).toBe("#* * * * * x\n");
    expect(lstatSync(join(root, "/etc/nginx/secret")).mode & 0o777).toBe(0o600);
    expect(existsSync(join(root, "/etc/nginx/mine"))).toBe(true);
    expect(run(wanted)).toEqual([]);
    chmodSync(join(root, "/etc/nginx/secret"), 0o644);
    expect(run(wanted)).toEqual(["/etc/nginx/secret"]);
    expect(lstatSync(join(root, "/etc/nginx/secret")).mode & 0o777).toBe(0o600);
  });

  test("without room for all of it nothing is begun, and the file system is named", () => {
    plant({ "/etc/nginx/a": "before" });
    const manifest = stage({ "/etc/nginx/a": "x".repeat(5000) }, ["/etc/nginx"]);
    const small = { fileSystem: () => ({ size: 100_000, free: 6000, device: 1 }) };
    const attempt = (): unknown =>
      restore({ files: localFiles(root), random: localRandom, system: small }, request(manifest));
    expect(attempt).toThrow("/etc/nginx");
    expect(look("/etc/nginx")).toEqual({ "/etc/nginx/": "", "/etc/nginx/a": "before" });
    expect(existsSync(join(root, journalPath))).toBe(false);
  });

  test("a file that another program is just writing on this node stays", () => {
    const writing = "/etc/nginx/.a.conf.new-Ab12Cd34";
    plant({ [writing]: "half", "/etc/nginx/.hidden": "no longer on the primary" });
    run(request(stage({ "/etc/nginx/a.conf": "a" }, ["/etc/nginx"])));
    expect(Object.keys(look("/etc/nginx")).sort()).toEqual(["/etc/nginx/", writing, "/etc/nginx/a.conf"]);
  });

  test("what the primary says is gone goes, and nothing else", () => {
    plant({ "/etc/firewall.user": "x", "/etc/keep": "k" });
    const manifest = stage({ "/etc/config/a": "a" }, ["/etc/config/a"], ["/etc/firewall.user", "/etc/never"]);
    run(request(manifest));
    expect(look("/etc")).toEqual({ "/etc/": "", "/etc/config/": "", "/etc/config/a": "a", "/etc/keep": "k" });
  });

  test.each([
    ["a file that is missing", (at: string) => rmSync(join(at, "/etc/nginx/a"))],
    ["a file cut short", (at: string) => writeFileSync(join(at, "/etc/nginx/a"), "contents of")],
    [
      "a file of the same size with other bytes",
      (at: string) => writeFileSync(join(at, "/etc/nginx/a"), "contents oF a"),
    ],
    [
      "a link instead of a file",
      (at: string) => (rmSync(join(at, "/etc/nginx/a")), symlinkSync("/etc/shadow", join(at, "/etc/nginx/a"))),
    ],
    [
      "a folder behind a link",
      (at: string) => (
        rmSync(join(at, "/etc/nginx"), { recursive: true }),
        symlinkSync("/etc/other", join(at, "/etc/nginx"))
      ),
    ],
    [
      "a FIFO instead of a file",
      (at: string) => (rmSync(join(at, "/etc/nginx/a")), Bun.spawnSync(["mkfifo", join(at, "/etc/nginx/a")])),
    ],
  ])("a staging area with %s changes nothing", (_what, spoil) => {
    plant({ "/etc/nginx/a": "before", "/etc/shadow": "root:secret", "/etc/other/a": "contents of a" });
    const before = look("/etc");
    const manifest = stage({ "/etc/nginx/a": "contents of a", "/etc/nginx/b": "b" }, ["/etc/nginx"]);
    spoil(join(root, stagingDir));
    expect(() => run(request(manifest))).toThrow("staging area is not complete");
    expect(look("/etc")).toEqual(before);
    expect(existsSync(join(root, journalPath))).toBe(false);
  });

  test("a link on the way to a destination is never followed", () => {
    plant({ "/etc/nginx": "->/outside", "/outside/keep": "k" });
    const without = { ...stage({ "/etc/nginx/evil": "evil" }, ["/etc/nginx/evil"]) };
    expect(
      restore({ files: localFiles(root), random: localRandom, system }, request(without)).withheld.map(
        ({ path }) => path,
      ),
    ).toEqual(["/etc/nginx/evil"]);
    expect(look("/outside")).toEqual({ "/outside/": "", "/outside/keep": "k" });
    // When the list has the folder itself, the folder replaces the link.
    plant({ "/etc/nginx/deep/evil": "deep" }, stagingDir);
    mkdirSync(join(root, "/outside/deep"));
    const whole = stage({}, ["/etc/nginx"]);
    run(request(whole));
    expect(look("/outside")).toEqual({ "/outside/": "", "/outside/keep": "k", "/outside/deep/": "" });
    expect(look("/etc/nginx")).toEqual({
      "/etc/nginx/": "",
      "/etc/nginx/evil": "evil",
      "/etc/nginx/deep/": "",
      "/etc/nginx/deep/evil": "deep",
    });
  });

  test.each([
    ["/etc/../bin/sh"],
    ["/etc//x"],
    ["etc/x"],
    ["/etc/./x"],
    ["/etc/x\0y"],
    ["/"],
    ["/etc/config/network"],
    ["/etc/config/keepalived"],
    ["/etc/keepalived/keys/id_rsa"],
    ["/etc/dropbear/authorized_keys"],
    ["/proc/sysrq-trigger"],
    ["/usr/share/keepalived/restore.json"],
  ])("a manifest with %j is refused", (path) => {
    const entry = { path, type: "file", mode: 0o644, uid: 0, gid: 0, size: 1, sha256: "0".repeat(64) };
    expect(() => parseManifest(JSON.stringify({ version: 1, roots: [path], gone: [], entries: [entry] }))).toThrow(
      "refused",
    );
    expect(() => parseManifest(JSON.stringify({ version: 1, roots: [], gone: [path], entries: [] }))).toThrow(
      "refused",
    );
  });

  test.each([
    [
      "outside its own list",
      { path: "/bin/sh", type: "file", mode: 0o755, uid: 0, gid: 0, size: 1, sha256: "0".repeat(64) },
    ],
    ["setuid", { path: "/etc/x", type: "file", mode: 0o4755, uid: 0, gid: 0, size: 1, sha256: "0".repeat(64) }],
    ["a device", { path: "/etc/x", type: "device", mode: 0o600, uid: 0, gid: 0 }],
  ])("an entry that is %s is refused", (_what, entry) => {
    expect(() => parseManifest(JSON.stringify({ version: 1, roots: ["/etc"], gone: [], entries: [entry] }))).toThrow(
      "refused",
    );
  });

  test("cut at any step, the next start leaves the old or the new state, and the next restore heals it", () => {
    const names = ["/etc/a/x", "/etc/a/y", "/etc/a/z/w", "/etc/b", "/etc/c/d", "/etc/c/e"];
    const tree = fc.dictionary(
      fc.constantFrom(...names),
      // A link cannot have an empty target.
      fc.oneof(
        fc.constantFrom("one", "two", "->x", "->/etc/b"),
        fc.string({ maxLength: 4 }).filter((text) => text !== "->"),
      ),
    );
    fc.assert(
      fc.property(tree, tree, fc.nat(20), (older, newer, cutAt) => {
        rmSync(root, { recursive: true, force: true });
        mkdirSync(join(root, "/etc"), { recursive: true });
        plant(older);
        const before = look("/etc");
        const manifest = stage(
          newer,
          ["/etc/a", "/etc/b", "/etc/c"],
          names.filter((name) => newer[name] === undefined),
        );
        let step = 0;
        const cut = (): void => {
          if (step++ === cutAt) throw new Interrupted();
        };
        let interrupted = false;
        try {
          run(request(manifest), cut);
        } catch (error) {
          if (!(error instanceof Interrupted)) throw error;
          interrupted = true;
        }
        const end = recoverRestore(localFiles(root));
        const after = look("/etc");
        if (!interrupted) expect(end).toBeUndefined();
        if (end?.result === "undone") expect(after).toEqual(before);
        else for (const [path, text] of Object.entries(newer)) expect([path, after[path]]).toEqual([path, text]);
        expect(Object.keys(after).filter((path) => path.includes(temporaryPrefix))).toEqual([]);
        run(request(manifest));
        const healed = look("/etc");
        const wanted = look("/etc", stagingDir);
        for (const path of Object.keys(wanted)) expect([path, healed[path]]).toEqual([path, wanted[path]]);
        for (const name of names)
          if (newer[name] === undefined) expect([name, healed[name]]).toEqual([name, undefined]);
      }),
      { numRuns: 60 },
    );
  });
});
