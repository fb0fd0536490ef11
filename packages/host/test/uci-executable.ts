/** `uci` compiled for tests, from `uci-main.ts`. */
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { paced } from "../src/testing/pace.ts";
import { makeFolder } from "./temporary-folder.ts";

const root = new URL("../../../", import.meta.url).pathname;

/** Compiling may take this long where the machine is busy, in milliseconds; for the hook that does it. */
export const compileTimeoutMs: number = paced(120_000);

/** Returns a folder (not below /tmp, which tests hide, nor in the checkout, which may be there) with `uci` in it; to be removed by `removeFolder`. */
export function compileUci(): string {
  const dir = makeFolder("/var/tmp/nethsec-uci-");
  const executable = join(dir, "nethsec");
  const built = spawnSync(
    process.execPath,
    [
      "build",
      "--compile",
      "--bytecode",
      "--format=esm",
      "--outfile",
      executable,
      join(root, "packages/host/test/uci-main.ts"),
    ],
    { encoding: "utf8", timeout: compileTimeoutMs - 5000 },
  );
  if (built.status !== 0) throw new Error(`the executable cannot be compiled: ${built.stderr}`);
  symlinkSync(executable, join(dir, "uci"));
  return dir;
}
