/**
 * Distinguishes configuration that lost its content from configuration that was changed. A power loss can leave files of zero bytes or full of NUL
 * bytes; sent to the other node they would delete its firewall, its WANs and the link between the nodes. Pure.
 * libuci reads such a file as an empty package (a NUL ends the line, NethServer/nethsecurity issue 1771).
 */
import { sha256 } from "@nethsec/host/files/digests";
import type { Section } from "@nethsec/uci/model";
import { parsePackage } from "@nethsec/uci/parse";
import { isWithin } from "./path-rules.ts";

/** The relevant facts about the content of one file. */
export interface ContentFacts {
  /** Why the content cannot be intended; undefined: it can. */
  readonly broken?: string;
  /** UCI: has a section. Other files: not empty. */
  readonly hasContent: boolean;
  /** Sections without which the nodes lose their link, or the backup its WANs; as text for a message. */
  readonly essentials: readonly string[];
}

const configFolder = "/etc/config";
/** Larger files are not checked: configuration is small, and so is memory. */
const looksIntoBytes = 4 * 1024 * 1024;

/** Files outside /etc (leases, counters, caches) may legitimately become empty. */
export function isConfiguration(path: string): boolean {
  return isWithin(path, "/etc");
}

/** UCI only loads files with such names; other files beside them are copies and notes. */
export function isUciPackage(path: string): boolean {
  return isWithin(path, configFolder) && /^[A-Za-z0-9_-]+$/.test(path.slice(configFolder.length + 1));
}

/** `haInterface`: network section of the interface between the nodes. */
export function packageFacts(path: string, bytes: Uint8Array, haInterface: string): ContentFacts {
  if (bytes.includes(0))
    return { broken: "it holds NUL bytes, as a power loss leaves them", hasContent: true, essentials: [] };
  const name = path.slice(configFolder.length + 1);
  try {
    const sections = [...parsePackage(Buffer.from(bytes).toString("latin1"), name).sections];
    return { hasContent: sections.length > 0, essentials: essentialsOf(name, sections, haInterface) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { broken: `it cannot be read as configuration (${why})`, hasContent: true, essentials: [] };
  }
}

/** Facts about any other file, by its size and SHA-256. */
export function fileFacts(size: number, digest: string): ContentFacts {
  const zeros = size > 0 && size <= looksIntoBytes && sha256(new Uint8Array(size)) === digest;
  return {
    ...(zeros ? { broken: "it holds NUL bytes only, as a power loss leaves them" } : {}),
    hasContent: size > 0,
    essentials: [],
  };
}

function essentialsOf(name: string, sections: readonly Section[], haInterface: string): string[] {
  const has = (type: string, section: string): boolean =>
    sections.some((found) => found.type === type && found.name === section);
  switch (name) {
    case "firewall":
      return [
        ...(sections.some((found) => found.type === "zone" && listOf(found, "network").includes(haInterface))
          ? [`the zone of ${haInterface}, the interface between the nodes`]
          : []),
        ...(sections.some((found) => found.type === "zone" && (found.name === "ns_wan" || found.get("name") === "wan"))
          ? ["the zone wan, which says what the WANs are"]
          : []),
      ];
    case "network":
      return has("interface", haInterface) ? [`the interface ${haInterface} between the nodes`] : [];
    case "dropbear":
      return has("dropbear", "ha_link") ? ["the section ha_link, by which the nodes reach each other"] : [];
    default:
      return [];
  }
}

function listOf(section: Section, option: string): readonly string[] {
  const value = section.get(option);
  if (value === undefined) return [];
  return typeof value === "string" ? value.split(/\s+/) : value;
}

/** Why `now` lost content compared with `before` (undefined: unknown), as the end of a sentence about the file; undefined: it did not. */
export function lossOf(now: ContentFacts, before: ContentFacts | undefined): string | undefined {
  if (now.broken !== undefined) return now.broken;
  if (before === undefined || before.broken !== undefined) return undefined;
  if (before.hasContent && !now.hasContent) return "it is empty, and was not";
  const missing = before.essentials.filter((essential) => !now.essentials.includes(essential));
  return missing.length === 0 ? undefined : `it no longer has ${missing.join(", nor ")}`;
}
