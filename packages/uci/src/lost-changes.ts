/** Detects changes that were lost: a libuci committer that waited for the lock writes back the state it had read before our change (spec "uci", 13.4). */
import { diffPackages } from "./diff.ts";
import type { Package } from "./model.ts";

/** True when everything that changed from `before` to `ours` has its old value in `now`. */
export function isLost(before: Package, ours: Package, now: Package): boolean {
  const changed = diffPackages(before, ours).filter(({ kind }) => kind !== "order");
  const changedSince = new Set(diffPackages(before, now).map(identify));
  return changed.length > 0 && !changed.some((difference) => changedSince.has(identify(difference)));
}

function identify(difference: ReturnType<typeof diffPackages>[number]): string {
  if (difference.kind === "order") return "";
  return difference.kind === "section" ? difference.section : `${difference.section}.${difference.option}`;
}
