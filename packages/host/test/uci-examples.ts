/** Parses the examples of the spec (`packages/uci/test/examples.txt`) into steps and replays them in a shell with its own /tmp. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { paced } from "../src/testing/pace.ts";

export interface Example {
  readonly title: string;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly command: string;
  /** The output lines; `<no newline>` if the last one has none, and `[N]` for a non-zero exit status. */
  readonly expected: string;
}

export function readExamples(path: string): Example[] {
  return readFileSync(path, "utf8")
    .split(/^=== /m)
    .slice(1)
    .map((text) => {
      const newline = text.indexOf("\n");
      return { title: text.slice(0, newline), steps: readSteps(text.slice(newline + 1).replace(/\n$/, "")) };
    });
}

function readSteps(text: string): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const lines = step.split("\n").slice(0, -1);
      let commandLines = 1;
      while (lines[commandLines]?.startsWith(">") === true && lines[0]?.includes("<<") === true) commandLines += 1;
      const command = lines.slice(0, commandLines).map((line, at) => (at === 0 ? line : line.replace(/^> ?/, "")));
      return { command: command.join("\n"), expected: lines.slice(commandLines).join("\n") };
    });
}

/**
 * Runs the steps in one shell, in an empty /tmp/w; returns the result of each in the form of `expected`. `uciDir`: a folder outside /tmp with the
 * `uci` executable.
 */
export function replay(example: Example, uciDir: string): string[] {
  const mark = `@${randomBytes(8).toString("hex")}@`;
  const script = [
    "mount -t tmpfs tmpfs /tmp && mkdir -p /tmp/w/c && cd /tmp/w || exit 99",
    `export PATH=${uciDir}:$PATH`,
    "export LC_ALL=C; umask 022",
    'u() { uci -c ./c "$@"; }',
    ...example.steps.flatMap(({ command }) => [command, `printf '\\n[%s]${mark}' $?`]),
  ].join("\n");
  const result = spawnSync("unshare", ["-m", "bash", "-c", 'exec 2>&1; eval "$0"', script], {
    timeout: paced(60_000),
    encoding: "latin1",
  });
  return result.stdout.split(mark).slice(0, -1).map(asExpected);
}

/** `raw`: the output, then "\n[STATUS]". */
function asExpected(raw: string): string {
  const at = raw.lastIndexOf("\n[");
  const output = raw.slice(0, at);
  const status = raw.slice(at + 1);
  const shown = output === "" ? [] : [output.endsWith("\n") ? output.slice(0, -1) : `${output}<no newline>`];
  return [...shown, ...(status === "[0]" ? [] : [status])].join("\n");
}
