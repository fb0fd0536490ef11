/** The host key of a real dropbear, and a login with a wrong password; the lab tests the right one (ha-config.root.test.ts). */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "@nethsec/host/local/local-host";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import type { HostKey } from "./known-hosts.ts";
import { runWithPassword, seenHostKey } from "./ssh-password.ts";

setDefaultTimeout(paced(60_000));

const folder = mkdtempSync(join(tmpdir(), "scan-host-key-"));
const host = localHost();
const servers: ChildProcess[] = [];
afterAll(() => {
  for (const server of servers) server.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a dropbear with a single host key of the given kind. */
async function dropbear(kind: string, port: number): Promise<HostKey> {
  const file = join(folder, `${kind}-${port}`);
  const made = spawnSync("dropbearkey", ["-t", kind, "-f", file], { encoding: "utf8" });
  const line = made.stdout.split("\n").find((each) => /^(ssh|ecdsa)-/.test(each)) ?? "";
  const [algorithm = "", blob = ""] = line.split(" ");
  servers.push(spawn("dropbear", ["-F", "-E", "-r", file, "-p", `127.0.0.1:${port}`, "-P", `${file}.pid`]));
  await until(() => seenHostKey(host, "127.0.0.1", port, 5000), { what: `dropbear answers on ${port}` });
  return { algorithm, blob };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

/** An unused port. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("the key that a server shows", () => {
  test.each(["ed25519", "rsa", "ecdsa"])("%s", async (kind) => {
    const port = await freePort();
    const key = await dropbear(kind, port);
    expect(await seenHostKey(host, "127.0.0.1", port, 5000)).toEqual(key);
  });

  test("nobody there, no SSH server there, and one that says nothing", async () => {
    const port = await freePort();
    await expect(seenHostKey(host, "127.0.0.1", port, 5000)).rejects.toMatchObject({
      code: "ssh_connection_failed",
      message: expect.stringContaining(`on port ${port}: nobody answers there, or the connection is refused.`),
    });
    const mail = createServer((socket) => socket.end(`220 mail ready\r\n${"x".repeat(9000)}`));
    await expect(seenHostKey(host, "127.0.0.1", await listen(mail), 5000)).rejects.toThrow("no SSH server");
    mail.close();
    const silent = createServer(() => undefined);
    await expect(seenHostKey(host, "127.0.0.1", await listen(silent), 200)).rejects.toThrow("no answer in time");
    silent.close();
  });
});

describe("a login with a password", () => {
  let port = 0;
  let key: HostKey;
  beforeAll(async () => {
    port = await freePort();
    key = await dropbear("ed25519", port);
  });
  const login = (pinned: HostKey | undefined): Promise<unknown> =>
    runWithPassword(
      host,
      { address: "127.0.0.1", port, password: "not-the-password", pinned, timeoutMs: paced(30_000) },
      { command: "true", stdin: "{}" },
    );

  test("a wrong one is said to be refused, and appears nowhere in the error", async () => {
    const error = await login(key).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "ssh_connection_failed",
      message: expect.stringContaining("was reached, and refused the password of root"),
    });
    expect(Bun.inspect(error)).not.toContain("not-the-password");
    expect(host.files.list("/var/run/ns-ha").filter((name) => name.startsWith("first-contact-"))).toEqual([]);
  });

  test("with another key pinned nothing is sent", async () => {
    const other = { algorithm: "ssh-ed25519", blob: Buffer.from("another").toString("base64") };
    await expect(login(other)).rejects.toMatchObject({ code: "ssh_host_key_changed" });
  });
});
