/** The backup server's answers, old and new (test-data/contracts/portal.json), and the copy at the second portal. */
import { expect, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { subscriptionPortal, type SubscriptionPortal, secret, systemId } from "../../test/subscription-portal.ts";
import { readPlugConfig, type Subscription } from "../config.ts";
import { deleteBackup, listBackups, uploadBackup } from "./remote-backup.ts";

const { signal } = new AbortController();

function machine(
  portal: SubscriptionPortal,
  plan: "community" | "enterprise",
): { host: FakeHost; subscription: Subscription } {
  const host = fakeHost({
    files: {
      "/etc/config/ns-plug": `config main 'config'\n${portal.uciOptions(plan)}`,
      "/tmp/a.tar.gz.gpg": "encrypted",
      "/tmp/a.tar.gz": "plain",
    },
  });
  const { subscription } = readPlugConfig(host.uci);
  if (subscription === undefined) throw new Error("no subscription");
  return { host, subscription };
}

test("version 2: an object, by id, the newest first", async () => {
  await using portal = subscriptionPortal();
  const { host, subscription } = machine(portal, "enterprise");
  expect(await listBackups(host, subscription)).toMatchObject([
    {
      id: "b7f1c2d3e4.bin",
      file: "b7f1c2d3e4.bin",
      name: "backup-1767225600.tar.gz.gpg",
      created: "1767225600",
      size: 12345,
    },
    { id: "a1a2a3a4a5.bin", mimetype: "application/gzip" },
  ]);
  portal.list = {
    backups: [
      { id: "old", created: 5 },
      { id: "new", created: "17" },
    ],
  };
  expect((await listBackups(host, subscription)).map(({ id }) => id)).toEqual(["new", "old"]);
  expect(portal.received[0]?.headers["authorization"]).toBe(
    `Basic ${Buffer.from(`${systemId}:${secret}`).toString("base64")}`,
  );
  host[Symbol.dispose]();
});

test("before: an array, by file; what it does not say is added as the interface needs it", async () => {
  await using portal = subscriptionPortal();
  const { host, subscription } = machine(portal, "community");
  portal.list = "older_array";
  expect(await listBackups(host, subscription)).toMatchObject([
    { id: "882e399c.bin", file: "882e399c.bin", name: "backup.tar.gz", size: 1, mimetype: "application/gzip" },
  ]);
  portal.list = [{ file: "b.tar.gz.gpg" }];
  expect(await listBackups(host, subscription)).toMatchObject([
    { id: "b.tar.gz.gpg", name: "b.tar.gz.gpg", mimetype: "application/octet-stream" },
  ]);
  for (const list of [{}, { backups: [{ name: "x" }] }, ["x"], null]) {
    portal.list = list;
    await expect(listBackups(host, subscription)).rejects.toMatchObject({ code: "bad_answer" });
  }
  host[Symbol.dispose]();
});

test("the second portal gets what is encrypted, from enterprise machines; that it is away is no failure", async () => {
  await using portal = subscriptionPortal();
  const { host, subscription } = machine(portal, "enterprise");
  await uploadBackup(host, subscription, "/tmp/a.tar.gz.gpg", signal);
  await uploadBackup(host, subscription, "/tmp/a.tar.gz", signal);
  await uploadBackup(host, { ...subscription, plan: "community" }, "/tmp/a.tar.gz.gpg", signal);
  const copies = portal.received.filter(({ line }) => line.includes("/proxy/"));
  expect(copies).toMatchObject([
    {
      line: "POST /proxy/backup",
      headers: {
        "x-filename": "a.tar.gz.gpg",
        "content-type": "application/octet-stream",
        authorization: expect.stringMatching(/^Basic /),
      },
      body: Buffer.from("encrypted"),
    },
  ]);
  await uploadBackup(host, { ...subscription, copyUrl: "http://127.0.0.1:1/proxy/" }, "/tmp/a.tar.gz.gpg", signal);
  expect(host.logged.join("\n")).toContain("the copy of the backup at the second portal");
  host[Symbol.dispose]();
});

test("deleting passes on the server's own answer", async () => {
  await using portal = subscriptionPortal();
  const { host, subscription } = machine(portal, "enterprise");
  expect(await deleteBackup(host, subscription, "b7f1c2d3e4.bin")).toEqual({ result: "success" });
  expect(portal.received.at(-1)?.line).toBe("DELETE /backup/enterprise/api/v2/backup/b7f1c2d3e4.bin");
  host[Symbol.dispose]();
});
