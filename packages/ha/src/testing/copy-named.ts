/** Models `rsync -lptgo --relative --files-from` for the named files, as far as a pair needs it; replaces files of another type at the destination. */
import type { Files } from "@nethsec/host/host";

export function copyNamed(from: Files, to: Files, folder: string, paths: readonly string[]): void {
  for (const path of paths) {
    const stat = from.stat(path);
    if (stat === undefined) continue;
    const target = `${folder}${path}`;
    clearWay(to, folder, path);
    const there = to.stat(target);
    if (stat.type === "directory") {
      if (there !== undefined && there.type !== "directory") to.remove(target);
      to.mkdir(target, { mode: stat.mode });
      continue;
    }
    if (there?.type === "directory") to.remove(target, { recursive: true });
    const link = from.readlink(path);
    if (link !== undefined) {
      to.remove(target);
      to.symlink(link, target);
    } else to.write(target, from.readBytes(path) ?? new Uint8Array(), { mode: stat.mode });
  }
}

/** Removes links and files in the staging area that are in the place of parent folders. */
function clearWay(to: Files, folder: string, path: string): void {
  const parts = path.split("/").slice(1, -1);
  let at = folder;
  to.mkdir(at, { mode: 0o700 });
  for (const part of parts) {
    at = `${at}/${part}`;
    const type = to.stat(at)?.type;
    if (type !== undefined && type !== "directory") to.remove(at);
    if (type !== "directory") to.mkdir(at);
  }
}
