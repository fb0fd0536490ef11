/** Display names for the names of hour files, as on NethSecurity's pages (contract ns-report 2). Pure. */
import type { SectionName } from "../store/hour-counters.ts";

/** "netify.google" → "Google", "http/s" → "HTTP/S"; host names are unchanged. */
export function labelOf(section: SectionName, id: string): string {
  if (section === "host") return id;
  return section === "protocol" ? id.toUpperCase() : capitalised(id.replace(/^netify\./, ""));
}

function capitalised(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("");
}
