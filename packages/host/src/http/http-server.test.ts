import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type HttpPeer, type HttpServer, type ListenAddress, serveHttp } from "./http-server.ts";
import { testCa } from "../testing/test-ca.ts";

const dir = mkdtempSync(join(tmpdir(), "nethsec-http-server-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const big = "calm and plain text\n".repeat(500);
const seen: HttpPeer[] = [];
const failures: unknown[] = [];

async function handle(request: Request, peer: HttpPeer): Promise<Response> {
  seen.push(peer);
  const { pathname } = new URL(request.url);
  if (pathname === "/broken") throw new Error("secret detail");
  if (pathname === "/echo") return new Response(await request.text());
  if (pathname === "/big") return new Response(big, { headers: { "content-type": "text/html", "set-cookie": "a=b" } });
  if (pathname === "/stream") {
    return new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")) }),
      {
        headers: { "content-type": "text/event-stream" },
      },
    );
  }
  return new Response("hello", { headers: { "content-type": "text/plain" } });
}

const start = (listen: ListenAddress, maxRequestBytes?: number): Promise<HttpServer> =>
  serveHttp({
    listen,
    handle,
    failed: (error) => failures.push(error),
    ...(maxRequestBytes === undefined ? {} : { maxRequestBytes }),
  });

/** The whole answer to a request with this `Host` line, which fetch would not send. */
async function rawRequest(port: number, host: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe("on an address", () => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await start({ kind: "tcp", address: "127.0.0.1", port: 0 }, 1000);
  });
  afterAll(() => server.stop());

  test("answers, and knows who asks", async () => {
    expect(await (await fetch(`${server.url}/`)).text()).toBe("hello");
    expect(seen.at(-1)).toEqual({ address: "127.0.0.1", tls: false });
  });

  test.each([
    "localhost:8090@evil",
    "a b",
    "",
    "localhost:99999",
    "localhost:x",
    "[::1",
    "evil/",
    "x#y",
    "%zz",
    "evil\r\nHost: localhost",
  ])("Host: %j is a bad request, which nobody has to handle", async (host) => {
    const before = [seen.length, failures.length];
    expect(await rawRequest(server.port, host)).toStartWith("HTTP/1.1 400 ");
    expect([seen.length, failures.length]).toEqual(before);
  });

  test.each(["localhost", "localhost:8090", "[::1]:8090", "fw-1.example.org", "my_proxy"])(
    "Host: %j is taken",
    async (host) => {
      expect(await rawRequest(server.port, host)).toStartWith("HTTP/1.1 200 ");
    },
  );

  test("compresses text for who accepts it, and keeps the other headers", async () => {
    const compressed = await fetch(`${server.url}/big`, { headers: { "accept-encoding": "gzip" }, decompress: false });
    expect(compressed.headers.get("content-encoding")).toBe("gzip");
    expect(compressed.headers.get("set-cookie")).toBe("a=b");
    const bytes = new Uint8Array(await compressed.arrayBuffer());
    expect(bytes.length).toBeLessThan(500);
    expect(new TextDecoder().decode(Bun.gunzipSync(bytes))).toBe(big);
    const plain = await fetch(`${server.url}/big`, { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(await plain.text()).toBe(big);
    expect(
      (await fetch(`${server.url}/`, { headers: { "accept-encoding": "gzip" } })).headers.get("content-encoding"),
    ).toBeNull();
  });

  test("a failing handler is a 500 without details, and is reported", async () => {
    const response = await fetch(`${server.url}/broken`);
    expect([response.status, await response.text()]).toEqual([500, "internal error\n"]);
    expect(String(failures.at(-1))).toContain("secret detail");
  });

  test("a body has a limit", async () => {
    expect(await (await fetch(`${server.url}/echo`, { method: "POST", body: "x".repeat(900) })).text()).toHaveLength(
      900,
    );
    expect((await fetch(`${server.url}/echo`, { method: "POST", body: "x".repeat(1100) })).status).toBe(413);
  });

  test("an event stream arrives as it is written", async () => {
    const reader = (await fetch(`${server.url}/stream`)).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("data: 1\n\n");
    await reader?.cancel();
  });

  test("an address that is taken is refused with advice", async () => {
    await expect(start({ kind: "tcp", address: "127.0.0.1", port: server.port })).rejects.toMatchObject({
      code: "listen_failed",
      message: expect.stringMatching(/^Cannot listen on 127\.0\.0\.1 port \d+: .*[a-z0-9]\.$/),
    });
  });
});

test("with TLS", async () => {
  using ca = await testCa();
  const { cert, key } = await ca.issue("localhost");
  const server = await start({ kind: "tcp", address: "127.0.0.1", port: 0, tls: { certificate: cert, key } });
  try {
    expect(server.url).toStartWith("https://");
    expect(await (await fetch(`https://localhost:${server.port}/`, { tls: { ca: ca.certificate } })).text()).toBe(
      "hello",
    );
    expect(seen.at(-1)?.tls).toBe(true);
  } finally {
    await server.stop();
  }
});

describe("on a UNIX socket", () => {
  const path = join(dir, "run/report.sock");
  const listen = { kind: "unix", path, mode: 0o660 } as const;
  beforeAll(() => void mkdirSync(dirname(path), { recursive: true }));

  test("with its mode from the beginning; the socket goes with the server", async () => {
    const server = await start(listen);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(await (await fetch("http://localhost/", { unix: path })).text()).toBe("hello");
    expect(seen.at(-1)).toEqual({ address: "unix", tls: false });
    expect(start(listen)).rejects.toThrow("another process listens there");
    await server.stop();
    expect(existsSync(path)).toBe(false);
  });

  test("one left behind is replaced, a file is not", async () => {
    const left = Bun.spawnSync([
      process.execPath,
      "-e",
      `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
    ]);
    expect([left.signalCode, existsSync(path)]).toEqual(["SIGKILL", true]);
    const server = await start(listen);
    await server.stop();
    writeFileSync(path, "mine");
    expect(start(listen)).rejects.toThrow("is not a socket");
    rmSync(path);
  });

  test("one that accepts and stays silent counts as in use", async () => {
    const silent: Server = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    await expect(start(listen)).rejects.toThrow("another process listens there");
    await new Promise((resolve) => silent.close(resolve));
  });
});
