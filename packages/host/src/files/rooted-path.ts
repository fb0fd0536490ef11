/**
 * Paths under a root folder. With root "/" the kernel resolves links. With any other root (tests, the lab's images) symbolic links are resolved here
 * as under chroot(2), so that an absolute link cannot lead to the machine's own files.
 */
import { lstatSync, readlinkSync } from "node:fs";
import { folderOf, inFolder, normalPath } from "./folder-of.ts";
import { osPath, pathText } from "./os-path.ts";

/** "/x/../../etc" is "/etc"; a relative path or a NUL is a programming error. */
export function absolutePath(path: string): string {
  if (!path.startsWith("/") || path.includes("\0")) throw new Error(`not an absolute path: ${JSON.stringify(path)}`);
  return normalPath(path);
}

/** Prepends the root to `path` without resolving links. */
export function joinRoot(root: string, path: string): string {
  const absolute = absolutePath(path);
  return root === "/" ? absolute : absolute === "/" ? root : root + absolute;
}

/**
 * The path to hand to the kernel. `follow`: also resolve the last component when it is a link. Throws the
 * system's ELOOP after 40 links, as the kernel does.
 */
export function resolveInRoot(root: string, path: string, follow: boolean): string {
  if (root === "/") return absolutePath(path);
  let links = 0;
  let done = "/";
  const todo = absolutePath(path).split("/").filter(Boolean);
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === "..") {
      done = folderOf(done);
      continue;
    }
    const next = inFolder(done, part);
    const target = todo.length > 0 || follow ? linkTarget(joinRoot(root, next)) : undefined;
    if (target === undefined) {
      done = next;
      continue;
    }
    links += 1;
    if (links > 40) throw Object.assign(new Error(`too many links: ${path}`), { code: "ELOOP" });
    if (target.startsWith("/")) done = "/";
    todo.unshift(...target.split("/").filter((piece) => piece !== "" && piece !== "."));
  }
  return joinRoot(root, done);
}

function linkTarget(real: string): string | undefined {
  if (lstatSync(osPath(real), { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  return pathText(readlinkSync(osPath(real), { encoding: "buffer" }));
}
