/**
 * Random sequences of trees (files, folders, links) on the primary, and any initial content of the backup: after each run the backup's tree equals
 * the primary's; interrupted anywhere, it is the old or the new one; nothing outside is touched. The canary shows that the comparison can fail.
 */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import {
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
import { join } from "node:path";
import * as fc from "fast-check";
import { localFiles } from "@nethsec/host/files/local-files";
import { osPath, pathText } from "@nethsec/host/files/os-path";
import { localRandom } from "@nethsec/host/random";
import { type Manifest, ManifestReader, parseManifest } from "./manifest.ts";
import { Interrupted, journalPath, recoverRestore } from "./restore-journal.ts";
import { restore } from "./restore.ts";

setDefaultTimeout(paced(120_000));

type Tree = { readonly [name: string]: Tree | string };

const stagingDir = "/usr/share/keepalived/rsync";
const system = { fileSystem: () => ({ size: 2 ** 40, free: 2 ** 40, device: 1 }) };
let root = "";
beforeEach(() => {
  // In memory: each file is synced to its disk.
  root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "restore-property-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Links begin with "->"; they point outside, to each other, to folders, or to nothing. */
const leaf = fc.constantFrom(
  "one",
  "two",
  "",
  "->/outside",
  "->/outside/a",
  "->a",
  "->../b",
  "->/nowhere",
  "->/etc/r/a",
);
const name = fc.constantFrom("a", "b", "c", "two\nlines", "caf\udce9");
const trees = fc.letrec<{ tree: Tree; node: Tree | string }>((tie) => ({
  tree: fc.dictionary(name, tie("node"), { maxKeys: 4 }),
  node: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, tie("tree")),
})).tree;

function plant(at: string, tree: Tree | string, links = true): void {
  if (typeof tree === "object") {
    mkdirSync(osPath(at), { recursive: true });
    for (const [child, below] of Object.entries(tree)) plant(`${at}/${child}`, below, links);
  } else if (!tree.startsWith("->")) writeFileSync(osPath(at), tree);
  else if (links) symlinkSync(tree.slice(2), osPath(at));
}

/** Below a file there is nothing: the runtime throws for that (ENOTDIR), unlike Node.js. */
function statOf(at: string): ReturnType<typeof lstatSync> {
  try {
    return lstatSync(osPath(at), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function look(at: string): Tree | string {
  const stat = statOf(at);
  if (stat === undefined) return "absent";
  if (stat.isSymbolicLink()) return `->${readlinkSync(osPath(at))}`;
  if (!stat.isDirectory()) return readFileSync(osPath(at), "utf8");
  const names = readdirSync(osPath(at), { encoding: "buffer" }).map(pathText).sort();
  return Object.fromEntries(names.map((child) => [child, look(`${at}/${child}`)]));
}

/** What a primary with this tree at /etc/r would send; its staging area holds no links. */
function stage(tree: Tree | string): Manifest {
  rmSync(join(root, "primary"), { recursive: true, force: true });
  rmSync(join(root, stagingDir), { recursive: true, force: true });
  mkdirSync(join(root, "primary/etc"), { recursive: true });
  mkdirSync(join(root, stagingDir, "etc"), { recursive: true });
  plant(join(root, "primary/etc/r"), tree);
  plant(join(root, stagingDir, "etc/r"), tree, false);
  const reader = new ManifestReader(localFiles(join(root, "primary")), () => Number.MAX_SAFE_INTEGER);
  const entries = reader.read(["/etc/r"], () => false);
  return parseManifest(JSON.stringify({ version: 1, roots: ["/etc/r"], gone: [], entries }));
}

const outside: Tree = { a: { kept: "k" }, b: "kept", c: {} };

function begin(backup: Tree | string): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "etc"), { recursive: true });
  plant(join(root, "outside"), outside);
  plant(join(root, "etc/r"), backup);
}

function run(
  manifest: Manifest,
  exclude: readonly string[],
  checkpoint: (step: string) => void = () => undefined,
): void {
  restore(
    { files: localFiles(root), random: localRandom, system, checkpoint },
    { manifest, stagingDir, exclude, transforms: () => undefined, inScope: (path) => path.startsWith("/etc/r") },
  );
}

const cuts = fc.record({ at: fc.nat(30), how: fc.constantFrom("killed", "failed") });

test("the backup equals the primary after the next run, wherever a run is cut, and nothing outside is touched", () => {
  fc.assert(
    fc.property(
      fc.oneof(leaf, trees),
      fc.array(fc.tuple(fc.oneof(leaf, trees), cuts), { minLength: 1, maxLength: 3 }),
      (backup, steps) => {
        begin(backup);
        for (const [tree, { at, how }] of steps) {
          const before = look(join(root, "etc"));
          const manifest = stage(tree);
          const wanted = { r: look(join(root, "primary/etc/r")) };
          let step = 0;
          try {
            run(manifest, [], (what) => {
              // Errors, unlike kills, only occur within a step, not at the journal checkpoints.
              if (what.startsWith("journal") && how === "failed") return;
              if (step++ === at) throw how === "killed" ? new Interrupted() : new Error("no space");
            });
            expect(look(join(root, "etc"))).toEqual(wanted);
          } catch (error) {
            if (error instanceof Interrupted) recoverRestore(localFiles(root));
            else if (!(error instanceof Error) || error.message !== "no space") throw error;
            const after = look(join(root, "etc"));
            // An interruption after the last step leaves the new state.
            if (JSON.stringify(after) !== JSON.stringify(wanted)) expect(after).toEqual(before);
          }
          expect(existsSync(join(root, journalPath))).toBe(false);
          run(manifest, []);
          expect(look(join(root, "etc"))).toEqual(wanted);
          expect(look(join(root, "outside"))).toEqual(outside);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("whatever happened to the files between the cut and the start, recovery does not throw, and the next run puts all right", () => {
  fc.assert(
    fc.property(
      trees,
      trees,
      trees,
      fc.nat(30),
      fc.constantFrom("a", "b", "c"),
      leaf,
      (backup, first, second, at, meddled, by) => {
        begin(backup);
        let step = 0;
        try {
          run(stage(first), [], () => {
            if (step++ === at) throw new Interrupted();
          });
        } catch (error) {
          if (!(error instanceof Interrupted)) throw error;
        }
        rmSync(join(root, "etc/r", meddled), { recursive: true, force: true });
        if (existsSync(join(root, "etc/r")) && lstatSync(join(root, "etc/r")).isDirectory())
          plant(join(root, "etc/r", meddled), by);
        recoverRestore(localFiles(root));
        run(stage(second), []);
        expect(look(join(root, "etc"))).toEqual({ r: look(join(root, "primary/etc/r")) });
        expect(look(join(root, "outside"))).toEqual(outside);
      },
    ),
    { numRuns: 100 },
  );
});

test("no manifest removes the files by which the node is reached", () => {
  begin("one");
  plant(join(root, "etc/config"), { dropbear: "ha_link", firewall: "zones", system: "x" });
  const manifest: Manifest = { ...stage("one"), roots: ["/etc/r", "/etc/config"], gone: ["/etc/config"] };
  restore(
    { files: localFiles(root), random: localRandom, system, checkpoint: () => undefined },
    { manifest, stagingDir, exclude: [], transforms: () => undefined, inScope: () => true },
  );
  expect(look(join(root, "etc/config"))).toEqual({ dropbear: "ha_link", firewall: "zones" });
});

test("what is excluded stays as it is, with the folders above it, and the rest follows", () => {
  const own = "/etc/r/a/b";
  fc.assert(
    fc.property(trees, trees, (backup, primary) => {
      begin(backup);
      const real = join(root, own);
      const way = [join(root, "etc/r"), join(root, "etc/r/a")];
      const reachable = way.every((folder) => lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true);
      const before = reachable ? look(real) : "";
      run(stage(primary), [own]);
      if (reachable) expect(look(real)).toEqual(before);
      for (const other of ["b", "c"])
        expect(look(join(root, "etc/r", other))).toEqual(look(join(root, "primary/etc/r", other)));
    }),
    { numRuns: 80 },
  );
});

test.each([
  ["garbage", "{"],
  [
    "of another version",
    JSON.stringify({ state: "committing", operations: [{ kind: "place", temporary: "/etc/x", path: "/etc/y" }] }),
  ],
  [
    "through a link",
    JSON.stringify({
      version: 2,
      state: "committing",
      operations: [{ kind: "replace", path: "/etc/link/a", saved: "/etc/link/s", whole: true }],
    }),
  ],
  [
    "below a file",
    JSON.stringify({
      version: 2,
      state: "committing",
      operations: [{ kind: "replace", path: "/etc/r/x/y", temporary: "/etc/r/t", whole: false }],
    }),
  ],
])("a journal %s is put away, and says why", (_what, text) => {
  begin("a file");
  symlinkSync("/outside", join(root, "etc/link"));
  writeFileSync(join(root, "etc/r.t"), "");
  mkdirSync(join(root, "usr/share/keepalived"), { recursive: true });
  writeFileSync(join(root, journalPath), text);
  const recovered = recoverRestore(localFiles(root));
  expect(recovered?.trouble).toBeString();
  expect(existsSync(join(root, journalPath))).toBe(false);
  expect(look(join(root, "outside"))).toEqual(outside);
});

test("canary: a difference is seen", () => {
  begin({ a: "one" });
  expect(look(join(root, "etc"))).not.toEqual({ r: { a: "two" } });
});
