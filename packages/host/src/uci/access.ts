/**
 * Where packages and their deltas are and how they are read: what `uci`'s options decide, and the store for the daemons. Strings are byte strings
 * (see `names.ts` of the uci package), paths excepted.
 */
import type { UciError } from "@nethsec/uci/uci-error";

export interface UciAccess {
  /** `-c`: the configuration folder. */
  readonly configDir: string;
  /** `-C`: a package found here is used in place of the configuration folder's; "" for none. */
  readonly overrideDir: string;
  /** `-t`: where changes are recorded; the last of `deltaDirs`. */
  readonly saveDir: string;
  /** In the order of replay. */
  readonly deltaDirs: readonly string[];
  /** `-S`: skip bad statements. */
  readonly lenient: boolean;
  /** Told of each parse error in a file (`-S`). */
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
