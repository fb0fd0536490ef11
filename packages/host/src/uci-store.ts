/**
 * Configuration packages of one machine: /etc/config with the pending deltas of /tmp/.uci, as libuci sees them.
 * Values are text (UTF-8; bytes that are not valid UTF-8 round-trip unharmed). Synchronous: files are small, locks are short and bounded.
 */

/** One section as it is now (configuration plus pending deltas). */
export interface Section {
  readonly name: string;
  readonly type: string;
  readonly anonymous: boolean;
  /** Option names in order. */
  readonly options: readonly string[];
  /** List items are joined with a space; undefined when the option does not exist. */
  get(option: string): string | undefined;
  /** The items of a list; a string option is split at blanks, as in OpenWrt's shell functions; [] when the option does not exist. */
  list(option: string): string[];
  /** `1 on true yes enabled` / `0 off false no disabled`; anything else, or absent: the default. */
  bool(option: string, fallback: boolean): boolean;
  /** A decimal integer, else the fallback. */
  int(option: string, fallback: number): number;
  /** The value unconverted: string or list. */
  raw(option: string): string | readonly string[] | undefined;
}

export interface Package {
  readonly name: string;
  readonly sections: readonly Section[];
  /** Sections of one type, in order. */
  ofType(type: string): Section[];
  /** By name, or `@type[index]`. */
  section(ref: string): Section | undefined;
  /** Shorthand for `section(s)?.get(o)`. */
  get(section: string, option: string): string | undefined;
}

/** Changes to any number of packages, committed together or not at all. Section references: name or `@type[i]`. */
export interface Transaction {
  load(name: string): Package;
  /** Creates the package file if it is missing. Adds a named section, or retypes an existing one. */
  setSection(pkg: string, section: string, type: string): void;
  /** Adds an anonymous section; returns its generated name, valid within this transaction. */
  addSection(pkg: string, type: string): string;
  /** A string, or a list (an empty list or empty string deletes the option). */
  set(pkg: string, section: string, option: string, value: string | readonly string[]): void;
  addList(pkg: string, section: string, option: string, item: string): void;
  removeFromList(pkg: string, section: string, option: string, item: string): void;
  /** A missing section or option counts as success. */
  delete(pkg: string, section: string, option?: string): void;
  rename(pkg: string, section: string, name: string): void;
  reorder(pkg: string, section: string, position: number): void;
}

export interface UciStore {
  /** undefined when the package does not exist; throws when the file does not parse. */
  load(name: string): Package | undefined;
  /** Like `load`, but a missing package counts as an empty one. */
  read(name: string): Package;
  /** Names of all packages, byte order. */
  names(): string[];
  /**
   * Runs `work`, then commits every package it changed: all or nothing. If `work` throws, nothing changes. Pending deltas of others for those
   * packages stay pending and are not visible in the transaction. If `work` changes something, it runs at least twice (the first run finds out which
   * files to lock), so it must have no side effects other than on the transaction. Returns the names of the packages whose file changed.
   */
  change(work: (transaction: Transaction) => void): string[];
  /**
   * Sets runtime state in /var/state/PKG (`uci -P /var/state`): never written to /etc/config. Value undefined removes the option. With `type`, a
   * section that the configuration does not have is created; without, it is an error.
   */
  setState(pkg: string, section: string, option: string, value: string | undefined, type?: string): void;
  /** The package with the state of /var/state applied on top. */
  readState(name: string): Package;
  /** A hash of the result of `load` for each package: to find the packages that changed since the last call. */
  fingerprint(names?: readonly string[]): Map<string, string>;
}
