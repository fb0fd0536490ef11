/**
 * Reserves fixed file names in a world-writable folder through which other programs exchange data (keepalived's /tmp/keepalived.json). Any local user
 * could create a folder of that name first, and then rename(2) to it fails for every program. In a folder with the sticky bit only root can
 * remove, rename or replace what root owns (unlink(2), rename(2): EPERM), so we create the file early and keep it.
 */
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";

const attemptsMax = 5;

/**
 * Ensures that `path` is a file owned by us, or a link to `target` if given. A folder in the way is moved aside, never deleted:
 * walking through it while another user may change it is not safe. Returns true when the name is ours afterwards.
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
      // Another process created the name first, or the file system is full.
      log("debug", `${path}: ${messageOf(error)}`);
    }
  }
  return ours();
}
