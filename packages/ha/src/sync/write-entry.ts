/** Puts a file or link in its place, as one step of taking over a recorded state. */
import { setOwner } from "@nethsec/host/files/verified-copy";
import type { Files } from "@nethsec/host/host";

/** What there shall be at a path: a file with its content, a link, or nothing. */
export type Wanted =
  | {
      readonly type: "file";
      readonly bytes: Uint8Array;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: "symlink"; readonly target: string }
  | { readonly type: "nothing" };

/** Replaces whatever is at `path`, never through a link there; check {@link realFolders} before. */
export function writeEntry(files: Files, path: string, wanted: Wanted): void {
  if (wanted.type === "nothing") return files.remove(path, { recursive: true });
  if (wanted.type === "symlink") {
    files.remove(path, { recursive: true });
    return files.symlink(wanted.target, path);
  }
  if (files.stat(path)?.type === "directory") files.remove(path, { recursive: true });
  files.write(path, wanted.bytes, { mode: wanted.mode });
  setOwner(files.real(path), wanted.uid, wanted.gid);
}

/** True when every existing parent of `path` is a real folder, not a link. */
export function realFolders(files: Files, path: string): boolean {
  const parts = path.split("/").slice(1, -1);
  return parts.every((_, index) => {
    const type = files.stat(`/${parts.slice(0, index + 1).join("/")}`)?.type;
    return type === undefined || type === "directory";
  });
}
