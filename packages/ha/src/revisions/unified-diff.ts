/** The difference that a change makes, as text. Pure. */
import { createTwoFilesPatch } from "diff";
import type { Entry, FileChange } from "./revision.ts";

/** Comparing stops here: two long files without a common line would take minutes. */
const editsMax = 5000;

/** Content of a version; undefined: it was not kept. */
export type ContentOf = (entry: Entry) => Uint8Array | undefined;

/** Lines of a unified diff; a sentence where there is none to show. */
export function diffLines(change: FileChange, contentOf: ContentOf): readonly string[] {
  const { path, before, after } = change;
  const header = [
    `--- ${before === undefined ? "/dev/null" : path}`,
    `+++ ${after === undefined ? "/dev/null" : path}`,
  ];
  const owners = ownerLine(before, after);
  const [from, to] = [textOf(before, contentOf), textOf(after, contentOf)];
  if (from === undefined || to === undefined)
    return [...header, ...owners, "(the content is not text, or was not kept)"];
  if (from === to) return [...header, ...owners];
  const patch = createTwoFilesPatch(path, path, from, to, undefined, undefined, {
    context: 3,
    maxEditLength: editsMax,
  });
  if (patch === undefined) return [...header, ...owners, "(too much has changed to be shown line by line)"];
  const lines = patch.split("\n");
  return [...header, ...owners, ...lines.slice(lines.findIndex((line) => line.startsWith("@@"))).slice(0, -1)];
}

function textOf(entry: Entry | undefined, contentOf: ContentOf): string | undefined {
  if (entry === undefined) return "";
  if (entry.type === "symlink") return `link to ${entry.target}\n`;
  const bytes = contentOf(entry);
  return bytes === undefined || bytes.includes(0) ? undefined : decoded(bytes);
}

/** undefined: not UTF-8. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function ownerLine(before: Entry | undefined, after: Entry | undefined): string[] {
  const facts = (entry: Entry): string =>
    `${entry.type === "file" ? `${entry.mode.toString(8).padStart(4, "0")} ` : ""}${entry.uid}:${entry.gid}`;
  if (before === undefined || after === undefined || facts(before) === facts(after)) return [];
  return [`(mode and owner: ${facts(before)} → ${facts(after)})`];
}
