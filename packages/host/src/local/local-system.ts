/** `System`: facts about the machine. */
import { readFileSync, statfsSync, statSync } from "node:fs";
import { fileError } from "../files/file-error.ts";
import type { Files, System } from "../host.ts";

export function localSystem(files: Files): System {
  return {
    osRelease: () => parseOsRelease(files.readText("/etc/os-release") ?? ""),
    // Read from /proc, so it is that of our own UTS namespace; loading node:os would cost a small command time.
    hostname: () => readFileSync("/proc/sys/kernel/hostname", "utf8").trim(),
    memory: () => parseMemory(readFileSync("/proc/meminfo", "utf8")),
    fileSystem: (path) => {
      try {
        const { bsize, blocks, bavail } = statfsSync(files.real(path));
        return { size: bsize * blocks, free: bsize * bavail, device: statSync(files.real(path)).dev };
      } catch (thrown) {
        throw fileError("look at the file system of", path, thrown);
      }
    },
  };
}

/** proc(5), /proc/meminfo: `available` is the memory that programs can get without swapping, including reclaimable caches. */
export function parseMemory(meminfo: string): { total: number; available: number } {
  const bytes = (key: string): number =>
    1024 * Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, "m").exec(meminfo)?.[1] ?? 0);
  return { total: bytes("MemTotal"), available: bytes("MemAvailable") };
}

/** os-release(5): `KEY=value`, the value bare or in single or double quotes with backslash escapes. */
export function parseOsRelease(text: string): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, key, value] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) facts[key] = unquote(value);
  }
  return facts;
}

function unquote(value: string): string {
  const quote = value[0];
  if ((quote !== '"' && quote !== "'") || value.length < 2 || !value.endsWith(quote)) return value;
  const inner = value.slice(1, -1);
  return quote === "'" ? inner : inner.replace(/\\(["$`\\])/g, "$1");
}
