/** Describes file errors in terms an administrator can act on. */
import { NethsecError } from "../error.ts";

interface Trouble {
  readonly code: string;
  readonly text: string;
  readonly advice?: string;
}

const troubles: Readonly<Record<string, Trouble>> = {
  ENOSPC: {
    code: "disk_full",
    text: "no space left on the device",
    advice: "Free some space (see `df -h`), then run it again.",
  },
  EDQUOT: { code: "disk_full", text: "the quota is used up", advice: "Free some space, then run it again." },
  EROFS: {
    code: "read_only_file_system",
    text: "the file system is read-only",
    advice: "Look for disk errors in the log (`dmesg`).",
  },
  EACCES: { code: "no_permission", text: "permission denied", advice: "Run the command as root." },
  EPERM: { code: "no_permission", text: "operation not permitted", advice: "Run the command as root." },
  ENOENT: { code: "no_such_file", text: "it does not exist" },
  EISDIR: { code: "is_a_folder", text: "it is a folder" },
  ENOTDIR: { code: "not_a_folder", text: "a part of its path is not a folder" },
  ELOOP: { code: "unsafe_link", text: "it is a symbolic link" },
  ENOTEMPTY: { code: "folder_not_empty", text: "the folder is not empty" },
};

/** A failed operation on one file; `errno` is the system's error name, e.g. "ENOSPC", if there is one. */
export class FileError extends NethsecError {
  readonly path: string;
  readonly errno: string | undefined;
  constructor(facts: {
    path: string;
    code: string;
    message: string;
    errno?: string | undefined;
    advice?: string | undefined;
    cause?: unknown;
  }) {
    super({
      code: facts.code,
      message: facts.message,
      cause: facts.cause,
      ...(facts.advice === undefined ? {} : { advice: facts.advice }),
    });
    this.path = facts.path;
    this.errno = facts.errno;
  }
}

/** The error name ("ENOENT") of an error thrown by node:fs; undefined for any other value. */
export function errnoOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}

/** `attempted` is a verb: "read", "write". Anything that is not an operating error is rethrown unchanged. */
export function fileError(attempted: string, path: string, thrown: unknown): FileError {
  if (thrown instanceof FileError) return thrown;
  const errno = errnoOf(thrown);
  if (errno === undefined) throw thrown;
  const trouble = troubles[errno] ?? { code: "file_error", text: errno };
  return new FileError({
    path,
    errno,
    code: trouble.code,
    message: `Cannot ${attempted} ${path}: ${trouble.text}`,
    advice: trouble.advice,
    cause: thrown,
  });
}
