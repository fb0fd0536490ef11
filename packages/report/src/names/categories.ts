/**
 * The category of each application, from the DPI engine's own files: netify-apps.conf names its applications (`app:124:netify.youtube`),
 * netify-categories.json lists the applications of each category by number. NethSecurity's page of DPI rules joins the same two files
 * (NethServer/python3-nethsec, src/nethsec/dpi), which also knows both forms of the second: `application_tag_index` with the number of each category's
 * name and `application_index` as pairs of a category's number and its applications (netifyd 4.x writes it so, Netify Agent, src/nd-category.cpp), or
 * `application_index` as an object by name. A category's number in the flow stream has no name in the second form, so the stream is not used.
 */
import * as v from "valibot";
import type { Files } from "@nethsec/host/host";

/** Name of an application as in the hour files, in lower case → category, e.g. "streaming-media". */
export type Categories = ReadonlyMap<string, string>;

/** Of netifyd 5 on NethSecurity, of netifyd 4.x. */
const folders = ["/etc/netifyd", "/etc/netify.d"] as const;
/** netify-apps.conf has its signatures too: some hundred kilobytes. */
const mostBytes = 16 * 1024 * 1024;

const byNumber = v.object({
  application_tag_index: v.record(v.string(), v.number()),
  application_index: v.array(v.tuple([v.number(), v.array(v.number())])),
});
const byName = v.object({ application_index: v.record(v.string(), v.array(v.number())) });

/** Reads the files again only after they have changed. */
export class CategoryFiles {
  readonly #files: Files;
  #read: { readonly mark: string; readonly categories: Categories | undefined } | undefined;

  constructor(files: Files) {
    this.#files = files;
  }

  /** undefined: the engine's files are not here, cannot be read, or are damaged. */
  categories(): Categories | undefined {
    try {
      const mark = folders
        .flatMap((folder) => [appsPath(folder), categoriesPath(folder)])
        .map((path) => this.#files.stat(path, { follow: true }))
        .map((stat) => `${stat?.ino} ${stat?.size} ${stat?.mtimeMs}`)
        .join();
      if (this.#read?.mark !== mark) this.#read = { mark, categories: readCategories(this.#files) };
      return this.#read.categories;
    } catch {
      return undefined;
    }
  }
}

function appsPath(folder: string): string {
  return `${folder}/netify-apps.conf`;
}

function categoriesPath(folder: string): string {
  return `${folder}/netify-categories.json`;
}

function readCategories(files: Files): Categories | undefined {
  for (const folder of folders) {
    const paths = [appsPath(folder), categoriesPath(folder)];
    if (paths.some((path) => (files.stat(path, { follow: true })?.size ?? Infinity) > mostBytes)) continue;
    const [apps = "", categories = ""] = paths.map((path) => files.readText(path) ?? "");
    const found = joined(apps, categories);
    if (found !== undefined && found.size > 0) return found;
  }
  return undefined;
}

/** Of a line that names an application. */
const start = "\napp:";

function joined(apps: string, categories: string): Categories | undefined {
  const categoryOf = applicationCategories(categories);
  if (categoryOf === undefined) return undefined;
  const found = new Map<string, string>();
  const text = `\n${apps}\n`;
  // Most lines are signatures: finding the others is several times faster than looking at each.
  for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
    const [number = "", name = ""] = text.slice(at + start.length, text.indexOf("\n", at + 1)).split(":");
    const category = categoryOf.get(Number(number));
    // Number 0 is what the engine does not know.
    if (category !== undefined && Number(number) > 0) found.set(name.trim().toLowerCase(), category);
  }
  return found;
}

/** Number of an application → category. */
function applicationCategories(text: string): Map<number, string> | undefined {
  const json = parsed(text);
  const numbered = v.safeParse(byNumber, json);
  const named = v.safeParse(byName, json);
  const found = new Map<number, string>();
  if (numbered.success) {
    const { application_tag_index: tags, application_index: index } = numbered.output;
    const names = new Map(Object.entries(tags).map(([name, number]) => [number, name]));
    for (const [number, applications] of index) {
      const name = names.get(number);
      if (name !== undefined) for (const application of applications) found.set(application, name);
    }
  } else if (named.success) {
    for (const [name, applications] of Object.entries(named.output.application_index))
      for (const application of applications) found.set(application, name);
  } else return undefined;
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
