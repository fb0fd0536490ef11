/**
 * Prints the SBOM of the executable in CycloneDX 1.5: the runtime, the workspaces and the npm packages they need, from package-lock.json.
 * Invariant: the same lock file produces the same bytes.
 */
import { readFileSync } from "node:fs";

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const root = `${import.meta.dirname}/..`;
const lock: Readonly<Record<string, Locked>> = JSON.parse(readFileSync(`${root}/package-lock.json`, "utf8")).packages;

/** Resolves `name` from the package at `from`: the nearest node_modules upwards. */
function resolve(name: string, from: string): string {
  const path = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
  const found = lock[path];
  if (found?.link === true && found.resolved !== undefined) return found.resolved;
  if (found !== undefined) return path;
  if (from === "") throw new Error(`package-lock.json has no ${name}`);
  return resolve(name, from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))));
}

/** Collects all packages reachable from `path`, with their dependencies. */
function reach(path: string, found: Map<string, readonly string[]>): void {
  if (found.has(path)) return;
  const needs = Object.keys(lock[path]?.dependencies ?? {})
    .map((name) => resolve(name, path))
    .toSorted();
  found.set(path, needs);
  for (const need of needs) reach(need, found);
}

const nameOf = (path: string): string =>
  path.startsWith("packages/") ? `@nethsec/${path.slice("packages/".length)}` : path.replace(/^.*node_modules\//, "");
const referenceOf = (path: string): string =>
  `pkg:npm/${nameOf(path).replace("@", "%40")}@${lock[path]?.version ?? ""}`;

/** Licence of a package, from its package.json if that uses the old form, which the lock file does not include. */
function licenceOf(path: string): string {
  const locked = lock[path]?.license;
  if (locked !== undefined) return locked;
  const old: { licenses?: readonly { type: string }[] } = JSON.parse(
    readFileSync(`${root}/${path}/package.json`, "utf8"),
  );
  const type = old.licenses?.[0]?.type;
  if (type === undefined) throw new Error(`${path} says no licence`);
  return type;
}

function component(path: string): object {
  const integrity = lock[path]?.integrity;
  return {
    type: "library",
    "bom-ref": referenceOf(path),
    name: nameOf(path),
    version: lock[path]?.version,
    licenses: [{ license: { id: licenceOf(path) } }],
    purl: referenceOf(path),
    ...(integrity?.startsWith("sha512-") === true
      ? {
          hashes: [
            { alg: "SHA-512", content: Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex") },
          ],
        }
      : {}),
  };
}

const reached = new Map<string, readonly string[]>();
reach("packages/cli", reached);
const paths = [...reached.keys()].toSorted();
const version = lock[""]?.version ?? "";
const self = `pkg:generic/nethsec@${version}`;
const bun = `pkg:generic/bun@${lock["node_modules/bun"]?.version ?? ""}`;
const runtime = {
  type: "platform",
  "bom-ref": bun,
  name: "bun",
  version: lock["node_modules/bun"]?.version,
  licenses: [{ license: { id: "MIT" } }],
  purl: bun,
};
console.log(
  JSON.stringify(
    {
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      version: 1,
      metadata: {
        component: {
          type: "application",
          "bom-ref": self,
          name: "nethsec",
          version,
          licenses: [{ license: { id: "GPL-3.0-or-later" } }],
          purl: self,
        },
      },
      components: [runtime, ...paths.map(component)],
      dependencies: [
        { ref: self, dependsOn: [bun, referenceOf("packages/cli")] },
        ...paths.map((path) => ({ ref: referenceOf(path), dependsOn: (reached.get(path) ?? []).map(referenceOf) })),
      ],
    },
    null,
    2,
  ),
);
