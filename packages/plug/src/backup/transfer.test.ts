/** Transfers over connections that break at any byte, even during the TLS handshake: a file is complete or absent, and the next run delivers it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { paced } from "@nethsec/host/testing/pace";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { testCa, type TestCa } from "@nethsec/host/testing/test-ca";
import fc from "fast-check";
import type { Subscription } from "../config.ts";
import { backupPortal, type BackupPortal } from "../../test/backup-portal.ts";
import { downloadBackup, uploadBackup } from "./remote-backup.ts";

setDefaultTimeout(paced(60_000));

const { signal } = new AbortController();
const name = "backup.tar.gz";
/** Several TLS records, the last one not full. */
const content = randomBytes(50_001);

let ca: TestCa;
beforeAll(async () => {
  ca = await testCa();
});
afterAll(() => ca[Symbol.dispose]());

interface Place extends AsyncDisposable {
  readonly host: FakeHost;
  readonly portal: BackupPortal;
  readonly subscription: Subscription;
}

async function place(secure: boolean): Promise<Place> {
  const portal = await backupPortal(secure ? await ca.issue("localhost") : undefined);
  const made = fakeHost({ files: { "/etc/ssl/certs/ca-certificates.crt": ca.certificate, "/root/kept/old": "" } });
  // No real waits between attempts.
  const host = { ...made, clock: { ...made.clock, sleep: async () => undefined } };
  host.files.write(`/root/${name}`, content);
  const subscription: Subscription = {
    plan: "enterprise",
    systemId: "id",
    secret: "secret-of-this-machine",
    apiUrl: "",
    alertsUrl: "",
    inventoryUrl: "",
    backupUrl: portal.url,
    copyUrl: "",
  };
  return {
    host,
    portal,
    subscription,
    [Symbol.asyncDispose]: async () => {
      made[Symbol.dispose]();
      await portal[Symbol.asyncDispose]();
    },
  };
}

/** Sixty positions to break a connection of `bytes`: the first few bytes, each of the last thirty, and random ones. */
const breaks = (bytes: number): fc.Parameters<[after: number, reset: boolean]> => ({
  numRuns: 60,
  examples: [0, 1, 2, 5, 100, ...Array.from({ length: 30 }, (_, back) => bytes - 1 - back)].map((after) => [
    after,
    after % 2 === 0,
  ]),
});

describe("a wire that breaks", () => {
  test.each([
    ["https", true],
    // Without TLS, breaks also hit the header of the answer.
    ["http", false],
  ] as const)(
    "%s: a download is complete, or nothing of it is there and the file before stays",
    async (_scheme, secure) => {
      await using at = await place(secure);
      const { host, portal, subscription } = at;
      portal.files.set(name, content);
      const path = "/root/kept/old";
      const download = (): Promise<unknown> => downloadBackup(host, subscription, name, { file: path }, { signal });
      await download();
      expect(host.files.readBytes(path)).toEqual(Uint8Array.from(content));
      const { down } = portal.carried;
      expect(down).toBeGreaterThan(content.length);
      let failed = 0;
      const property = fc.asyncProperty(fc.nat(down - 1), fc.boolean(), async (after, reset) => {
        host.files.write(path, "before");
        portal.breakAt({ direction: "down", after, reset });
        const error: unknown = await download().then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error !== undefined) failed += 1;
        expect(Buffer.from(host.files.readBytes(path) ?? [])).toEqual(
          error === undefined ? content : Buffer.from("before"),
        );
        expect(host.files.list("/root/kept")).toEqual(["old"]);
      });
      await fc.assert(property, breaks(down));
      expect(failed).toBeGreaterThan(10);
      portal.breakAt(undefined);
      await download();
      expect(Buffer.from(host.files.readBytes(path) ?? [])).toEqual(content);
    },
    paced(30_000),
  );

  test("what a pipe gets is followed by an error, unless it is everything", async () => {
    await using at = await place(true);
    const { host, portal, subscription } = at;
    portal.files.set(name, content);
    let got = Buffer.alloc(0);
    const download = (): Promise<unknown> => {
      got = Buffer.alloc(0);
      const write = async (chunk: Uint8Array): Promise<void> => void (got = Buffer.concat([got, chunk]));
      return downloadBackup(host, subscription, name, { write }, { signal });
    };
    await download();
    const { down } = portal.carried;
    const property = fc.asyncProperty(fc.nat(down - 1), fc.boolean(), async (after, reset) => {
      portal.breakAt({ direction: "down", after, reset });
      const whole = await download().then(
        () => true,
        () => false,
      );
      expect(got).toEqual(whole ? content : content.subarray(0, got.length));
    });
    await fc.assert(property, breaks(down));
  });

  test.each(["up", "down"] as const)(
    "an upload that breaks on its way %s is an error and leaves nothing half; the next one delivers",
    async (direction) => {
      await using at = await place(true);
      const { host, portal, subscription } = at;
      const upload = (): Promise<void> => uploadBackup(host, subscription, `/root/${name}`, signal);
      await upload();
      const bytes = portal.carried[direction];
      let failed = 0;
      const property = fc.asyncProperty(fc.nat(bytes - 1), fc.boolean(), async (after, reset) => {
        portal.files.clear();
        portal.breakAt({ direction, after, reset });
        const delivered = await upload().then(
          () => true,
          () => false,
        );
        if (!delivered) failed += 1;
        const there = portal.files.get(name);
        if (there !== undefined || delivered) expect(Buffer.from(there ?? [])).toEqual(content);
        portal.breakAt(undefined);
        await upload();
        expect(Buffer.from(portal.files.get(name) ?? [])).toEqual(content);
      });
      await fc.assert(property, breaks(bytes));
      expect(failed).toBeGreaterThan(10);
    },
    paced(60_000),
  );
});

test("a backup that the portal does not have is named, and nothing is written", async () => {
  await using at = await place(true);
  const { host, subscription } = at;
  const download = downloadBackup(host, subscription, "other.tar.gz", { file: "/root/kept/new" }, { signal });
  await expect(download).rejects.toMatchObject({
    code: "no_such_backup",
    message: expect.stringContaining("other.tar.gz"),
  });
  expect(host.files.list("/root/kept")).toEqual(["old"]);
});
