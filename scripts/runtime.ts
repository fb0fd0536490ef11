/**
 * Prints the path of the Bun runtime for executables of TARGET. Downloads it if it is not in .cache/runtimes: the package named in the lock file,
 * verified against the lock file's checksum. (Bun's compiler would download it without verification.)
 *
 *     bun scripts/runtime.ts linux-x64-musl|linux-arm64|linux-arm64-musl
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>;
}

/** Name, version and checksum (npm's format, "sha512-…") of the runtime's package. Throws if the lock file does not list it. */
export function runtimePackage(lock: Lock, target: string): { name: string; version: string; integrity: string } {
  const name = `@oven/bun-${target.replace("arm64", "aarch64")}`;
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Error(`package-lock.json has no ${name}: TARGET is linux-x64-musl, linux-arm64 or linux-arm64-musl.`);
  return { name, version, integrity };
}

/** Throws unless the bytes have the checksum. */
export function checkIntegrity(bytes: Uint8Array, integrity: string, what: string): void {
  const [algorithm = "", wanted] = integrity.split("-");
  if (createHash(algorithm).update(bytes).digest("base64") !== wanted)
    throw new Error(`${what} is not what package-lock.json says (${integrity}). It is not used.`);
}

function download(target: string): string {
  const lock: Lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const { name, version, integrity } = runtimePackage(lock, target);
  const cache = join(process.cwd(), ".cache/runtimes");
  const runtime = join(cache, `${name.replace("@oven/", "")}-${version}`);
  if (existsSync(runtime)) return runtime;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "new-"));
  try {
    console.error(`downloading ${name} ${version} …`);
    const argv = ["pack", `${name}@${version}`, `--pack-destination=${work}`, "--loglevel=error", "--json"];
    const [packed]: { filename: string }[] = JSON.parse(execFileSync("npm", argv, { encoding: "utf8" }));
    const archive = join(work, packed?.filename ?? "");
    checkIntegrity(readFileSync(archive), integrity, `${name} ${version}`);
    execFileSync("tar", ["-xzf", archive, "-C", work, "package/bin/bun"]);
    renameSync(join(work, "package/bin/bun"), runtime);
    return runtime;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  try {
    console.log(download(process.argv[2] ?? ""));
  } catch (error) {
    console.error(`runtime: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
