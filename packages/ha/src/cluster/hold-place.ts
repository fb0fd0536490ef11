/**
 * Files that other programs exchange through fixed names in a world-writable folder (keepalived's /tmp/keepalived.json). There any local user can
 * make a folder of that name first, and then nobody's rename(2) to it succeeds. What root owns in a folder with the sticky bit nobody else can
 * remove, rename or replace (unlink(2), rename(2): EPERM): so the name is taken early, and kept.
 */
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";

const attemptsMax = 5;

/**
 * Sees to it that a file of our own is at `path`, or a link of our own to `target` when that is given. A folder is moved aside (never
 * deleted: walking through what another user may change at the same moment is not safe). Returns true when the name is ours afterwards.
 */
export function holdPlace(host: Pick<Host, "files" | "random" | "log">, path: string, target?: string): boolean {
  const { files, random, log } = host;
  const ours = (): boolean => {
    const there = files.stat(path);
    if (there === undefined || there.uid !== process.getuid?.()) return false;
    return target === undefined ? there.type === "file" : there.type === "symlink" && files.readlink(path) === target;
  };
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    if (ours()) return true;
    const there = files.stat(path);
    try {
      if (there?.type === "directory") {
        const aside = `${path}.${random.text(12)}`;
        files.rename(path, aside);
        log("warning", `${path} was a folder of user ${there.uid}, in the way of keepalived: it was moved to ${aside}`);
      } else if (there !== undefined) files.remove(path);
      if (target === undefined) files.write(path, "", { mode: 0o600 });
      else files.symlink(target, path);
    } catch (error) {
      // Somebody was quicker, or the file system is full.
      log("debug", `${path}: ${messageOf(error)}`);
    }
  }
  return ours();
}
