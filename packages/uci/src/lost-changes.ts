/**
 * Whether a change was undone by somebody who did not know of it: a committer of libuci's that had waited for the lock writes what it read from the file
 * as it was before (spec "uci", 13.4).
 */
import { diffPackages } from "./diff.ts";
import type { Package } from "./model.ts";

/** True when everything that changed from `before` to `ours` is again as it was before. */
export function isLost(before: Package, ours: Package, now: Package): boolean {
  const changed = diffPackages(before, ours).filter(({ kind }) => kind !== "order");
  const changedSince = new Set(diffPackages(before, now).map(identify));
  return changed.length > 0 && !changed.some((difference) => changedSince.has(identify(difference)));
}

function identify(difference: ReturnType<typeof diffPackages>[number]): string {
  if (difference.kind === "order") return "";
  return difference.kind === "section" ? difference.section : `${difference.section}.${difference.option}`;
}
