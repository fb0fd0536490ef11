/** Runs as root, like the daemon: other users cannot change groups. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { emptyClient } from "./hour-counters.ts";
import { hourPath, writeHour } from "./hour-store.ts";
import { protectReports, reportGroup, reportMode } from "./report-access.ts";

const base = "/var/run/dpireport";
const hour = 2026112213;
const client = "192.168.1.10";

function temporaryFiles() {
  const folder = mkdtempSync(join(tmpdir(), "report-access-"));
  return {
    files: localFiles(folder),
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test("nobody but root reads: the folder is closed, also one of an earlier version that was open", () => {
  using temporary = temporaryFiles();
  const { files } = temporary;
  files.mkdir(`${base}/2026`, { mode: 0o755 });
  expect(protectReports(files, base, undefined)).toBeUndefined();
  writeHour(files, base, hour, client, emptyClient());
  expect(files.stat(base)?.mode).toBe(0o700);
  expect(files.stat(hourPath(base, hour, client))?.mode).toBe(reportMode);
});

test("the group of the option reads: folders and files made below get it", () => {
  using temporary = temporaryFiles();
  const { files } = temporary;
  const group = process.getgid?.() === 0 ? 12_345 : (process.getgid?.() ?? 0);
  expect(protectReports(files, base, group)).toBeUndefined();
  writeHour(files, base, hour, client, emptyClient());
  expect(files.stat(base)).toMatchObject({ mode: 0o2750, gid: group });
  expect(files.stat(hourPath(base, hour, client))).toMatchObject({ mode: 0o640, gid: group });
  expect(files.stat("/var/run/ns-report")).toMatchObject({ mode: 0o2755, gid: group });
});

test("a folder that is not the reports' alone keeps its permissions, and that is said", () => {
  using temporary = temporaryFiles();
  const { files } = temporary;
  files.mkdir("/mnt/data/photos", { mode: 0o755 });
  expect(protectReports(files, "/mnt/data", undefined)).toContain("holds other things than reports");
  expect(files.stat("/mnt/data")?.mode).toBe(0o755);
});

test("the group is found by its name; one that does not exist stops the start", () => {
  using host = fakeHost({
    files: {
      "/etc/group": "root:x:0:\nweb:x:33:www\n",
      "/etc/config/ns-report": "config report 'config'\n\toption group 'web'\n",
    },
  });
  expect(reportGroup(host.files, host.uci)).toBe(33);
  host.files.write("/etc/group", "root:x:0:\n");
  expect(() => reportGroup(host.files, host.uci)).toThrow('ns-report.config.group is "web"; there is no such group');
});
