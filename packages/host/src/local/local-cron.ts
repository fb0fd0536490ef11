/** `Cron` over /etc/crontabs/root. The text is edited as Latin-1, so that bytes that are not valid UTF-8 are preserved. */
import { removeLine, resumeLines, setLine, suspendLines } from "./crontab.ts";
import { withLock } from "../files/file-lock.ts";
import type { Cron, Files } from "../host.ts";

const path = "/etc/crontabs/root";
/** Prevents two of our commands from overwriting each other's edit. */
const lock = "/var/run/nethsec/crontab.lock";

export function localCron(files: Files): Cron {
  const read = (): string => Buffer.from(files.readBytes(path) ?? []).toString("latin1");
  const edit = (change: (text: string) => string): boolean =>
    withLock(files, lock, () => {
      const before = read();
      const after = change(before);
      if (after === before) return false;
      files.write(path, Buffer.from(after, "latin1"), files.exists(path) ? { follow: true } : { mode: 0o600 });
      return true;
    });
  return {
    text: () => files.readText(path) ?? "",
    set: (id, line) => edit((text) => setLine(text, id, Buffer.from(line).toString("latin1"))),
    remove: (id) => edit((text) => removeLine(text, id)),
    suspend: (words) => edit((text) => suspendLines(text, words)),
    resume: (words) => edit((text) => resumeLines(text, words)),
  };
}
