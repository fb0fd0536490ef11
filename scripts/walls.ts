/**
 * Import rules: which packages, and within a package which rooms (a room is a folder or file of `src`), may import which. Run by `make lint`.
 * Parses import statements as text, including type-only and dynamic ones, and also reports import cycles between files.
 *
 *     bun scripts/walls.ts
 */
import { dirname, join, normalize } from "node:path";

/** Package → packages it may import. The lab drives the executable and imports none of the services. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  uci: [],
  host: ["uci"],
  plug: ["uci", "host"],
  ha: ["uci", "host"],
  report: ["uci", "host"],
  cli: ["uci", "host", "plug", "ha", "report"],
  lab: ["uci", "host"],
};

/** Rooms of a package, lowest layer first: a room may import only rooms listed before it. Packages with a single room have no row. */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  host: [
    "once error units version ip-address backoff message-of uci-store host random doorbell".split(" "),
    "ffi files process http command uci local".split(" "),
    "conditions metrics rpcd testing".split(" "),
  ].flat(),
  ha: "cluster keepalived ssh sync revisions upgrade change agent cli commands testing".split(" "),
  plug: "executables config cron portal alerts backup updates subscription controller reports metrics rpcd commands testing".split(
    " ",
  ),
  report:
    "store names auth metrics groups query quota cleanup feed daemon web mail rpcd serve cli commands testing".split(
      " ",
    ),
};

export interface Finding {
  readonly file: string;
  readonly text: string;
}

const importPattern = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)"([^"\n]+)"/g;
const isTest = (file: string): boolean => /\.test\.ts$|\/(test|bench)\//.test(file);

/** "packages/ha/src/sync/restore.ts" → ["ha", "sync"]; undefined for a file outside of every `src`. */
function roomOf(file: string): readonly [pkg: string, room: string] | undefined {
  const match = /^(?:packages\/)?(\w+)\/src\/([^/]+)/.exec(file);
  return match === null ? undefined : [match[1] ?? "", (match[2] ?? "").replace(/\.ts$/, "")];
}

/** File that a specifier resolves to, if it is in this repository. */
function targetOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return normalize(join(dirname(file), specifier));
  const match = /^@nethsec\/(\w+)\/(.+)$/.exec(specifier);
  return match === null ? undefined : `${match[1] === "lab" ? "lab" : `packages/${match[1]}`}/src/${match[2]}.ts`;
}

/** Files of this repository that a file imports, paths from the checkout. */
export function targetsIn(file: string, source: string): string[] {
  return [...source.matchAll(importPattern)].flatMap(([, specifier = ""]) => targetOf(file, specifier) ?? []);
}

/** Forbidden imports and uses of Bun in one file. `file`: path from the checkout; tests may import every room of their own package. */
export function findingsIn(file: string, source: string): Finding[] {
  const found: Finding[] = [];
  const report = (text: string): void => void found.push({ file, text });
  const own =
    roomOf(file)?.[0] ?? /^packages\/(\w+)\//.exec(file)?.[1] ?? (file.startsWith("lab/") ? "lab" : undefined);
  for (const [, specifier = ""] of source.matchAll(importPattern)) {
    const target = targetOf(file, specifier);
    const there = target === undefined ? undefined : roomOf(target);
    if (own === undefined || there === undefined) continue;
    const [pkg, room] = there;
    if (pkg !== own) {
      if (packages[own]?.includes(pkg) !== true) report(`${own} may not import ${pkg} (${specifier})`);
      else if (specifier.startsWith(".")) report(`import ${pkg} by its exports, not by path (${specifier})`);
    } else if (!isTest(file)) roomFinding(own, roomOf(file)?.[1], room, specifier, report);
  }
  if (own === "uci" && file.includes("/src/") && !isTest(file) && /"(?:node|bun):?/.test(source))
    report("packages/uci is pure: no modules of the runtime");
  if (own !== undefined && own !== "host" && own !== "lab" && !isTest(file)) bunFindings(source, report);
  return found;
}

function roomFinding(
  pkg: string,
  from: string | undefined,
  to: string,
  specifier: string,
  report: (text: string) => void,
): void {
  const order = rooms[pkg];
  if (order === undefined || from === undefined || from === to) return;
  for (const room of [from, to])
    if (!order.includes(room)) return report(`${pkg}/src/${room} has no place in scripts/walls.ts: give it one`);
  if (order.indexOf(to) > order.indexOf(from)) report(`${pkg}/${from} stands below ${pkg}/${to} (${specifier})`);
}

/** Uses of the runtime that only packages/host may have, besides the global `Bun` (which the linter finds). */
function bunFindings(source: string, report: (text: string) => void): void {
  if (/with\s*\{\s*type:\s*"macro"\s*\}/.test(source)) report("macros are Bun's: only packages/host may use them");
  if (/\bfetch\(/.test(source) && /(?:^\s*|\{\s*|,\s*)unix\s*[:,]/m.test(source))
    report("fetch with { unix } is Bun's: use @nethsec/host/http/unix-request");
  if (/"bun(:\w+)?"/.test(source) && /(?:from|import)\s*\(?\s*"bun(:\w+)?"/.test(source))
    report("modules of Bun are reached through packages/host");
}

/** Import cycles, including type-only imports; each as a list of files in order. `sources`: path → text. */
export function circlesIn(sources: ReadonlyMap<string, string>): string[][] {
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      circles.push(path.slice(path.indexOf(file)));
      return;
    }
    state.set(file, "open");
    path.push(file);
    for (const [, specifier = ""] of (sources.get(file) ?? "").matchAll(importPattern)) {
      const target = targetOf(file, specifier);
      if (target !== undefined && sources.has(target)) visit(target);
    }
    path.pop();
    state.set(file, "done");
  };
  for (const file of sources.keys()) visit(file);
  return circles;
}

if (import.meta.main) {
  const files = [...new Bun.Glob("{packages,lab}/**/*.ts").scanSync(".")].filter(
    (file) => !file.includes("node_modules"),
  );
  const sources = new Map(await Promise.all(files.map(async (file) => [file, await Bun.file(file).text()] as const)));
  const findings = [...sources].flatMap(([file, source]) => findingsIn(file, source));
  for (const { file, text } of findings) console.error(`${file}: ${text}`);
  const circles = circlesIn(sources);
  for (const circle of circles) console.error(`circle of files: ${circle.join(" → ")}`);
  if (findings.length + circles.length > 0) process.exit(1);
  console.log(`walls: ${files.length} files, nothing found.`);
}
