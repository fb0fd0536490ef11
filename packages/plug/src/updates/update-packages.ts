/**
 * `update-packages`: refreshes the package manager's lists, then upgrades all upgradable packages one at a time, so that a failing one does not
 * stop the others (test-data/contracts/commands.json: /usr/sbin/update-packages). Everything is logged with the tag `update-packages`.
 */
import type { Argv, Host } from "@nethsec/host/host";
import { NethsecError } from "@nethsec/host/error";

type Needs = Pick<Host, "files" | "run" | "log">;

interface Manager {
  readonly refresh: Argv;
  readonly list: Argv;
  /** Parses package names from the output of `list`. */
  readonly names: (output: string) => readonly string[];
  readonly upgrade: (name: string) => Argv;
}

/** `opkg list-upgradable` prints lines "NAME - OLD - NEW". */
const opkg: Manager = {
  refresh: ["opkg", "update"],
  list: ["opkg", "list-upgradable"],
  names: (output) => output.split("\n").flatMap((line) => /^(\S+) - \S/.exec(line)?.[1] ?? []),
  upgrade: (name) => ["opkg", "upgrade", name],
};

/** `apk list --upgradable` prints lines "NAME-VERSION-rRELEASE ARCHITECTURE {ORIGIN} (LICENSE) [upgradable from: …]". */
const apk: Manager = {
  refresh: ["apk", "update"],
  list: ["apk", "list", "--upgradable"],
  names: (output) => output.split("\n").flatMap((line) => /^(\S+)-\d[^\s-]*(?:-r\d+)?\s/.exec(line)?.[1] ?? []),
  upgrade: (name) => ["apk", "upgrade", name],
};

const timeoutMs = 1_800_000;

/** `print` receives each logged line. Returns false when the lists could not be fetched or a package could not be upgraded. */
export async function updatePackages(
  host: Needs,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const log = host.log.tagged("update-packages");
  const say = (level: "info" | "err", text: string): void => {
    for (const line of text.split("\n").filter((each) => each.trim() !== "")) {
      log(level, line);
      print(line);
    }
  };
  const manager = ["/usr/bin/apk", "/sbin/apk"].some((path) => host.files.exists(path)) ? apk : opkg;
  const attempt = async (argv: Argv): Promise<boolean> => {
    try {
      const { code, stdout, stderr } = await host.run(argv, { timeoutMs, ok: "any", signal });
      say("info", `${stdout}\n${stderr}`);
      return code === 0;
    } catch (error) {
      if (!(error instanceof NethsecError) || signal.aborted) throw error;
      say("err", error.message);
      return false;
    }
  };
  if (!(await attempt(manager.refresh))) {
    say("err", "Failed to update metadata");
    return false;
  }
  const { stdout } = await host.run(manager.list, { timeoutMs, signal });
  let failed = 0;
  for (const name of manager.names(stdout)) if (!(await attempt(manager.upgrade(name)))) failed += 1;
  if (failed === 0) say("info", "Update successful");
  else say("err", `Failed to upgrade ${failed} ${failed === 1 ? "package" : "packages"}`);
  return failed === 0;
}
