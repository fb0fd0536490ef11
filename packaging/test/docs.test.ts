/**
 * Each command in the manual exists, with its actions, options and number of arguments, and is run by a test; each link has a target.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command, Option } from "../../packages/host/src/command/command.ts";
import { commands as labCommands } from "../../lab/src/commands.ts";
import { commands as product } from "../../packages/cli/src/commands.ts";

const checkout = dirname(dirname(import.meta.dirname));
const lab = labCommands.flatMap(({ actions = [] }) => actions);
const pages = [
  ...readdirSync(join(checkout, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  "README.md",
  "CONTRIBUTING.md",
];
const targets = new Set(
  ["Makefile", "packaging/packages.mk"].flatMap((name) =>
    [...readFileSync(join(checkout, name), "utf8").matchAll(/^([a-z-]+):/gm)].map((match) => match[1] ?? ""),
  ),
);
const common: readonly Option[] = [
  { name: "json", summary: "" },
  { name: "help", short: "h", summary: "" },
  { name: "version", summary: "" },
];
const builtin: readonly Command[] = ["help", "completion", "man"].map((name) => ({
  name,
  summary: "",
  args: [{ name: "command", summary: "", optional: true }],
}));

/** Lines of fenced blocks without a language or with a shell language, and inline code. */
function snippets(text: string): string[] {
  const fenced = [...text.matchAll(/^ *```(console|sh|)\n([^]*?)^ *```$/gm)].flatMap((match) =>
    (match[2] ?? "").split("\n"),
  );
  const rest = text.replace(/^ *```[^]*?^ *```$/gm, "");
  const inline = [...rest.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "");
  return [...fenced, ...inline];
}

