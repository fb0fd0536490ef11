/**
 * The operations that make a restore visible. Each can be repeated and undone, even when interrupted, so that a restore ends in the new state
 * or in the old one, wherever it is interrupted or fails.
 * Invariants: new content is ready under a temporary name before the first operation; old content is kept under another until after the last; both
 * names are beside the path, in a folder that is not replaced; an operation follows no link, not even one created meanwhile.
 */
import { keepAside, moveTree } from "@nethsec/host/files/move-tree";
import { setOwner } from "@nethsec/host/files/verified-copy";
import type { Files } from "@nethsec/host/host";
import * as v from "valibot";
import { parentsOf } from "./path-rules.ts";

const attributes = { mode: v.number(), uid: v.number(), gid: v.number() };
export const operationSchema = v.variant("kind", [
  v.object({
    kind: v.literal("replace"),
    path: v.string(),
    /** Path of the new content; absent: `path` is removed. */
    temporary: v.optional(v.string()),
    /** Path where the old content is kept; absent: there was none. */
    saved: v.optional(v.string()),
    /** True: a path is removed, or a folder is involved: move the old content away first. False: a file or link is replaced by one rename. */
    whole: v.boolean(),
  }),
  v.object({ kind: v.literal("attributes"), path: v.string(), ...attributes, before: v.object(attributes) }),
]);
export type Operation = v.InferOutput<typeof operationSchema>;
export type Replace = Extract<Operation, { kind: "replace" }>;

/** Throws when a parent of `path` is not a folder. */
function checkWay(files: Files, path: string): void {
  const bad = parentsOf(path).find((parent) => files.stat(parent)?.type !== "directory");
  if (bad !== undefined) throw new Error(`${bad} is no folder any more`);
}

export function perform(files: Files, operation: Operation): void {
  checkWay(files, operation.path);
  if (operation.kind === "attributes") setAttributes(files, operation.path, operation);
  else replace(files, operation);
}

export function undo(files: Files, operation: Operation): void {
  checkWay(files, operation.path);
  if (operation.kind === "attributes") setAttributes(files, operation.path, operation.before);
  else putBack(files, operation);
}

function replace(files: Files, { path, temporary, saved, whole }: Replace): void {
  if (temporary !== undefined && files.stat(temporary) === undefined) return; // done already
  if (whole) {
    if (saved !== undefined) moveTree(files.real(path), files.real(saved));
  } else if (saved !== undefined && files.stat(saved) === undefined && files.stat(path) !== undefined) {
    keepAside(files.real(path), files.real(saved));
  }
  if (temporary !== undefined) files.rename(temporary, path);
}

function putBack(files: Files, { path, temporary, saved, whole }: Replace): void {
  const placed = temporary !== undefined && files.stat(temporary) === undefined;
  const kept = saved !== undefined && files.stat(saved) !== undefined;
  if (whole) {
    if (placed) moveTree(files.real(path), files.real(temporary));
    if (kept) moveTree(files.real(saved), files.real(path));
  } else if (!placed) {
    if (kept) files.remove(saved);
  } else if (kept) files.rename(saved, path);
  else if (saved === undefined) files.remove(path);
}

function setAttributes(files: Files, path: string, to: { mode: number; uid: number; gid: number }): void {
  const type = files.stat(path)?.type;
  if (type !== "file" && type !== "directory") return;
  setOwner(files.real(path), to.uid, to.gid);
  files.chmod(path, to.mode);
}
