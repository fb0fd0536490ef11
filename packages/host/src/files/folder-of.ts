/** The folder of an absolute path. Not by node:path, whose loading takes a tenth of a millisecond. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