/** The single commands of a line, as words. Comments, prompts, redirections and words of sh are left out. */
function commandsOf(line: string): string[][] {
  return line
    .replace(/^\s*[#$] /, "")
    .replace(/(^|\s)#.*$/, "")
    .replaceAll(/(^|\s)\d*[<>]+ *[^\s|;]+/g, "")
    .split(/&&|\|\||[|;]|\$\(|\)/)
    .map((part) =>
      part
        .trim()
        .split(/\s+/)
        .filter((word) => word !== ""),
    )
    .filter((words) => words.length > 0);
}

const isPlaceholder = (word: string): boolean => /[<>[\]…]|^\.\.\.$|^-?[A-Z]{2,}/.test(word);

/** Describes what is wrong with these words as a call of `command`; undefined if the call is valid. */
function problemOf(command: Command, words: readonly string[], inherited: readonly Option[]): string | undefined {
  if (command.raw === true) return undefined;
  const options = [...(command.options ?? []), ...inherited];
  const plain: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    // Words after it belong to another program.
    if (word === "--") break;
    if (!word.startsWith("-") || word === "-") {
      plain.push(word);
      const action = command.actions?.find(({ name }) => name === word);
      if (action !== undefined && plain.length === 1) return problemOf(action, words.slice(index + 1), options);
      continue;
    }
    const name = word.replace(/=.*/, "");
    const option = options.find((each) => `--${each.name}` === name || `-${each.short ?? ""}` === name);
    if (option === undefined) return `${command.name} has no option ${name}`;
    if (option.value !== undefined && !word.includes("=")) index++;
  }
  if (command.actions !== undefined && plain[0] !== undefined && !isPlaceholder(plain[0]))
    return `${command.name} has no action ${plain[0]}`;
  const args = command.args ?? [];
  const most = args.some(({ variadic }) => variadic === true) ? Infinity : args.length;
  if (plain.length > most && !plain.some(isPlaceholder))
    return `${command.name} takes ${most} arguments, not ${plain.join(" ")}`;
  return undefined;
}

/** The called command and its remaining words. */
function called(words: readonly string[]): [Command, readonly string[]] | undefined {
  const [first = "", ...rest] = words;
  if (first === "nethsec") {
    const command = [...product, ...builtin].find(({ name }) => name === rest[0]);
    return rest[0] === undefined || rest[0].startsWith("-") ? undefined : [command ?? missing(rest[0]), rest.slice(1)];
  }
  if (first === "lab/lab" || first === "nethsec-lab") {
    const named = rest[0] === "--name" ? rest.slice(2) : rest;
    if (named[0] === undefined || named[0].startsWith("-") || isPlaceholder(named[0])) return undefined;
    return [lab.find(({ name }) => name === named[0]) ?? missing(named[0]), named.slice(1)];
  }
  const command = product.find(({ name, path }) => name === first || (path ?? `/usr/sbin/${name}`) === first);
  return command === undefined ? undefined : [command, rest];
}

const missing = (name: string): Command => ({ name, summary: "missing" });

function problems(text: string): string[] {
  return snippets(text).flatMap((line) =>
    commandsOf(line).flatMap((words) => {
      if (
        words[0] === "make" &&
        words[1] !== undefined &&
        /^[a-z-]+$/.test(words[1]) &&
        line.trim().startsWith("make ")
      )
        return targets.has(words[1]) ? [] : [`${line.trim()}: there is no target ${words[1]}`];
      const call = called(words);
      if (call === undefined) return [];
      const [command, rest] = call;
      const problem =
        command.summary === "missing" ? `there is no command ${command.name}` : problemOf(command, rest, common);
      return problem === undefined ? [] : [`${line.trim()}: ${problem}`];
    }),
  );
}

describe("the check itself", () => {
  test.each([
    ["`ns-ha-config stauts`", "no action stauts"],
    ["```console\nns-report summary --clint 1\n```", "no option --clint"],
    ["```\n# ns-ha-config add-vip lan 1 2\n```", "takes 2 arguments"],
    ["`make demonstration`", "no target"],
    ["`lab/lab shel primary`", "no command shel"],
    ["`echo x | ns-plug rest`", "no action rest"],
  ])("%p is found", (text, expected) => {
    expect(problems(text).join()).toContain(expected);
  });
  test("what is right is not", () => {
    expect(problems("`ns-ha-config sync --wait; ns-report top hosts --limit 50 | head` `lab/lab --name x up`")).toEqual(
      [],
    );
  });
});

test.each(pages)("%s names only commands that exist", (page) => {
  expect(problems(readFileSync(join(checkout, page), "utf8"))).toEqual([]);
});

/**
 * Coverage of commands that no test types: they are run through another interface of the same program, or start the tests themselves
 * (`make test`, `make lint` and `make test-unit`).
 */
const elsewhere: Readonly<Record<string, string>> = {
  "make bench": "packages/*/bench",
  "make build": "dist/nethsec, which lab tests run",
  "make root": "lab/root/build; lab/test/own-root.root.test.ts runs programs on such a root",
  "make clean-root": "lab/test/own-root.root.test.ts: lab/root/build --remove",
  "make bench-ha": "half an hour of failovers: the figures that the page shows",
  "make deb": "packaging/test/deb.root.test.ts: build-deb",
  "make demo": "lab/test/demo.root.test.ts",
  "make ipk": "packaging/test/ipk.root.test.ts: build-ipk",
  "make lint": "",
  "make packed": "packaging/test/ipk.root.test.ts: pack-executable",
  "make test": "",
  "make test-unit": "",
  "nethsec-lab up": "lab/lab up; packaging/test/deb.root.test.ts runs the installed nethsec-lab",
  "ns-ha hand-back": "lab/test/migration.root.test.ts: install.sh --back",
  "ns-ha sync-receive": "lab/test/ha-sync.root.test.ts: each synchronisation",
  "ns-ha-config backup-changes": "lab/test/ha-state.root.test.ts: backup-changes adopt",
  "ns-ha-config diff --backup-changes": "lab/test/ha-state.root.test.ts: diff --backup-changes",
  "ns-plug alert-mail": "packages/plug/src/alerts/other-receivers.test.ts",
  "ns-plug alert-webhook --generate": "packages/plug/src/alerts/other-receivers.test.ts: alert-webhook",
  "ns-plug alert-webhook": "packages/plug/src/alerts/other-receivers.test.ts",
  "ns-plug alerts": "packages/plug/src/alerts/other-receivers.test.ts",
  "ns-plug test-alert": "packages/plug/src/alerts/other-receivers.test.ts",
  "ns-report mail-schedule": "packages/report/src/mail/mail.test.ts",
  "ns-report quota": "packages/report/src/quota/quota.test.ts",
  "ns-report quota --check": "packages/report/src/quota/quota.test.ts",
  "ns-report summary --group": "packages/report/src/query/devices.test.ts",
  "ns-report summary --group --limit": "packages/report/src/serve/questions.test.ts",
  "ns-report source": "packages/report/src/feed/feed-source.test.ts",
  "ns-ha-config upgrade-remote --packages": "packages/ha/src/upgrade/upgrade.test.ts",
};

/** Text of all tests and their helpers as words, so that shell lines and argument lists look alike. */
const typedByTests: string = [...new Bun.Glob("{packages,lab,packaging}/**/*.ts").scanSync(checkout)]
  .filter((path) => !path.includes("node_modules") && path !== "packaging/test/docs.test.ts")
  .filter((path) =>
    /\.test\.ts$|\/testing\/|^lab\/(test|scenarios)\/|^lab\/src\/(demo\/|ha-cluster|fleet|failed-story)/.test(path),
  )
  .map((path) => readFileSync(join(checkout, path), "utf8"))
  .join("\n")
  .replaceAll(/["'`,[\]\s]+/g, " ");

/** The command, its action and its long options, as `ns-ha-config sync --wait`; undefined for other programs' commands. */
function keyOf(words: readonly string[]): string | undefined {
  if (words[0] === "make") return targets.has(words[1] ?? "") ? `make ${words[1]}` : undefined;
  const call = called(words);
  if (call === undefined) return undefined;
  const rest = words[0] === "lab/lab" || words[0] === "nethsec-lab" ? call[1] : words.slice(1);
  const head =
    words[0] === "lab/lab"
      ? call[0].name
      : [words[0], ...rest.slice(0, 1).filter((word) => /^[a-z][a-z-]+$/.test(word))].join(" ");
  return [head, ...rest.filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/=.*/, ""))].join(" ");
}

/** True when a test types the command with all of its options within one line's length. */
function isTyped(key: string): boolean {
  const [head, ...options] = key.split(" --");
  for (let at = typedByTests.indexOf(` ${head} `); at >= 0; at = typedByTests.indexOf(` ${head} `, at + 1)) {
    const words = new Set(typedByTests.slice(at, at + 160).split(/[ =]/));
    if (options.every((option) => words.has(`--${option}`))) return true;
  }
  return false;
}

const untested = (text: string): string[] => [
  ...new Set(
    snippets(text)
      .flatMap(commandsOf)
      .flatMap((words) => keyOf(words) ?? [])
      .filter((key) => !(key in elsewhere) && !isTyped(key)),
  ),
];

test("a command that no test runs is found", () => {
  expect(untested("`ns-ha-config sync --json --wait`, `ns-ha-config stauts`, `ns-ha-config sync --wait`")).toEqual([
    "ns-ha-config stauts",
  ]);
});

test.each(pages)("each command of %s is run by a test", (page) => {
  expect(untested(readFileSync(join(checkout, page), "utf8"))).toEqual([]);
});

/** Anchor of a heading by GitHub's rules. */
const anchorOf = (heading: string): string =>
  heading
    .replaceAll(/[`*]/g, "")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

/** Files and folders of the checkout that are named in running text, `{a,b}` and `*` as in a shell. */
test.each(pages)("files that %s names are there", (page) => {
  const text = readFileSync(join(checkout, page), "utf8").replace(/^ *```[^]*?^ *```$/gm, "");
  const named = [...text.matchAll(/`((?:packages|lab|system|packaging|scripts|docs)\/[\w.*/{},-]+)`/g)].map(
    ([, path = ""]) => path,
  );
  const missing = named.filter(
    (path) =>
      !existsSync(join(checkout, path)) &&
      new Bun.Glob(path.replace(/\/$/, "/**")).scanSync(checkout).next().done === true,
  );
  // `lab/lab` and scripts with arguments are commands, checked above.
  expect(missing).toEqual([]);
});

test.each(pages)("links of %s lead somewhere", (page) => {
  const text = readFileSync(join(checkout, page), "utf8");
  for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = "", anchor] = target.split("#");
    const path = join(checkout, file === "" ? page : join(dirname(page), file));
    expect(`${target} ${existsSync(path)}`).toBe(`${target} true`);
    if (anchor === undefined) continue;
    const anchors = [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map((match) => anchorOf(match[1] ?? ""));
    expect(anchors).toContain(anchor);
  }
});
