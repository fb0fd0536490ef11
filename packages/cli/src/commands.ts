/** The table of all commands: dispatch by name, `nethsec help`, completion and the man pages come from it. Loads no implementation. */
import type { Command } from "@nethsec/host/command/command";
import { commands as host } from "@nethsec/host/uci/commands";
import { commands as ha } from "@nethsec/ha/commands";
import { commands as plug } from "@nethsec/plug/commands";
import { commands as report } from "@nethsec/report/commands";

const own: readonly Command[] = [
  {
    name: "install-links",
    summary: "make the links by which the commands are called",
    description:
      "Makes a symbolic link to the executable for each command, at the place where the documentation has it " +
      "(/usr/sbin/ns-plug, /usr/libexec/rpcd/ns.ha, …). What is there already and is not such a link is left alone, and said.",
    options: [
      { name: "service", value: "NAME", summary: "only those of ns-plug, ns-ha, ns-report or nethsec" },
      { name: "root", value: "DIR", summary: "below this folder instead of /" },
      { name: "target", value: "PATH", summary: "what the links point to; default /usr/sbin/nethsec" },
      { name: "remove", summary: "remove the links instead" },
      { name: "list", summary: "only print them" },
    ],
    examples: [
      ["nethsec install-links", "all commands"],
      ["nethsec install-links --service ns-report --root /tmp/image", "for a package that is being built"],
    ],
    load: async () => {
      const { installLinks } = await import("./install-links.ts");
      return { run: (call) => installLinks(commandsByService, call) };
    },
  },
];

/** Commands by the package that installs them. */
export const commandsByService: ReadonlyMap<string, readonly Command[]> = new Map([
  ["nethsec", [...own, ...host]],
  ["ns-plug", plug],
  ["ns-ha", ha],
  ["ns-report", report],
]);

export const commands: readonly Command[] = [...commandsByService.values()].flat();
