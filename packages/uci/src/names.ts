/**
 * Valid names, types and values (spec "uci", section 3). All strings of this package are byte strings: one character from U+0000 to U+00FF is one
 * byte of the file.
 */

// Loops instead of regular expressions: the first regular expression of a process costs as much as ten system calls, and `uci get` is a process.

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
 * Package names on the command line. The original also accepts `/` (and so `sub/../../x`), which leaves the configuration directory: refused here. A
 * path that begins with `/` is not a package name; callers that accept paths check for them first.
 */
export function isPackageName(text: string): boolean {
  return isType(text) && !text.includes("/");
}

/** Package names in a `package` statement of a file. */
export function isStatedPackageName(text: string): boolean {
  return isName(text.replaceAll("-", "_"));
}

/** Values given on a command line, in a batch or in a delta: no control bytes except tab, newline and carriage return. */
export function isValue(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) return false;
  }
  return true;
}
