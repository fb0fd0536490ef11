/** Interpretation of dbclient's messages; the pinned key; the backup's answers. */
import { describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readHaConfig } from "../cluster/config.ts";
import { fingerprint, hostKey, pin, pinnedKey } from "./known-hosts.ts";
import { readAnswer } from "../change/peer.ts";
import { dbclientTrouble, linkFailed, sshCommand, sshRun } from "./ssh-link.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";

describe("dbclient", () => {
  test.each([
    [0, "", undefined],
    [3, "the remote command's own words", undefined],
    [
      1,
      "\ndbclient: Connection to root@127.0.0.1:65023 exited: Connect failed: Connection refused\n",
      "connection refused",
    ],
    [
      1,
      "\ndbclient: Connection to root@x:1 exited: No auth methods could be used.\n",
      "the key of the cluster was refused",
    ],
    [
      1,
      "\nssh-ed25519 host key mismatch for 127.0.0.1 !\nFingerprint is SHA256:a\ndbclient: Connection to root@x:1 exited: \n",
      "host key",
    ],
    [
      1,
      "\nHost '10.0.0.2' is not in the trusted hosts file.\n(ssh-rsa fingerprint SHA256:a)\nDo you want to continue connecting? (y/n) \ndbclient: Connection to root@10.0.0.2:22 exited: Didn't validate host key\n",
      "host key",
    ],
  ])("exit code %d, %j", (code, stderr, trouble) => {
    expect(dbclientTrouble({ code, stderr })).toBe(trouble);
  });

  test("without a pinned key nothing is connected", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const config = readHaConfig(nodes.primary.uci);
    if (config === undefined) throw new Error("no cluster");
    nodes.primary.files.remove("/etc/keepalived/keys/.ssh/known_hosts");
    expect(() => sshCommand(nodes.primary, config, "admin")).toThrow("No SSH host key of 192.168.100.239 is pinned");
  });

  test("a node where nothing listens is told apart from one that is off", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const config = readHaConfig(nodes.primary.uci);
    if (config === undefined) throw new Error("no cluster");
    expect(linkFailed(config, "connection refused").advice).toContain("ns-ha-config init-backup-node lan;");
    expect(linkFailed(config, "no route to host").advice).toStartWith("Check that 192.168.100.239 is switched on");
  });

  test("a peer that never answers is an error in time, and no process stays", async () => {
    using nodes = twoNodes();
    await initBoth(nodes);
    const config = readHaConfig(nodes.primary.uci);
    if (config === undefined) throw new Error("no cluster");
    nodes.primary.program("dbclient", () => new Promise(() => undefined));
    const call = sshRun(nodes.primary, config, { key: "sync", command: "true", timeoutMs: 1000 });
    void nodes.primary.clock.advance(1001);
    await expect(call).rejects.toMatchObject({
      code: "ssh_connection_failed",
      message: expect.stringContaining("no answer in time"),
    });
  });
});

test("a key is pinned once per address", () => {
  using host = fakeHost();
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from("ssh-ed25519"), Buffer.from([0, 0, 0, 1, 7])]);
  const key = hostKey(blob);
  expect(key?.algorithm).toBe("ssh-ed25519");
  if (key === undefined) return;
  pin(host.files, "10.0.0.1", { ...key, blob: "b2xk" });
  pin(host.files, "10.0.0.2", key);
  pin(host.files, "10.0.0.1", key);
  expect(pinnedKey(host.files, "10.0.0.1")).toEqual(key);
  expect(pinnedKey(host.files, "10.0.0.3")).toBeUndefined();
  expect(host.files.readText("/etc/keepalived/keys/.ssh/known_hosts")?.trim().split("\n")).toHaveLength(2);
  expect(host.files.stat("/etc/keepalived/keys/.ssh/known_hosts")?.mode).toBe(0o600);
  expect(fingerprint(key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
});

test.each([[new Uint8Array()], [new Uint8Array([0, 0, 0, 99, 1])], [new Uint8Array([255, 255, 255, 255])]])(
  "a malformed key is none",
  (blob) => {
    expect(hostKey(blob)).toBeUndefined();
  },
);

describe("the backup's answer", () => {
  const answer =
    (stdout: string, stderr = "", code = 0) =>
    () =>
      readAnswer("10.0.0.2", "add-vip", { code, stdout, stderr });
  test("success is returned", () => {
    expect(answer('{"success":true}\n')()).toEqual({ success: true });
  });
  test.each([
    ['{"error":"full","message":"No space left."}', "", "The backup node 10.0.0.2 refused add-vip: No space left."],
    ['{"error":"full"}', "", "refused add-vip: full"],
    [
      '{"validation":{"errors":[{"parameter":"interface","value":"x","message":"required"}]}}',
      "",
      "refused add-vip: required (interface)",
    ],
    [
      '{"validation":{"errors":[{"parameter":"a","value":"","message":"x","text":"It is on lan."},{"parameter":"b","value":"","message":"y","text":"There is no lan9."}]}}',
      "",
      "refused add-vip: It is on lan. There is no lan9.",
    ],
    [
      "",
      "sh: /usr/libexec/rpcd/ns.ha: not found\n",
      "gave no answer to add-vip (exit code 0: sh: /usr/libexec/rpcd/ns.ha: not found)",
    ],
    ["not json", "", "gave no answer to add-vip"],
  ])("%j", (stdout, stderr, words) => {
    expect(answer(stdout, stderr)).toThrow(words);
  });
});
