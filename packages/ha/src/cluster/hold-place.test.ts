/** Reserving a fixed file name in a world-writable folder. */
import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { holdPlace } from "./hold-place.ts";

const path = "/tmp/keepalived.json";

test("a folder in the way is moved aside with what is in it, and named in the log", () => {
  using host = fakeHost({ files: { [`${path}/deep/file`]: "theirs" } });
  expect(holdPlace(host, path)).toBe(true);
  expect(host.files.stat(path)).toMatchObject({ type: "file", mode: 0o600 });
  const aside = host.files.list("/tmp").find((name) => name.startsWith("keepalived.json."));
  expect(host.files.readText(`/tmp/${aside}/deep/file`)).toBe("theirs");
  expect(host.logged.join("\n")).toContain(`moved to /tmp/${aside}`);
});

test("a link is replaced, not followed; what is there already stays as it is", () => {
  using host = fakeHost({ files: { "/etc/passwd": "root" } });
  host.files.mkdir("/tmp");
  host.files.symlink("/etc/passwd", path);
  expect(holdPlace(host, path)).toBe(true);
  expect(host.files.readText("/etc/passwd")).toBe("root");
  const { ino } = host.files.stat(path) ?? {};
  expect(holdPlace(host, path)).toBe(true);
  expect(host.files.stat(path)?.ino).toBe(ino ?? -1);
});

test("a link of our own to a target", () => {
  using host = fakeHost({ files: { "/tmp/keepalived.conf/x": "theirs", "/var/run/ns-ha/keepalived.conf": "ours" } });
  expect(holdPlace(host, "/tmp/keepalived.conf", "/var/run/ns-ha/keepalived.conf")).toBe(true);
  expect(host.files.readlink("/tmp/keepalived.conf")).toBe("/var/run/ns-ha/keepalived.conf");
});
