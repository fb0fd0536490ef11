/** How names from hour files are written for people, as NethSecurity's pages do (contract ns-report 2). Pure. */
import type { SectionName } from "../store/hour-counters.ts";

/** "netify.google" → "Google", "http/s" → "HTTP/S"; a host stays as it is. */
export function labelOf(section: SectionName, id: string): string {
  if (section === "host") return id;
  return section === "protocol" ? id.toUpperCase() : capitalised(id.replace(/^netify\./, ""));
}

function capitalised(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("");
}
