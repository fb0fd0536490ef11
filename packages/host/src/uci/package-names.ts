/** Lists the packages of a configuration folder (spec "uci", section 5). */
import { readdirSync } from "node:fs";
import { isPackageName } from "@nethsec/uci/names";
import { UciError } from "@nethsec/uci/uci-error";
import { statFile } from "./locked-file.ts";

/** Names in byte order. Throws {@link UciError} "not_found" when the folder is empty or missing. */
export function packageNames(configDir: string): string[] {
  const names = readFolder(configDir).filter((name) => !name.startsWith("."));
  if (names.length === 0) throw new UciError("not_found");
  return names.filter((name) => isPackageName(name) && !name.includes(".") && !isFolder(`${configDir}/${name}`)).sort();
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path, "latin1");
  } catch {
    return [];
  }
}

function isFolder(path: string): boolean {
  return statFile(path)?.isDirectory() === true;
}
