/**
 * Splits absolute paths as text. Not with node:path: Bun 1.4.5 converts its strings to UTF-8 and so destroys names that are not valid UTF-8 (see
 * os-path.ts), and loading it takes a tenth of a millisecond.
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

/** "/a//./b/../c/" → "/a/c"; ".." at the root stays at the root. */
export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
