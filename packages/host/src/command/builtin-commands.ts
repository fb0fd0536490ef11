/** The commands that every table includes: help, completion and man pages, generated from the table itself. */
import type { Call, Command } from "./command.ts";
import { commandHelp, isShown, overview } from "./command-help.ts";
import { actionOf, type CommandPath, topLevel } from "./command-path.ts";
import { UsageError } from "../error.ts";
import { nearest } from "./nearest.ts";
import { version } from "../version.ts";

export function builtinCommands(commands: readonly Command[]): readonly Command[] {
  const builtin: readonly Command[] = [
    {
      name: "help",
      summary: "list all commands, or explain one",
      args: [{ name: "command", summary: "a command and its actions", optional: true, variadic: true }],
      examples: [
        ["nethsec help", "all commands"],
        ["nethsec help uci", "one of them"],
      ],
      load: async () => ({
        run: (call) => {
          const all = [...commands, ...builtin];
          const found = call.rest.length === 0 ? undefined : find(all, call);
          if (call.json)
            call.io.out(`${JSON.stringify(found?.command ?? { version, commands: all.filter(isShown) })}\n`);
          else call.io.out(found === undefined ? overview(all, version, call.io) : commandHelp(found, call.io));
          return 0;
        },
      }),
    },
    {
      name: "completion",
      textOnly: true,
      summary: "print the shell completion of all commands",
      args: [{ name: "shell", summary: "bash", values: ["bash"] }],
      examples: [["nethsec completion bash > /etc/bash_completion.d/nethsec", "install it"]],
      load: async () => {
        const { bashCompletion } = await import("./completion.ts");
        return {
          run: (call) => {
            if (call.args["shell"] !== "bash")
              throw new UsageError(`there is no completion for "${call.args["shell"]}", only for bash`);
            call.io.out(bashCompletion([...commands, ...builtin]));
            return 0;
          },
        };
      },
    },
    {
      name: "man",
      textOnly: true,
      summary: "print a command's man page",
      args: [{ name: "command", summary: "the command" }],
      examples: [["nethsec man ns-plug | man -l -", "read it"]],
      load: async () => {
        const { manPage } = await import("./man-page.ts");
        return {
          run: (call) => {
            call.io.out(
              manPage(find([...commands, ...builtin], { ...call, rest: [call.args["command"] ?? ""] }).command),
            );
            return 0;
          },
        };
      },
    },
  ];
  return builtin;
}

function find(commands: readonly Command[], call: Call): CommandPath {
  const [name = "", ...actions] = call.rest;
  const pick = (list: readonly Command[], wanted: string, what: string): Command => {
    const found = list.find((command) => command.name === wanted);
    if (found !== undefined) return found;
    const near = nearest(
      wanted,
      list.map((command) => command.name),
    );
    throw new UsageError(`there is no ${what} "${wanted}"${near === undefined ? "" : `; did you mean "${near}"?`}`);
  };
  return actions.reduce(
    (path, action) => actionOf(path, pick(path.command.actions ?? [], action, "action")),
    topLevel(pick(commands, name, "command")),
  );
}
