import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "../testing/pace.ts";
import { join } from "node:path";

setDefaultTimeout(paced(60_000));

test("a program that outlives its starter does not hold it up", async () => {
  const options = '{ stdout: "ignore", stderr: "ignore", outlives: true }';
  const source = `import { localRun } from "${join(import.meta.dirname, "local-run.ts")}";
    console.log(localRun().spawn(["sleep", "20"], ${options}).pid);`;
  const starter = Bun.spawn([process.execPath, "-e", source]);
  const pid = Number(await new Response(starter.stdout).text());
  expect(await starter.exited).toBe(0);
  // The program still runs; a starter that waited for it would have ended after it.
  expect(process.kill(pid, "SIGTERM")).toBe(true);
});
