import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";

/** While it exists, only the encrypted form of a backup leaves the machine (documentation, "Backup encryption"). */
export const passphrasePath = "/etc/backup.pass";

type Needs = Pick<Host, "files">;

export const isEncrypting = ({ files }: Needs): boolean => files.stat(passphrasePath, { follow: true }) !== undefined;

/** Throws when the first line, all that gpg reads, is empty (full disk, empty variable): an empty passphrase must not mean "do not encrypt". */
export function requirePassphrase({ files }: Needs): void {
  if (files.readText(passphrasePath)?.split("\n")[0] !== "") return;
  throw new NethsecError({
    code: "no_passphrase",
    message: `There is no passphrase in the first line of ${passphrasePath}: nothing was sent.`,
    advice: "Write one into it. To send backups unencrypted, delete the file.",
  });
}
