/**
 * A small model of `uci` on one package, written from the spec and sharing no code with the implementation: lists of sections and of delta lines,
 * searched linearly. Commands must be well-formed; it returns the output and the exit status.
 */
interface ModelSection {
  name: string;
  type: string;
  anonymous: boolean;
  options: [name: string, value: string | string[]][];
}

export interface Answer {
  readonly output: string;
  readonly status: number;
}

const fine = (output = ""): Answer => ({ output, status: 0 });
const fail = (message: string, status = 1): Answer => ({ output: `uci: ${message}\n`, status });
const quote = (value: string): string => `'${value.split("'").join("'\\''")}'`;

interface Line {
  readonly prefix: string;
  readonly section: string;
  readonly option: string | undefined;
  readonly value: string | undefined;
}

export class UciModel {
  file: string;
  #lines: Line[] = [];
  #applied = 0;
  #sections: ModelSection[] = [];
  #committed: ModelSection[];
  #created = 0;

  constructor(file: string, sections: ModelSection[]) {
    this.file = file;
    this.#committed = sections;
    this.#load();
  }

  get deltas(): string {
    return this.#lines
      .map(({ prefix, value, ...of }) => `${prefix}n.${path(of)}${value === undefined ? "" : `=${quote(value)}`}\n`)
      .join("");
  }

  run(command: string, section = "", option?: string, value = ""): Answer {
    switch (command) {
      case "show":
        return fine(this.#show());
      case "changes":
        return fine(this.#lines.map(change).join(""));
      case "commit":
        return this.#commit();
      case "revert":
        this.#lines = [];
        this.#load();
        return fine();
      case "add": {
        this.#created += 1;
        const name = this.#generate(value);
        this.#record("+", { name }, undefined, value);
        return fine(`${name}\n`);
      }
      default:
        return this.#onSection(command, section, option, value);
    }
  }

  /** Loads the committed sections, then applies every delta line in order. */
  #load(): void {
    this.#sections = structuredClone(this.#committed);
    this.#created = 0;
    for (const section of this.#sections) {
      this.#created += 1;
      if (section.anonymous) section.name = this.#generate(section.type);
    }
    this.#applied = this.#lines.filter((line) => this.#apply(line)).length;
  }

  #apply({ prefix, section: name, option, value = "" }: Line): boolean {
    const section = this.#sections.find((each) => each.name === name);
    if (option !== undefined) return section !== undefined && applyToOption(section, prefix, option, value);
    if (prefix === "" || prefix === "+") {
      if (section === undefined) {
        this.#created += 1;
        this.#sections.push({ name, type: value, anonymous: prefix === "+", options: [] });
      } else {
        section.anonymous = prefix === "+" || (section.anonymous && section.type.length === value.length);
        section.type = value;
      }
      return true;
    }
    if (section === undefined) return false;
    if (prefix === "-") this.#sections.splice(this.#sections.indexOf(section), 1);
    if (prefix === "@") [section.name, section.anonymous] = [value, false];
    if (prefix === "^") {
      const others = this.#sections.filter((other) => other !== section);
      others.splice(Math.min(Math.max(Number(value), 0), others.length), 0, section);
      this.#sections = others;
    }
    return true;
  }

