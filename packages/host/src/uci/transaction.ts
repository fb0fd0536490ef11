/** The packages of one run of a transaction's work: loaded at the first use, changed in memory, compared at the end. */
import { type Package as Model, type Section as ModelSection } from "@nethsec/uci/model";
import { isName, isType, isValue } from "@nethsec/uci/names";
import { encodeText } from "@nethsec/uci/text";
import { writePackage } from "@nethsec/uci/write";
import { NethsecError } from "../error.ts";
import type { Package, Transaction } from "../uci-store.ts";
import { findSection, viewPackage } from "./view.ts";

interface Entry {
  readonly model: Model;
  readonly before: string;
}

export class LocalTransaction implements Transaction {
  readonly #read: (name: string) => Model;
  readonly #entries = new Map<string, Entry>();

  /** `read` returns the committed package, or an empty one when there is none. */
  constructor(read: (name: string) => Model) {
    this.#read = read;
  }

  /** The packages whose content has changed. */
  changed(): Model[] {
    return [...this.#entries.values()]
      .filter(({ model, before }) => writePackage(model) !== before)
      .map(({ model }) => model);
  }

  /** The original text of a changed package. */
  before(name: string): string {
    return this.#entries.get(name)?.before ?? "";
  }

  load(name: string): Package {
    return viewPackage(this.#model(name));
  }

  setSection(pkg: string, section: string, type: string): void {
    check(isType(type), `"${type}" is no section type`);
    const model = this.#model(pkg);
    const found = findSection(model, section);
    if (found !== undefined) model.retype(found, type);
    else {
      check(isName(section), `"${section}" is no name for a section; a name has letters, digits and _ only`);
      model.add(type, section);
    }
  }

  addSection(pkg: string, type: string): string {
    check(isType(type), `"${type}" is no section type`);
    return this.#model(pkg).add(type).name;
  }

  set(pkg: string, section: string, option: string, value: string | readonly string[]): void {
    const found = this.#section(pkg, section);
    checkOption(option);
    if (value.length === 0) {
      found.delete(option);
    } else if (typeof value === "string") {
      found.set(option, bytes(value));
    } else {
      const items = value.map(bytes);
      const existing = found.options.find(option);
      if (existing === undefined) found.options.push({ name: option, value: items });
      else existing.value = items;
    }
  }

  addList(pkg: string, section: string, option: string, item: string): void {
    const found = this.#section(pkg, section);
    checkOption(option);
    found.addItem(option, bytes(item));
  }

  removeFromList(pkg: string, section: string, option: string, item: string): void {
    const existing = this.#section(pkg, section).options.find(option);
    if (Array.isArray(existing?.value)) existing.value = existing.value.filter((other) => other !== encodeText(item));
  }

  delete(pkg: string, section: string, option?: string): void {
    const model = this.#model(pkg);
    const found = findSection(model, section);
    if (found === undefined) return;
    if (option === undefined) model.remove(found);
    else found.delete(option);
  }

  rename(pkg: string, section: string, name: string): void {
    const found = this.#section(pkg, section);
    check(isName(name), `"${name}" is no name for a section; a name has letters, digits and _ only`);
    const other = this.#model(pkg).find(name);
    check(other === undefined || other === found, `the package ${pkg} has a section "${name}" already`);
    this.#model(pkg).rename(found, name);
  }

  reorder(pkg: string, section: string, position: number): void {
    this.#model(pkg).move(this.#section(pkg, section), position);
  }

  #model(name: string): Model {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry.model;
    const model = this.#read(name);
    this.#entries.set(name, { model, before: writePackage(model) });
    return model;
  }

  #section(pkg: string, reference: string): ModelSection {
    const section = findSection(this.#model(pkg), reference);
    if (section !== undefined) return section;
    throw new NethsecError({
      code: "uci_not_found",
      message: `The configuration package ${pkg} has no section "${reference}"`,
      advice: `Look at it with "uci show ${pkg}".`,
    });
  }
}

function check(fine: boolean, trouble: string): void {
  if (!fine)
    throw new NethsecError({
      code: "uci_invalid_argument",
      message: `The configuration cannot be changed: ${trouble}`,
    });
}

function checkOption(name: string): void {
  check(isName(name), `"${name}" is no name for an option; a name has letters, digits and _ only`);
}

function bytes(value: string): string {
  const encoded = encodeText(value);
  check(isValue(encoded), "a value has a control character");
  return encoded;
}
