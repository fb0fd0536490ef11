/**
 * The form that nearly every line of nearly every file has, matched natively in place of some hundred steps of the lexer: `option` and `list` with
 * a quoted value and nothing else. Anything else is no error, only not usual.
 */
const line = /[ \t]*(?:option|list)[ \t]+[A-Za-z0-9_]+[ \t]+'[^'\n]*'\n/y;

/** Such lines, one after the other, from one offset in a file to another. */
export interface UsualLines {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** The usual lines at `from`; undefined when there is none. */
export function findUsualLines(text: string, from: number): UsualLines | undefined {
  let to = from;
  for (line.lastIndex = from; line.test(text);) to = line.lastIndex;
  return to === from ? undefined : { text, from, to };
}

/** Tells `take` of each line, in order. What they look like has been seen when they were found: here only the words are cut out. */
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
 * True when these lines are what would be written again for what they say: no other blanks, nothing said twice or for nothing, the items of a list together. False
 * also for more options than can be compared quickly.
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
