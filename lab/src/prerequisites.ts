/** Checks the machine's prerequisites (root, kernel features, Debian packages) and explains each that is missing. */
import { existsSync, readFileSync } from "node:fs";
import { NethsecError } from "@nethsec/host/error";
import { checkout } from "./layer.ts";
import { run } from "./namespace.ts";

export function requireRoot(): void {
  if (process.getuid?.() !== 0)
    throw new NethsecError({
      code: "not_root",
      message: "The lab needs root: it makes namespaces, mounts and virtual networks.",
      advice: "Run it with sudo, or in a privileged container.",
    });
}

const probes: readonly (readonly [feature: string, script: string])[] = [
  ["namespaces (network, mount, PID, UTS, IPC)", "true"],
  ["an overlay file system", "grep -qw overlay /proc/filesystems || modprobe overlay"],
  ["virtual Ethernet pairs (veth)", "ip link add name lab0 type veth peer name lab1"],
  ["bridges", "ip link add name lab2 type bridge"],
  ["nftables", "nft add table inet lab"],
  ["nftables for bridges", "nft add table bridge lab"],
];

/** Returns an error that names missing kernel features, or `cause` if none is missing. */
export async function explainStartFailure(cause: unknown): Promise<unknown> {
  const missing: string[] = [];
  for (const [feature, script] of probes) {
    const { code } = await run(
      ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "sh", "-c", script],
      { timeoutMs: 5000, ok: "any" },
    );
    if (code === 0) continue;
    missing.push(feature);
    // Without namespaces the other features cannot be tested.
    if (missing.length === 1 && feature === probes[0]?.[0]) break;
  }
  if (missing.length === 0) return cause;
  return new NethsecError({
    code: "kernel_feature_missing",
    message: `This machine does not let the lab use ${missing.join(", ")}.`,
    advice: "Run it on a machine of your own, or in a container with all privileges, whose kernel has them.",
    cause,
  });
}

/** Package names of a list: one a line, `#` begins a comment. */
export function parsePackageList(text: string): string[] {
  return text.split("\n").flatMap((line) => line.replace(/#.*/, "").trim() || []);
}

/** Packages of the list that are not installed. */
export async function missingPackages(listFile: string): Promise<string[]> {
  const wanted = parsePackageList(readFileSync(listFile, "utf8"));
  const { stdout } = await run(["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n"], {
    timeoutMs: 20_000,
  });
  const installed = new Set(
    stdout.split("\n").flatMap((line) => (line.endsWith(" installed") ? (line.split(" ")[0] ?? []) : [])),
  );
  return wanted.filter((name) => !installed.has(name));
}

/**
 * Installs the missing packages of lab/packages.txt with lab/install-packages, which reports progress on standard error and starts no service on
 * this machine. Does nothing on systems other than Debian.
 */
export async function installMissingPackages(say: (text: string) => void): Promise<void> {
  if (!existsSync("/usr/bin/dpkg-query")) return;
  const missing = await missingPackages(`${checkout}/lab/packages.txt`);
  if (missing.length === 0) return;
  requireRoot();
  say(`installing ${missing.length} Debian packages, once: ${missing.join(", ")}`);
  const installing = run.spawn([`${checkout}/lab/install-packages`, ...missing], {
    stdout: "ignore",
    stderr: "inherit",
  });
  const { code } = await installing.exited;
  if (code !== 0)
    throw new NethsecError({
      code: "packages_not_installed",
      message: "Debian packages that the lab needs could not be installed: apt's last lines are above.",
      advice: `Install them by hand: apt-get install ${missing.join(" ")}`,
    });
}
