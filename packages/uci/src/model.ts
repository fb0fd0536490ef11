/**
 * A configuration package in memory (spec "uci", sections 1 and 4). Strings are byte strings (see `names.ts`). The methods do not validate: callers
 * check names and types first.
 */
import { NamedList } from "./named-list.ts";
import { isWrittenSo, readUsualLines, type UsualLines } from "./usual-lines.ts";

export interface Option {
  name: string;
  value: string | string[];
}

export class Section {
  name: string;
  type: string;
  anonymous: boolean;
  #options: NamedList<Option> | undefined;
  /** Lines not parsed yet: most commands read one section of many. */
  #unread: UsualLines | undefined;

  constructor(type: string, name: string, anonymous: boolean) {
    this.type = type;
    this.name = name;
    this.anonymous = anonymous;
  }

  get options(): NamedList<Option> {
    const lines = this.#unread;
    this.#unread = undefined;
    this.#options ??= new NamedList();
    if (lines !== undefined) this.#read(lines);
    return this.#options;
  }

  /** Adds `option` and `list` lines of a file. An option with an empty value is ignored. */
  addLines(lines: UsualLines): void {
    if (this.#options === undefined && this.#unread === undefined) this.#unread = lines;
    else this.#read(lines);
  }

  /** The original lines, if writing the options would reproduce them exactly; otherwise undefined. */
  get writtenLines(): string | undefined {
    const lines = this.#unread;
    return lines !== undefined && isWrittenSo(lines) ? lines.text.slice(lines.from, lines.to) : undefined;
  }

  #read(lines: UsualLines): void {
    readUsualLines(lines, (isList, name, value) => {
      if (isList) this.addItem(name, value);
      else if (value !== "") this.set(name, value);
    });
  }

  get(option: string): string | string[] | undefined {
    return this.options.find(option)?.value;
  }

  /** Replaces the value in place, also that of a list; false when the value was already this string. */
  set(option: string, value: string): boolean {
    const found = this.options.find(option);
    if (found === undefined) this.options.push({ name: option, value });
    else if (found.value === value) return false;
    else found.value = value;
    return true;
  }

  /** Appends an item; a string option becomes a list with the string first. */
  addItem(option: string, item: string): void {
    const found = this.options.find(option);
    if (found === undefined) this.options.push({ name: option, value: [item] });
    else if (typeof found.value === "string") found.value = [found.value, item];
    else found.value.push(item);
  }

  delete(option: string): boolean {
    const found = this.options.find(option);
    if (found !== undefined) this.options.remove(found);
    return found !== undefined;
  }
}

export class Package {
  readonly name: string;
  readonly sections = new NamedList<Section>();
  /** Number of sections created so far, named or not; used in generated names. */
  #created = 0;

  constructor(name: string) {
    this.name = name;
  }

  find(name: string): Section | undefined {
    return this.sections.find(name);
  }

  /** The index-th section of `type` (of any type when empty), from 0, negative from the end. */
  nth(type: string, index: number): Section | undefined {
    const items = this.sections.items;
    if (type === "") return items.at(index);
    if (index >= 0) {
      for (const section of items) if (section.type === type && index-- === 0) return section;
      return undefined;
    }
    for (let at = items.length - 1; at >= 0; at -= 1) {
      const section = items[at];
      if (section?.type === type && ++index === 0) return section;
    }
    return undefined;
  }

  /** The name that the next anonymous section of this type gets. */
  nextName(type: string): string {
    return generatedName(this.#created + 1, type);
  }

  /** Appends a section; without a name, an anonymous section with a generated name. */
  add(type: string, name?: string): Section {
    const section = new Section(type, name ?? this.nextName(type), name === undefined);
    this.#created += 1;
    this.sections.push(section);
    return section;
  }

  /** False when the type is the same. An anonymous section stays anonymous only if the new type is as long as the old one, as in the original. */
  retype(section: Section, type: string): boolean {
    if (section.type === type) return false;
    if (section.type.length !== type.length) section.anonymous = false;
    section.type = type;
    return true;
  }

  remove(section: Section): void {
    this.sections.remove(section);
  }

  rename(section: Section, name: string): void {
    this.sections.rename(section, name);
    section.anonymous = false;
  }

  move(section: Section, position: number): boolean {
    return this.sections.move(section, position);
  }
}

const hashes = new Map<string, string>();

function generatedName(count: number, type: string): string {
  let suffix = hashes.get(type);
  if (suffix === undefined) {
    let hash = 5381;
    for (let at = 0; at < type.length; at += 1) hash = (Math.imul(hash, 33) + type.charCodeAt(at)) | 0;
    suffix = (hash & 0xffff).toString(16).padStart(4, "0");
    if (hashes.size > 1000) hashes.clear();
    hashes.set(type, suffix);
  }
  return `cfg${count.toString(16).padStart(2, "0")}${suffix}`;
}
