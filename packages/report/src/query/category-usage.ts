/** The applications of a report, added up by category. Nothing is stored by category: what is asked for is grouped as the engine's files say today. Pure. */
import type { Categories } from "../names/categories.ts";
import { directionCells, directionColumns } from "./export-rows.ts";
import type { ExportTable } from "./export-table.ts";
import { labelOf } from "./labels.ts";
import { splitJson, UsageSums, type Usage } from "./traffic.ts";

export interface CategoryUsage extends Usage {
  /** "Streaming media". */
  readonly label: string;
  /** Labels of its applications, largest first. */
  readonly applications: readonly string[];
}

/** The id of what no category is known for. */
export const noCategory = "";
const noCategoryLabel = "without a category";

/** Largest first, what has no category last. `applications`: largest first; undefined: the report has no such list. Without categories it is empty. */
export function categoryUsages(
  applications: readonly Usage[] | undefined,
  categories: Categories | undefined,
): readonly CategoryUsage[] {
  if (categories === undefined || applications === undefined) return [];
  const sums = new UsageSums();
  const names = new Map<string, string[]>();
  for (const { id, bytes, download, upload } of applications) {
    const category = categories.get(id) ?? noCategory;
    sums.add(category, bytes, download, upload);
    const labels = names.get(category) ?? [];
    labels.push(labelOf("application", id));
    names.set(category, labels);
  }
  const sorted = sums.sorted();
  return [...sorted.filter(({ id }) => id !== noCategory), ...sorted.filter(({ id }) => id === noCategory)].map(
    (usage) => ({ ...usage, label: categoryLabel(usage.id), applications: names.get(usage.id) ?? [] }),
  );
}

const written = new Map(Object.entries({ cdn: "CDN", iot: "IoT", os: "OS", voip: "VoIP", vpn: "VPN" }));

/** "streaming-media" → "Streaming media", "vpn-and-proxy" → "VPN and proxy". */
function categoryLabel(id: string): string {
  if (id === noCategory) return noCategoryLabel;
  const [first = "", ...rest] = id.split("-").map((word) => written.get(word) ?? word);
  return [first.slice(0, 1).toUpperCase() + first.slice(1), ...rest].join(" ");
}

/** For programs; `category` is null for what has none. */
export function categoryJson(usage: CategoryUsage): object {
  return {
    category: usage.id === noCategory ? null : usage.id,
    label: usage.label,
    bytes: usage.bytes,
    ...splitJson(usage),
  };
}

/** One row per category; `total` is 100%. */
export function categoryTable(usages: readonly CategoryUsage[], total: number): ExportTable {
  return {
    columns: ["category", "label", "bytes", "percent", ...directionColumns],
    rows: usages.map((usage) => [
      usage.id,
      usage.label,
      usage.bytes,
      total === 0 ? 0 : Math.round((usage.bytes / total) * 10_000) / 100,
      ...directionCells(usage),
    ]),
  };
}
