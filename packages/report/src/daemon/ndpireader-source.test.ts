/** A fake ndpiReader which, like the real one, writes its rows only to a file, at the end of the window or at SIGINT. */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localClock } from "@nethsec/host/local/local-clock";
import { localFiles } from "@nethsec/host/files/local-files";
import { localRun } from "@nethsec/host/process/local-run";
import { until } from "../../test/flow-server.ts";
import { ndpireaderSource } from "./ndpireader-source.ts";

const root = mkdtempSync(join(tmpdir(), "ndpireader-"));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const row =
  "0,6,10.472,10.474,0.002,192.168.1.7,50000,203.0.113.9,443,91,TLS,www.example.org,6,100,79,6,900,449,-0.277,Download";

/** `body`: shell code; it writes the rows to `$csv`. */
function running(body: string) {
  const files = localFiles(root);
  files.write("/usr/bin/ndpiReader", `#!/bin/sh\nwhile [ "$1" != -C ]; do shift; done\ncsv=$2\n${body}\n`);
  chmodSync(files.real("/usr/bin/ndpiReader"), 0o755);
  const seen: string[] = [];
  const abort = new AbortController();
  const done = ndpireaderSource("br-lan", 1, { files, run: localRun(root), clock: localClock })(
    {
      data: (chunk) => void seen.push(Buffer.from(chunk).toString()),
      connected: () => void seen.push("connected"),
      disconnected: (why) => void seen.push(`disconnected: ${why}`),
    },
    abort.signal,
  );
  const stop = async (): Promise<void> => {
    abort.abort();
    await done;
  };
  return { seen, files, stop };
}

test("rows of the window that a stop interrupts are counted", async () => {
  const { seen, files, stop } = running(
    `trap 'echo "#flow_id" >"$csv"; echo "${row}" >>"$csv"; exit 0' INT\n: >"$csv.ready"\nwhile :; do sleep 0.05; done`,
  );
  await until(() => files.exists("/var/run/ns-report/ndpi.1.csv.ready"), "ndpiReader");
  await stop();
  expect(seen.join("")).toContain('"total_bytes":1000');
  expect(seen.join("")).toContain('"host_server_name":"www.example.org"');
  expect(files.exists("/var/run/ns-report/ndpi.1.csv")).toBe(false);
});

test("a reader that stays is a connection before its first window is over", async () => {
  const { seen, stop } = running(`exec sleep 60`);
  await until(() => seen.includes("connected"), "the connection");
  await stop();
});

test("an end without rows is trouble, with what the program said", async () => {
  const { seen, stop } = running(`echo "Unable to write on CSV file $csv"`);
  await until(() => seen.length > 0, "the trouble");
  await stop();
  expect(seen).toEqual([
    `disconnected: ndpiReader wrote no rows: Unable to write on CSV file ${root}/var/run/ns-report/ndpi.1.csv`,
  ]);
});
