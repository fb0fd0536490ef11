/**
 * Edits the text of a crontab. Pure. Our lines end in ` # nethsec:ID`; a line that `suspendLines` commented out begins with `#nethsec# `.
 *
 * Invariants: lines that an edit does not concern stay byte for byte; resume undoes suspend exactly; a user's own comment is never activated.
 */

const suspended = "#nethsec# ";

/** Installs the line `id`, or replaces it in place. A suspended line stays suspended. */
export function setLine(text: string, id: string, line: string): string {
  const mark = markOf(id);
  if (/[\n\r\0]/.test(line) || line.trim() === "" || line.trimStart().startsWith("#"))
    throw new Error(`not one crontab line: ${JSON.stringify(line)}`);
  const lines = text.split("\n");
  const at = lines.findIndex((old) => isOurs(old, mark));
  if (at >= 0) {
    const prefix = lines[at]?.startsWith(suspended) === true ? suspended : "";
    return lines
      .map((old, index) => (index === at ? `${prefix}${line}${mark}` : old))
      .filter((old, index) => index <= at || !isOurs(old, mark))
      .join("\n");
  }
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}${mark}\n`;
}

export function removeLine(text: string, id: string): string {
  const mark = markOf(id);
  return text
    .split("\n")
    .filter((line) => !isOurs(line, mark))
    .join("\n");
}

/** Comments out each active line whose command contains one of the words, as a whole word: "send-backup" is not in "send-backup-now". */
export function suspendLines(text: string, words: readonly string[]): string {
  return mapLines(text, (line) => (isActive(line) && mentions(commandOf(line), words) ? suspended + line : line));
}

/** Restores the lines that `suspendLines` commented out, and no others. */
export function resumeLines(text: string, words: readonly string[]): string {
  return mapLines(text, (line) => {
    if (!line.startsWith(suspended)) return line;
    const original = line.slice(suspended.length);
    return mentions(commandOf(original), words) ? original : line;
  });
}

/** True if the line `id` exists and was commented out by `suspendLines`. */
export function isSuspended(text: string, id: string): boolean {
  const mark = markOf(id);
  return text.split("\n").some((line) => line.startsWith(suspended) && line.endsWith(mark));
}

function markOf(id: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(id)) throw new Error(`not a crontab id: ${JSON.stringify(id)}`);
  return ` # nethsec:${id}`;
}

/** A user's own comment that ends in our mark does not count as ours. */
function isOurs(line: string, mark: string): boolean {
  return line.endsWith(mark) && (!line.startsWith("#") || line.startsWith(suspended));
}

function mapLines(text: string, edit: (line: string) => string): string {
  return text.split("\n").map(edit).join("\n");
}

function isActive(line: string): boolean {
  return /^\s*[^\s#]/.test(line) && !/^\s*[A-Za-z_]\w*\s*=/.test(line);
}

/** The command of a line: the text after the five time fields or the @daily, without our mark. */
function commandOf(line: string): string {
  return line.replace(/^\s*(?:@\S+|(?:\S+\s+){4}\S+)\s*/, "").replace(/ # nethsec:[A-Za-z0-9._-]+$/, "");
}

function mentions(command: string, words: readonly string[]): boolean {
  return words.filter(Boolean).some((word) => {
    for (let at = command.indexOf(word); at >= 0; at = command.indexOf(word, at + 1)) {
      if (!isWordPart(command[at - 1]) && !isWordPart(command[at + word.length])) return true;
    }
    return false;
  });
}

function isWordPart(character: string | undefined): boolean {
  return character !== undefined && /[A-Za-z0-9_-]/.test(character);
}
