/** Facts about the machine itself, from /proc, /sys and os-release (proc(5), sysfs). Units are in the names. */
import type { Host } from "@nethsec/host/host";

const firstLine = (host: Pick<Host, "files">, path: string): string | undefined =>
  host.files.readText(path)?.split("\n")[0]?.trim();

export function operatingSystem(host: Host): Readonly<Record<string, string>> {
  const release = host.system.osRelease();
  return {
    name: release["NAME"] ?? release["ID"] ?? "",
    version: release["VERSION_ID"] ?? release["VERSION"] ?? "",
    pretty_name: release["PRETTY_NAME"] ?? "",
    id: release["ID"] ?? "",
    arch: release["OPENWRT_ARCH"] ?? process.arch,
  };
}

export function kernel(host: Host): Readonly<Record<string, string>> {
  return {
    release: firstLine(host, "/proc/sys/kernel/osrelease") ?? "",
    version: firstLine(host, "/proc/sys/kernel/version") ?? "",
  };
}

export function processors(host: Host): { readonly count: number; readonly model: string } {
  const text = host.files.readText("/proc/cpuinfo") ?? "";
  const model = /^(?:model name|Processor|cpu model)\s*:\s*(.*)$/m.exec(text)?.[1] ?? "";
  return { count: [...text.matchAll(/^processor\s*:/gm)].length, model };
}

export function memory(host: Host): Readonly<Record<string, number>> {
  const { total, available } = host.system.memory();
  return { total_bytes: total, available_bytes: available, used_bytes: total - available };
}

const pseudo = new Set([
  "proc",
  "sysfs",
  "devtmpfs",
  "devpts",
  "cgroup",
  "cgroup2",
  "debugfs",
  "bpf",
  "pstore",
  "mqueue",
  "tracefs",
  "securityfs",
  "nsfs",
  "hugetlbfs",
]);

/** Mount points that hold files, with their sizes. Of several mounts at one place the last one counts, as it is the one seen. */
export function mountPoints(host: Host): Readonly<Record<string, unknown>> {
  const points: Record<string, unknown> = {};
  for (const line of (host.files.readText("/proc/mounts") ?? "").split("\n")) {
    const [device, path, type] = line.split(" ").map(unescapeOctal);
    if (device === undefined || path === undefined || type === undefined || pseudo.has(type)) continue;
    try {
      const { size, free } = host.system.fileSystem(path);
      if (size > 0)
        points[path] = { device, filesystem: type, size_bytes: size, available_bytes: free, used_bytes: size - free };
    } catch {
      // Mounted over, or gone since: not a place that holds files.
    }
  }
  return points;
}

/** Blanks in /proc/mounts are written \040 (proc(5)). */
const unescapeOctal = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export function dmi(host: Host): Readonly<Record<string, string>> | undefined {
  const names = [
    "sys_vendor",
    "product_name",
    "product_version",
    "product_serial",
    "product_uuid",
    "board_vendor",
    "board_name",
    "bios_vendor",
    "bios_version",
    "bios_date",
  ];
  const found = names.flatMap((name) => {
    const value = firstLine(host, `/sys/class/dmi/id/${name}`);
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  // ARM boards tell their model by the device tree instead.
  const model = host.files.readText("/proc/device-tree/model")?.replaceAll("\0", "").trim();
  if (found.length === 0 && model === undefined) return undefined;
  return { ...(model === undefined ? {} : { product_name: model }), ...Object.fromEntries(found) };
}

export function uptime(host: Host): { readonly seconds: number } {
  return { seconds: Math.floor(Number((host.files.readText("/proc/uptime") ?? "0").split(" ")[0])) };
}
