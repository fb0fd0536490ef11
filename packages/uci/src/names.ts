/**
 * What may be called what (spec "uci", section 3). All strings of this package are byte strings: one character from U+0000 to U+00FF is one
 * byte of the file.
 */

// Loops in place of regular expressions: the first of these costs a process as much as ten system calls, and `uci get` is a process.

/** Names of sections and options. */
export function isName(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (!isNameCode(text.charCodeAt(at))) return false;
  return text !== "";
}

function isNameCode(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122);
}

/** Section types: printable ASCII without blanks. */
export function isType(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 33 || code > 126) return false;
  }
  return text !== "";
}

/**
 * Package names on the command line. The original also takes `/` (and so `sub/../../x`), which leaves the configuration directory: refused
 * here. A path that begins with `/` is no package name; who accepts one asks first.
 */
export function isPackageName(text: string): boolean {
  return isType(text) && !text.includes("/");
}

/** Package names in a `package` statement of a file. */
export function isStatedPackageName(text: string): boolean {
  return isName(text.replaceAll("-", "_"));
}

/** Values given on a command line, in a batch or in a delta: no control bytes but tab, newline and carriage return. */
export function isValue(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) return false;
  }
  return true;
}
