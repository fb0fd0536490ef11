/** A file as memory: only the pages that are used are read. For files that are replaced by a rename and never written in place. */

/** `path` is a real path (`files.real`) of a file that exists and is not empty. Keeps what it maps while the result is in use. Throws otherwise. */
export function mappedFile(path: string): Uint8Array {
  return Bun.mmap(path, { shared: false });
}
