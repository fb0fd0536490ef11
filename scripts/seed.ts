/** Makes fast-check's seed in CI a function of the commit, so that runs are reproducible. Preloaded by `scripts/test.ts`. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";

if (process.env["CI"] === "true") {
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  fc.configureGlobal({ seed: Number.parseInt(commit.slice(0, 7), 16) });
}
