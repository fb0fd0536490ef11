/** The FIFO reader delivers whole lines, and the process can end after it stops reading, even without a further writer. */
import { afterAll, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../testing/until.ts";
import { readFifo } from "./fifo.ts";

const folder = mkdtempSync(join(tmpdir(), "fifo-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const reader = `
import { readFifo } from "${import.meta.dir}/fifo.ts";
const end = new AbortController();
const heard = (text) => { console.log(text); if (text === "end") setTimeout(() => end.abort(), 50); };
readFifo(process.argv.at(-1), heard, (error) => console.log(String(error)), end.signal);
`;

test("a process that stops reading ends soon", async () => {
  const fifo = join(folder, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  const child = Bun.spawn([process.execPath, "-e", reader, fifo], { stdout: "pipe", timeout: 10_000 });
  const writer = openSync(fifo, constants.O_RDWR);
  for (const part of ["one\ntw", "o\n", `${"x".repeat(5000)}\n`, "end\n"]) writeSync(writer, part);
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stdout).text()).toBe("one\ntwo\nend\n");
  closeSync(writer);
});

test("a file in its place is refused", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const none = new AbortController().signal;
  expect(() =>
    readFifo(
      file,
      () => undefined,
      () => undefined,
      none,
    ),
  ).toThrow("is not a FIFO");
});

test("what takes its place after the check is not read", async () => {
  const fifo = join(folder, "exchanged");
  Bun.spawnSync(["mkfifo", fifo]);
  const end = new AbortController();
  const heard: string[] = [];
  const writer = openSync(fifo, constants.O_RDWR);
  readFifo(
    fifo,
    (line) => heard.push(line),
    () => undefined,
    end.signal,
  );
  // Removed before the reader has started: the reader must not open the FIFO by name again.
  rmSync(fifo);
  writeFileSync(fifo, "forged\n");
  writeSync(writer, "real\n");
  await until(() => heard.length > 0, { what: "a line is heard" });
  end.abort();
  closeSync(writer);
  expect(heard).toEqual(["real"]);
});
