/**
 * Prints each distinct command line and environment of the processes in the given nodes as a line of JSON. To catch programs that run for a few
 * milliseconds, it polls young processes continuously and older ones every `everyMs`.
 *
 *     bun process-watch-worker.ts PID…     processes 1 of the nodes
 */
import { readdirSync, readFileSync } from "node:fs";

/** Age below which a process may still be about to call exec. */
const youngMs = 250;
const everyMs = 30;

const seen = new Set<string>();
function note(path: string): void {
  for (const file of ["cmdline", "environ"]) {
    try {
      const text = readFileSync(`${path}/${file}`, "latin1").replaceAll("\0", " ");
      if (text === "" || seen.has(text)) continue;
      seen.add(text);
      process.stdout.write(`${JSON.stringify(text)}\n`);
    } catch {
      // The process has ended.
    }
  }
}

const born = new Map<string, number>();
const folders = process.argv.slice(2).map((pid) => `/proc/${pid}/root/proc`);
let looked = 0;
process.on("SIGTERM", () => process.exit(0));
for (;;) {
  const now = performance.now();
  const all = now - looked > everyMs;
  if (all) looked = now;
  for (const folder of folders) {
    for (const name of readdirSync(folder)) {
      if (!/^\d+$/.test(name)) continue;
      const path = `${folder}/${name}`;
      const since = born.get(path) ?? now;
      if (since === now) born.set(path, now);
      if (all || now - since < youngMs) note(path);
    }
  }
  if (all) await Bun.sleep(0);
}
