/** The commands of the host layer, as data: an implementation is loaded when its command runs. */
import type { Arg, Command } from "../command/command.ts";

const section: Arg = {
  name: "package.section[.option]",
  summary: "a section by its name or as @type[index], or an option of it",
};
const optional: Arg = { name: "package", summary: "one instead of all", optional: true };
const given = (name: string, summary: string): Arg => ({ name, summary });

/** `uci` parses its arguments itself: these are only for its help, man page and completion. */
function uciAction(name: string, summary: string, ...args: readonly Arg[]): Command {
  return { name, summary, raw: true, args };
}

export const commands: readonly Command[] = [
  {
    name: "uci",
    summary: "read and change the configuration packages in /etc/config",
    description:
      "Changes are kept aside in /tmp/.uci until they are committed. Options, output, messages and exit statuses are those of OpenWrt's uci; called without arguments it " +
      "lists its options.\n\nThe exit status is 0 on success, 1 on failure, 255 for a wrong number of arguments; of add, the number of the error.",
    actions: [
      uciAction("get", "print a value, or a section's type", section),
      uciAction("show", "print all values as assignments", { ...section, optional: true }),
      uciAction(
        "set",
        "set an option, or make a section of this type",
        given("package.section[.option]=value", "what and to what"),
      ),
      uciAction(
        "add",
        "add an unnamed section and print its name",
        given("package", "where"),
        given("type", "of which type"),
      ),
      uciAction("add_list", "append an item to a list", given("package.section.option=value", "the list and the item")),
      uciAction(
        "del_list",
        "remove an item from a list",
        given("package.section.option=value", "the list and the item"),
      ),
      uciAction(
        "delete",
        "delete a section, an option or one item of a list",
        given("package.section[.option[=index]]", "what"),
      ),
      uciAction("rename", "rename a section or an option", given("package.section[.option]=name", "what and to what")),
      uciAction("reorder", "move a section", given("package.section=position", "what and where to, from 0")),
      uciAction("changes", "print what has not been committed", optional),
      uciAction("revert", "take back what has not been committed", given("package[.section[.option]]", "of what")),
      uciAction("commit", "write the changes to /etc/config", optional),
      uciAction("export", "print a package as it stands in its file", optional),
      uciAction("import", "read packages from the input", optional),
      uciAction("batch", "run commands from the input, one a line"),
      uciAction("help", "print the commands and options"),
    ],
    examples: [
      ["uci show network.lan", "all options of a section"],
      ["uci set network.lan.ipaddr=192.168.5.1; uci commit network", "change one and write it"],
      ["uci add_list network.lan.dns=1.1.1.1", "append to a list"],
      ["uci set firewall.@rule[-1].enabled=0", "the last section of a type"],
    ],
    raw: true,
    path: "/sbin/uci",
    withoutHost: true,
    load: () => import("./command.ts"),
  },
];
