/** Needs mandoc. */
import { expect, test } from "bun:test";
import { commands } from "../uci/commands.ts";
import { builtinCommands } from "./builtin-commands.ts";
import { localRun } from "../process/local-run.ts";
import { manPage } from "./man-page.ts";

test.each([...commands, ...builtinCommands(commands)].map((command) => [command.name, command] as const))(
  "mandoc finds nothing wrong with the page of %s",
  async (_name, command) => {
    const { stdout } = await localRun()(["mandoc", "-T", "lint", "-W", "style"], {
      stdin: manPage(command),
      timeoutMs: 10_000,
      ok: "any",
    });
    expect(stdout.split("\n").filter((line) => line !== "" && !line.includes("referenced manual not found"))).toEqual(
      [],
    );
  },
);
