/**
 * Makes `packages/report/src/names/vendors.gz` of the npm package oui-data: the makers of network devices by the first digits of their addresses, as the
 * IEEE assigns them. Run by scripts/setup.sh after `npm ci`; the same list gives the same bytes.
 *
 *     bun packages/report/scripts/vendors.ts
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as v from "valibot";

const out = "packages/report/src/names/vendors.gz";
const longestName = 24;
const legalForm =
  /[ ,.]+(inc|incorporated|corp|corporation|co|company|ltd|limited|llc|gmbh|ag|kg|srl|spa|sa|s\.?a|bv|b\.?v|plc|pte|pty|oy|ab|as|a\/s)\.?$/i;

/** "Apple, Inc." → "Apple". */
export function shortName(maker: string): string {
  let name = maker.split(/[\n(]/, 1)[0]?.trim() ?? "";
  for (let next = name.replace(legalForm, ""); next !== name && next.length > 1; next = next.replace(legalForm, ""))
    name = next;
  return name.slice(0, longestName).trim();
}

if (import.meta.main) {
  const text = readFileSync(fileURLToPath(import.meta.resolve("oui-data")), "utf8");
  const lines = Object.entries(v.parse(v.record(v.string(), v.string()), JSON.parse(text)))
    .map(([prefix, maker]) => `${prefix.toLowerCase()}\t${shortName(maker)}`)
    .toSorted();
  // In one step: tests and builds may read it meanwhile.
  writeFileSync(`${out}.new`, gzipSync(`\n${lines.join("\n")}\n`, { level: 9 }));
  renameSync(`${out}.new`, out);
}
