/** Facts about the machine from /proc, /sys, os-release, `lscpu` and `df` (test-data/contracts/inventory.json, which has some numbers as text). */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

const commandTimeoutMs = 10_000;
const dmiDir = "/sys/devices/virtual/dmi/id";

export const firstLine = ({ files }: Pick<Host, "files">, path: string): string =>
  files.readText(path)?.split("\n")[0]?.trim() ?? "";

const boardSchema = v.object({ model: v.object({ name: v.string() }) });

export const product = (host: Host): string =>
  firstLine(host, `${dmiDir}/product_name`) || readJson(host.files, "/etc/board.json", boardSchema)?.model.name || "";

export const dmiText =
  (name: string, dir = dmiDir) =>
  (host: Host): string =>
    firstLine(host, `${dir}/${name}`);

export const arpCount = (host: Host): string => {
  const lines = (host.files.readText("/proc/net/arp") ?? "").split("\n").filter((line) => line !== "");
  return String(Math.max(0, lines.length - 1));
};

/** Lines of `lscpu -J`: {"lscpu": [{"field": "Architecture:", "data": "x86_64", "children": […]}]}; newer ones nest. */
interface CpuField {
  readonly field: string;
  readonly data: string | null;
  readonly children?: readonly CpuField[] | undefined;
}
const cpuField: v.GenericSchema<unknown, CpuField> = v.object({
  field: v.string(),
  data: v.nullable(v.string()),
  children: v.optional(v.array(v.lazy(() => cpuField))),
});
const cpuSchema = v.object({ lscpu: v.array(cpuField) });

async function cpuText(host: Host, name: string): Promise<string> {
  const { stdout } = await host.run(["lscpu", "-J"], { timeoutMs: commandTimeoutMs });
  const flat = (fields: readonly CpuField[]): CpuField[] =>
    fields.flatMap((field) => [field, ...flat(field.children ?? [])]);
  const found = flat(v.parse(cpuSchema, JSON.parse(stdout)).lscpu);
  return found.find(({ field }) => field.startsWith(name))?.data ?? "";
}

export const architecture = (host: Host): Promise<string> => cpuText(host, "Architecture");
export const cpuModels = async (host: Host): Promise<readonly string[]> => [await cpuText(host, "Model name")];
/** The hypervisor, or "physical". */
export const virtual = async (host: Host): Promise<string> => (await cpuText(host, "Hypervisor vendor")) || "physical";

export const cpuCount = (host: Host): string =>
  String([...(host.files.readText("/proc/cpuinfo") ?? "").matchAll(/^processor\s*:/gm)].length);

export const uptime = (host: Host): string => firstLine(host, "/proc/uptime").split(".")[0] ?? "";

export const timezone = ({ uci }: Host): string => uci.read("system").ofType("system")[0]?.get("zonename") ?? "";

export const versionId = ({ system }: Pick<Host, "system">): string => system.osRelease()["VERSION_ID"] ?? "";

interface Usage {
  readonly used_bytes: number;
  readonly available_bytes: number;
  readonly total_bytes: number;
}

/** /proc/meminfo, whose kB are 1,024 bytes (proc(5)). */
export function memory(host: Host): { readonly swap: Usage; readonly system: Usage } {
  const text = host.files.readText("/proc/meminfo") ?? "";
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0) * 1024;
  const [swap, total] = [bytes("SwapTotal"), bytes("MemTotal")];
  return {
    swap: { used_bytes: swap - bytes("SwapFree"), available_bytes: bytes("SwapFree"), total_bytes: swap },
    system: {
      used_bytes: total - bytes("MemFree") - bytes("Buffers") - bytes("Cached"),
      available_bytes: bytes("MemAvailable"),
      total_bytes: total,
    },
  };
}

const leftOut = new Set(["/rom", "/overlay", "/dev"]);

/** `df -P` prints file system, blocks of 1,024 bytes, used, available, capacity, mount point. If a mount point occurs twice, the first line counts. */
export async function mountPoints(host: Host): Promise<Readonly<Record<string, Usage>>> {
  // df exits with 1 when it cannot read one of the file systems.
  const { stdout } = await host.run(["df", "-P"], { timeoutMs: commandTimeoutMs, ok: [0, 1] });
  const points = new Map<string, Usage>();
  for (const line of stdout.split("\n").slice(1)) {
    const [, total, used, available, path] = /\s(\d+)\s+(\d+)\s+(\d+)\s+\S+\s+(\/.*)$/.exec(line) ?? [];
    if (path === undefined || leftOut.has(path) || points.has(path)) continue;
    points.set(path, {
      total_bytes: Number(total) * 1024,
      used_bytes: Number(used) * 1024,
      available_bytes: Number(available) * 1024,
    });
  }
  return Object.fromEntries(points);
}
