/**
 * `nethsec install-links`: one executable, many names (design decision 2).
 * Invariant: never replaces or removes anything but a symbolic link to the same executable.
 */
import { dirname, join } from "node:path";
import type { Call, Command } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";

export type CommandsByService = ReadonlyMap<string, readonly Command[]>;

/** Where the link of a command is on OpenWrt. */
const pathOf = (command: Command): string => command.path ?? `/usr/sbin/${command.name}`;

/** Commands that can only be called as `nethsec NAME`. */
const withoutLink = new Set(["install-links", "help", "completion", "man"]);

function chosen(byService: CommandsByService, service: string | true | undefined): readonly Command[] {
  const list = typeof service === "string" ? byService.get(service) : [...byService.values()].flat();
  if (list === undefined) {
    throw new UsageError(`There is no service "${String(service)}"`, `One of: ${[...byService.keys()].join(", ")}`);
  }
  return list.filter((command) => !withoutLink.has(command.name));
}

/** `byService`: the commands that exist, by the package that installs them. */
export function installLinks(byService: CommandsByService, { options, host, io, json }: Call): number {
  const root = typeof options["root"] === "string" ? options["root"] : "/";
  const target = typeof options["target"] === "string" ? options["target"] : "/usr/sbin/nethsec";
  const paths = chosen(byService, options["service"]).map(pathOf);
  const taken: string[] = [];
  for (const path of paths) {
    if (options["list"] === true) continue;
    const link = join(root, path);
    const present = host.files.stat(link);
    if (present !== undefined && host.files.readlink(link) !== target) {
      taken.push(link);
    } else if (options["remove"] === true) {
      host.files.remove(link);
    } else if (present === undefined) {
      host.files.mkdir(dirname(link));
      host.files.symlink(target, link);
    }
  }
  if (json) io.out(`${JSON.stringify({ links: paths, target, taken })}\n`);
  else if (options["list"] === true) io.out(paths.map((path) => `${path}\n`).join(""));
  if (taken.length > 0 && !json) {
    throw new NethsecError({
      code: "path_taken",
      message: `Left alone, because something else is there: ${taken.join(", ")}`,
      advice: "Remove the package that brought it (opkg or apk remove), or move the file away, and run this again.",
    });
  }
  return taken.length > 0 ? 1 : 0;
}
