/**
 * Parts of absolute paths, by text alone. Not by node:path: Bun 1.4.5 hands its strings through UTF-8 and so loses names that are none
 * (see os-path.ts), and its loading takes a tenth of a millisecond.
 */

export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The last part. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function inFolder(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** "/a//./b/../c/" → "/a/c"; ".." of the root is the root. */
export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
