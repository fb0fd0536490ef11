/** What a failed change leaves: content, mode and absence as before. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { snapshot, withRollback } from "./rollback.ts";

let host: FakeHost;
beforeEach(() => {
  host = fakeHost({ files: { "/etc/key": "secret\n", "/etc/plain": "text\n" } });
  host.files.chmod("/etc/key", 0o600);
});
afterEach(() => host[Symbol.dispose]());
const mode = (path: string): number => (host.files.stat(path)?.mode ?? 0) & 0o777;

test.each([
  ["its content and mode were changed", (): void => host.files.write("/etc/key", "other\n", { mode: 0o644 })],
  ["only its mode was changed", (): void => host.files.chmod("/etc/key", 0o644)],
  ["it was removed", (): void => host.files.remove("/etc/key")],
])("a file is as before when %s and the change fails", async (_, change) => {
  const changing = withRollback(
    host.files,
    ["/etc/key", "/etc/plain", "/etc/new"],
    () => {
      change();
      host.files.write("/etc/new", "new\n");
      return Promise.reject(new Error("half-way"));
    },
    () => Promise.resolve(),
  );
  await expect(changing).rejects.toThrow("half-way");
  expect([host.files.readText("/etc/key"), mode("/etc/key")]).toEqual(["secret\n", 0o600]);
  expect([host.files.exists("/etc/new"), host.files.readText("/etc/plain")]).toEqual([false, "text\n"]);
});

test("restoring names what differed, and nothing the second time", () => {
  const before = snapshot(host.files, ["/etc/key", "/etc/plain"]);
  host.files.chmod("/etc/key", 0o640);
  expect([before.restore(), before.restore()]).toEqual([["/etc/key"], []]);
});
