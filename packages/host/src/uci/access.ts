/**
 * Where packages and their deltas are stored and how they are read: set by the options of `uci`, and by the store for the daemons. Strings are byte
 * strings (see `names.ts` of the uci package), except paths.
 */
import type { UciError } from "@nethsec/uci/uci-error";

export interface UciAccess {
  /** `-c`: the configuration folder. */
  readonly configDir: string;
  /** `-C`: a package found here is used in place of the configuration folder's; "" for none. */
  readonly overrideDir: string;
  /** `-t`: the folder in which changes are recorded; the last of `deltaDirs`. */
  readonly saveDir: string;
  /** In replay order. */
  readonly deltaDirs: readonly string[];
  /** `-S`: skip bad statements. */
  readonly lenient: boolean;
  /** Called for each parse error in a file (`-S`). */
  readonly report: (error: UciError) => void;
  /** `-n`: write the generated names of anonymous sections. */
  readonly writeNames: boolean;
  /** How long to wait for a lock. */
  readonly lockTimeoutMs: number | "forever";
}

export const defaultAccess: UciAccess = {
  configDir: "/etc/config",
  overrideDir: "/var/run/uci",
  saveDir: "/tmp/.uci",
  deltaDirs: ["/tmp/.uci"],
  lenient: false,
  report: () => {},
  writeNames: false,
  lockTimeoutMs: 30_000,
};
