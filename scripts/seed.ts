/** In CI random input is the same for the same commit: what passed before it was submitted passes there. Loaded before the tests by `scripts/test.ts`. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";

if (process.env["CI"] === "true") {
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  fc.configureGlobal({ seed: Number.parseInt(commit.slice(0, 7), 16) });
}
