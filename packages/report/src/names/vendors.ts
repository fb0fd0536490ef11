/** The maker of a network device by its MAC address, from a list that is part of the executable (packages/report/scripts/vendors.ts). */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import path from "./vendors.gz" with { type: "file" };

/** Of the assignments: 36, 28 and 24 bits (IEEE MA-S, MA-M, MA-L), the longest first. */
const digits = [9, 7, 6];

let text: string | undefined;

/** "Apple"; undefined: not assigned, or an address that the device has made up itself (IEEE 802, locally administered). */
export function vendorOf(device: string): string | undefined {
  if (/^.[2367abef]/.test(device)) return undefined;
  text ??= gunzipSync(readFileSync(path)).toString();
  const hex = device.replaceAll(":", "");
  for (const count of digits) {
    const key = `\n${hex.slice(0, count)}\t`;
    const at = text.indexOf(key);
    if (at >= 0) return text.slice(at + key.length, text.indexOf("\n", at + 1));
  }
  return undefined;
}
