/**
 * Brings the backup's packages to the primary's versions: packages that are missing on the backup or have another version there are
 * downloaded here and installed there. opkg up to OpenWrt 24.10, apk from 25.12.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Argv, Host } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";
import { sshRun } from "../ssh/ssh-link.ts";
import { uploadFile } from "../ssh/upload.ts";

interface Manager {
  readonly name: "opkg" | "apk";
  readonly list: Argv;
  /** Downloads into the current folder. */
  readonly fetch: (name: string) => Argv;
  readonly install: (file: string) => string;
  readonly suffix: string;
}

const managers: readonly Manager[] = [
  {
    name: "apk",
    list: ["apk", "list", "-I", "--manifest"],
    fetch: (name) => ["apk", "fetch", name],
    install: (file) => `apk add ${file}`,
    suffix: ".apk",
  },
  {
    name: "opkg",
    list: ["opkg", "list-installed"],
    fetch: (name) => ["opkg", "download", name],
    install: (file) => `opkg install --force-downgrade ${file}`,
    suffix: ".ipk",
  },
];

const folder = "/tmp/ns-ha-packages";
const listTimeoutMs = 60_000;
const fetchTimeoutMs = 300_000;

/** Returns "name version" of the installed packages. Throws `no_package_manager`, `package_not_available`, `package_refused`. */
export async function levelPackages(
  host: Pick<Host, "files" | "run">,
  config: HaConfig,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<string[]> {
  const manager = managers.find(
    ({ name }) =>
      host.files.exists(`/bin/${name}`) || host.files.exists(`/usr/bin/${name}`) || host.files.exists(`/sbin/${name}`),
  );
  if (manager === undefined)
    throw new NethsecError({ code: "no_package_manager", message: "This node has neither opkg nor apk." });
  const here = parsePackages((await host.run(manager.list, { timeoutMs: listTimeoutMs, signal })).stdout);
  const listed = await sshRun(host, config, {
    key: "admin",
    command: manager.list.join(" "),
    timeoutMs: listTimeoutMs,
    signal,
  });
  const missing = outdated(here, parsePackages(listed.stdout));
  host.files.mkdir(folder, { mode: 0o700 });
  try {
    for (const { name, version } of missing) {
      tell(`Installing ${name} ${version} on ${config.peer.address}…`);
      await installThere(host, config, manager, name, signal);
    }
  } finally {
    host.files.remove(folder, { recursive: true });
  }
  return missing.map(({ name, version }) => `${name} ${version}`);
}

async function installThere(
  host: Pick<Host, "files" | "run">,
  config: HaConfig,
  manager: Manager,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const before = new Set(host.files.list(folder));
  await host.run(manager.fetch(name), { cwd: host.files.real(folder), timeoutMs: fetchTimeoutMs, signal });
  const file = host.files.list(folder).find((found) => found.endsWith(manager.suffix) && !before.has(found));
  if (file === undefined) {
    throw new NethsecError({
      code: "package_not_available",
      message: `The package ${name} cannot be downloaded in the version that is installed here.`,
      advice: `Update this node first: ${manager.name} update`,
    });
  }
  const remote = `/tmp/ns-ha-package${manager.suffix}`;
  await uploadFile(host, config, `${folder}/${file}`, remote, signal);
  const result = await sshRun(host, config, {
    key: "admin",
    command: manager.install(remote),
    timeoutMs: fetchTimeoutMs,
    signal,
  });
  if (result.code === 0) return;
  const said = `${result.stdout}\n${result.stderr}`.trim().split("\n").pop() ?? "";
  throw new NethsecError({
    code: "package_refused",
    message: `The backup node ${config.peer.address} did not install ${name}: ${said}`,
  });
}

/** Parses "name - version" (opkg) and "name version" (apk --manifest), one per line. */
export function parsePackages(list: string): Map<string, string> {
  const packages = new Map<string, string>();
  for (const line of list.split("\n")) {
    const found = /^([a-z0-9][A-Za-z0-9+._-]*)(?: - | )(\S+)/.exec(line.trim());
    if (found?.[1] !== undefined && found[2] !== undefined) packages.set(found[1], found[2]);
  }
  return packages;
}

/** Packages of `here` that `there` lacks or has in another version. */
export function outdated(
  here: ReadonlyMap<string, string>,
  there: ReadonlyMap<string, string>,
): { name: string; version: string }[] {
  return [...here]
    .filter(([name, version]) => there.get(name) !== version)
    .map(([name, version]) => ({ name, version }));
}
