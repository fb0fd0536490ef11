/**
 * What may be called what (spec "uci", section 3). All strings of this package are byte strings: one character from U+0000 to U+00FF is one
 * byte of the file.
 */

/** Names of sections and options. */
export function isName(text: string): boolean {
  return /^[A-Za-z0-9_]+$/.test(text);
}

/** Section types: printable ASCII without blanks. */
export function isType(text: string): boolean {
  return /^[!-~]+$/.test(text);
}

/**
 * Package names on the command line. The original also takes `/` (and so `sub/../../x`), which leaves the configuration directory: refused
 * here. A path that begins with `/` is no package name; who accepts one asks first.
 */
export function isPackageName(text: string): boolean {
  return /^[!-.0-~]+$/.test(text);
}

/** Package names in a `package` statement of a file. */
export function isStatedPackageName(text: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(text);
}

/** Values given on a command line, in a batch or in a delta: no control bytes but tab, newline and carriage return. */
export function isValue(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- control bytes are what is looked for
  return !/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(text);
}
