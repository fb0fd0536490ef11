/** Compiles `uci` for tests, from `uci-main.ts`. */
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { paced } from "../src/testing/pace.ts";
import { makeFolder } from "./temporary-folder.ts";

const root = new URL("../../../", import.meta.url).pathname;

/** Time limit of the hook that compiles, in milliseconds; stretched on a busy machine. */
export const compileTimeoutMs: number = paced(120_000);

/** Returns a folder with `uci` in it; remove it by `removeFolder`. It is neither below /tmp, which tests hide, nor in the checkout, which may lie there. */
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