  #generate(type: string): string {
    let hash = 5381n;
    for (const character of type) hash = (hash * 33n + BigInt(character.charCodeAt(0))) & 0xffffffffn;
    const low = (hash & 0x7fffffffn) % 65536n;
    return `cfg${this.#created.toString(16).padStart(2, "0")}${low.toString(16).padStart(4, "0")}`;
  }

  #find(reference: string): ModelSection | undefined {
    const [, type = "", index = ""] = /^@(.*)\[(.*)\]$/.exec(reference) ?? [];
    if (!reference.startsWith("@")) return this.#sections.find(({ name }) => name === reference);
    return this.#sections.filter((section) => type === "" || section.type === type).at(Number(index));
  }

  #record(prefix: string, section: { name: string }, option: string | undefined, value: string | undefined): Answer {
    this.#lines.push({ prefix, section: section.name, option, value });
    this.#load();
    return fine();
  }

  #onSection(command: string, reference: string, option: string | undefined, value: string): Answer {
    const section = this.#find(reference);
    const found = section?.options.find(([name]) => name === option)?.[1];
    if (command === "set" && option === undefined) return this.#setType(reference, section, value);
    if (command === "set" || command === "add_list" || command === "del_list") {
      if (section === undefined) return fail("Invalid argument");
      if (command === "add_list") return this.#record("|", section, option, value);
      if (command === "del_list") return Array.isArray(found) ? this.#record("~", section, option, value) : fine();
      if (value === "") return found === undefined ? fine() : this.#record("-", section, option, undefined);
      return found === value ? fine() : this.#record("", section, option, value);
    }
    if (section === undefined || (option !== undefined && found === undefined)) return fail("Entry not found");
    if (command === "get") return fine(this.#get(section, option));
    if (command === "delete") return this.#record("-", section, option, undefined);
    if (command === "rename") {
      const other = option === undefined ? this.#sections.find(({ name }) => name === value) : undefined;
      return other === undefined || other === section
        ? this.#record("@", section, option, value)
        : fail("Duplicate entry");
    }
    const to = Math.min(Math.max(Number(value), 0), this.#sections.length - 1);
    return this.#sections[to] === section ? fine() : this.#record("^", section, undefined, value);
  }

  #setType(reference: string, section: ModelSection | undefined, value: string): Answer {
    if (value === "") return section === undefined ? fine() : this.#record("-", section, undefined, undefined);
    if (section === undefined)
      return reference.startsWith("@")
        ? fail("Invalid argument")
        : this.#record("", { name: reference }, undefined, value);
    return section.type === value ? fine() : this.#record("", section, undefined, value);
  }

  #get(section: ModelSection, option: string | undefined): string {
    if (option === undefined) return `${section.type}\n`;
    const value = section.options.find(([name]) => name === option)?.[1] ?? "";
    if (typeof value === "string") return `${value}\n`;
    return `${value.map((item) => (/\s/.test(item) ? quote(item) : item)).join(" ")}\n`;
  }

  #show(): string {
    const lines = this.#sections.flatMap((section, at) => {
      const index = this.#sections.slice(0, at).filter(({ type }) => type === section.type).length;
      const name = section.anonymous ? `@${section.type}[${index}]` : section.name;
      const options = section.options.map(
        ([option, value]) =>
          `n.${name}.${option}=${(typeof value === "string" ? [value] : value).map(quote).join(" ")}\n`,
      );
      return [`n.${name}=${section.type}\n`, ...options];
    });
    return lines.join("");
  }

  #commit(): Answer {
    if (this.#applied === 0) return fine();
    const text = this.#sections.map(({ name, type, anonymous, options }) => {
      const head = `\nconfig ${type}${anonymous ? "" : ` '${name}'`}\n`;
      return (
        head +
        options
          .map(([option, value]) =>
            typeof value === "string"
              ? `\toption ${option} ${quote(value)}\n`
              : value.map((item) => `\tlist ${option} ${quote(item)}\n`).join(""),
          )
          .join("")
      );
    });
    this.file = `${text.join("")}\n`;
    this.#lines = [];
    this.#committed = this.#sections.map((section) => ({
      ...section,
      options: section.options.filter(([, value]) => value.length > 0),
    }));
    this.#load();
    return fine();
  }
}

function applyToOption(section: ModelSection, prefix: string, option: string, value: string): boolean {
  const found = section.options.find(([name]) => name === option);
  const add = (content: string | string[]): void => {
    if (found === undefined) section.options.push([option, content]);
    else found[1] = content;
  };
  if (prefix === "") add(value);
  else if (prefix === "|")
    add(found === undefined ? [value] : [...(typeof found[1] === "string" ? [found[1]] : found[1]), value]);
  else if (prefix === "~" && Array.isArray(found?.[1])) found[1] = found[1].filter((item) => item !== value);
  else if (prefix === "~") return true;
  else if (found === undefined) return false;
  else if (prefix === "-") section.options.splice(section.options.indexOf(found), 1);
  else found[0] = value;
  return true;
}

function path({ section, option }: Pick<Line, "section" | "option">): string {
  return option === undefined ? section : `${section}.${option}`;
}

function change(line: Line): string {
  const sign = line.prefix === "|" ? "+=" : line.prefix === "~" ? "-=" : "=";
  return line.prefix === "-" ? `-n.${path(line)}\n` : `n.${path(line)}${sign}${quote(line.value ?? "")}\n`;
}
