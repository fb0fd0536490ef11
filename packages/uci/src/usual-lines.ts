/**
 * The form of nearly every line in practice: `option` or `list` with a quoted value and nothing else. Matched by one native regular expression
 * instead of some hundred lexer steps. A line in any other form is not an error; the lexer reads it.
 */
const line = /[ \t]*(?:option|list)[ \t]+[A-Za-z0-9_]+[ \t]+'[^'\n]*'\n/y;

/** A run of such lines, as offsets in the text. */
export interface UsualLines {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** The run of usual lines at `from`; undefined when there is none. */
export function findUsualLines(text: string, from: number): UsualLines | undefined {
  let to = from;
  for (line.lastIndex = from; line.test(text);) to = line.lastIndex;
  return to === from ? undefined : { text, from, to };
}

/** Calls `take` for each line, in order. The form was checked when the lines were found: this only cuts out the words. */
export function readUsualLines(
  { text, from, to }: UsualLines,
  take: (isList: boolean, name: string, value: string) => void,
): void {
  for (let at = from; at < to;) {
    const keyword = behindBlanks(text, at);
    const isList = text.charCodeAt(keyword) === l;
    const name = behindBlanks(text, keyword + (isList ? 4 : 6));
    let end = name + 1;
    while (!isBlank(text.charCodeAt(end))) end += 1;
    const value = behindBlanks(text, end) + 1;
    const quote = text.indexOf("'", value);
    take(isList, text.slice(name, end), text.slice(value, quote));
    at = quote + 2;
  }
}

/**
 * True when writing these options would reproduce the lines exactly: the same blanks, no repeated or empty options, the items of each list adjacent.
 * False also for more options than can be compared quickly.
 */
export function isWrittenSo({ text, from, to }: UsualLines): boolean {
  const names: string[] = [];
  let list: string | undefined;
  for (let at = from; at < to;) {
    const isList = text.startsWith("\tlist ", at);
    if (!isList && !text.startsWith("\toption ", at)) return false;
    const start = at + (isList ? 6 : 8);
    let end = start;
    while (!isBlank(text.charCodeAt(end))) end += 1;
    if (!text.startsWith(" '", end)) return false;
    const close = text.indexOf("'", end + 2);
    const name = text.slice(start, end);
    if (name !== list || !isList) {
      if (end === start || (!isList && close === end + 2) || names.length > 50 || names.includes(name)) return false;
      names.push(name);
    }
    list = isList ? name : undefined;
    at = close + 2;
  }
  return true;
}

const l = 108;

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function behindBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at += 1;
  return at;
}
