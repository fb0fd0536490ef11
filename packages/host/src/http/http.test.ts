import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { HttpError, type HttpRequest, httpRequest } from "./http.ts";
import { type FakeHost, fakeHost } from "../testing/fake-host.ts";
import { type TestCa, testCa } from "../testing/test-ca.ts";
import { until as untilDeadline } from "../testing/until.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

let ca: TestCa;
let host: FakeHost;
const seen: Seen[] = [];
const servers: { stop(force?: boolean): unknown }[] = [];
let home = "";
let elsewhere = "";
let plain = "";

/** Behaviour of the test servers, by path. */
async function respond(request: Request): Promise<Response> {
  const url = new URL(request.url);
  seen.push({
    method: request.method,
    path: url.pathname,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
  });
  const to = url.searchParams.get("to") ?? "";
  switch (url.pathname) {
    case "/redirect":
      return new Response(null, { status: Number(url.searchParams.get("status") ?? 302), headers: { location: to } });
    case "/loop":
      return new Response(null, { status: 302, headers: { location: "/loop" } });
    case "/status":
      return new Response(url.searchParams.get("text") ?? "", { status: Number(url.searchParams.get("status")) });
    case "/large":
      return new Response(new Uint8Array(Number(url.searchParams.get("bytes"))));
    case "/endless":
      return new Response(
        new ReadableStream({
          pull: (controller) => {
            controller.enqueue(new Uint8Array(65_536));
          },
        }),
      );
    default:
      return new Response(JSON.stringify({ path: url.pathname }), { headers: { "content-type": "application/json" } });
  }
}

function listen(tls?: { cert: string; key: string }): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: respond, ...(tls === undefined ? {} : { tls }) });
  servers.push(server);
  return `${tls === undefined ? "http" : "https"}://localhost:${server.port}`;
}

/** A server that writes only what `answer` sends; closed after the tests. */
function rawServer(answer: (socket: Bun.Socket) => void): string {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: answer } });
  servers.push(server);
  return `http://localhost:${server.port}`;
}

beforeAll(async () => {
  ca = await testCa();
  host = fakeHost({ files: { "/etc/ssl/certs/ca-certificates.crt": ca.certificate } });
  const good = await ca.issue("localhost");
  home = listen(good);
  elsewhere = listen(good);
  plain = listen();
});

afterAll(() => {
  for (const server of servers) server.stop(true);
  host[Symbol.dispose]();
  ca[Symbol.dispose]();
});

const call = (request: Omit<HttpRequest, "timeoutMs"> & { timeoutMs?: number }) =>
  httpRequest({ timeoutMs: 5000, retries: 0, ...request }, host);

async function failure(request: Omit<HttpRequest, "timeoutMs"> & { timeoutMs?: number }): Promise<HttpError> {
  const error: unknown = await call(request).then(
    () => new Error("the call succeeded"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof HttpError) return error;
  throw error;
}

describe("verification", () => {
  test("accepts a certificate of the system's authorities, read at each call", async () => {
    using fresh = fakeHost({ files: { "/etc/ssl/certs/ca-certificates.crt": "" } });
    const request = { url: home, timeoutMs: 5000, retries: 0 };
    await expect(httpRequest(request, fresh)).rejects.toMatchObject({ kind: "tls", tls: "unknown_ca" });
    fresh.files.write("/etc/ssl/certs/ca-certificates.crt", ca.certificate);
    expect((await httpRequest(request, fresh)).json()).toEqual({ path: "/" });
  });

  test("without a bundle the built-in authorities count, and ours is none of them", async () => {
    using bare = fakeHost();
    await expect(httpRequest({ url: home, timeoutMs: 5000, retries: 0 }, bare)).rejects.toMatchObject({
      kind: "tls",
      tls: "unknown_ca",
    });
  });

  test.each([
    ["expired", "localhost", [-20, -10], "expired"],
    ["not yet valid", "localhost", [10, 20], "not_yet_valid"],
    ["another host name", "other.example", [-1, 30], "host_name"],
  ] as const)("refuses a certificate: %s", async (_what, name, valid, reason) => {
    const url = listen(await ca.issue(name, valid));
    const before = seen.length;
    const error = await failure({ url });
    expect(error).toMatchObject({ kind: "tls", tls: reason, code: "http_tls" });
    if (reason !== "host_name") expect(error.advice).toContain("clock");
    expect(seen.length).toBe(before);
    expect((await call({ url, tlsVerify: false })).status).toBe(200);
    // A connection made without verification must not be reused for a call that verifies.
    expect((await failure({ url })).tls).toBe(reason);
  });

  test("HTTPS to a plain HTTP port says so", async () => {
    expect(await failure({ url: plain.replace("http:", "https:") })).toMatchObject({ kind: "tls", tls: "other" });
  });
});

describe("redirects", () => {
  const secrets = {
    headers: { RegistrationToken: "registration-secret", Cookie: "cookie-secret" },
    basic: { user: "unit", password: "hunter2-secret" },
  };

  test("carry no credentials to another origin, and bring them back home", async () => {
    seen.length = 0;
    const back = encodeURIComponent(`${home}/end`);
    const away = encodeURIComponent(`${elsewhere}/redirect?to=${back}`);
    expect((await call({ url: `${home}/redirect?to=${away}`, ...secrets })).url).toBe(`${home}/end`);
    const [first, second, third] = seen;
    expect(first?.headers).toMatchObject({ registrationtoken: "registration-secret", cookie: "cookie-secret" });
    expect(JSON.stringify(second?.headers)).not.toContain("secret");
    expect(second?.headers["authorization"]).toBeUndefined();
    expect(third?.headers["authorization"]).toStartWith("Basic ");
  });

  test("a body does not go to another origin; at home 307 sends it again and 303 drops it", async () => {
    const away = encodeURIComponent(elsewhere);
    expect(await failure({ url: `${home}/redirect?status=307&to=${away}`, body: "data" })).toMatchObject({
      kind: "redirect",
    });
    seen.length = 0;
    await call({ url: `${home}/redirect?status=307&to=/again`, body: "data" });
    expect(seen.at(-1)).toMatchObject({ method: "POST", path: "/again", body: "data" });
    await call({ url: `${home}/redirect?status=303&to=/got`, body: "data" });
    expect(seen.at(-1)).toMatchObject({ method: "GET", path: "/got", body: "" });
  });

  test.each([
    ["to plain HTTP", () => `/redirect?to=${encodeURIComponent(plain)}`],
    ["to a file", () => "/redirect?to=file:///etc/shadow"],
    ["in a circle", () => "/loop"],
  ])("are refused %s", async (_what, path) => {
    expect(await failure({ url: home + path() })).toMatchObject({ kind: "redirect" });
  });
});

describe("limits", () => {
  test("an endless answer is cut by the limit on bytes", async () => {
    expect(await failure({ url: `${home}/endless`, maxBytes: 1_000_000 })).toMatchObject({ kind: "too_large" });
    expect(await failure({ url: `${home}/large?bytes=2000000`, maxBytes: 1_000_000 })).toMatchObject({
      kind: "too_large",
    });
    expect((await call({ url: `${home}/large?bytes=1000000`, maxBytes: 1_000_000 })).received).toBe(1_000_000);
  });

  test.each([
    ["that never begins", () => undefined],
    [
      "whose head comes byte by byte",
      (socket: Bun.Socket) => {
        socket.write("HTTP/1.1 200 OK\r\n");
        const timer = setInterval(() => socket.write("x"), 20);
        setTimeout(() => clearInterval(timer), 600);
      },
    ],
    [
      "whose body does not come",
      (socket: Bun.Socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
    ],
  ])("an answer %s ends by the deadline", async (_what, answer) => {
    const started = performance.now();
    expect(await failure({ url: rawServer(answer), timeoutMs: 300 })).toMatchObject({ kind: "timeout" });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test("a caller's signal ends a call, also while it waits to try again", async () => {
    const controller = new AbortController();
    const pending = failure({ url: rawServer(() => controller.abort()), signal: controller.signal });
    expect(await pending).toMatchObject({ kind: "aborted" });

    const waiting = new AbortController();
    const retried = failure({ url: `${home}/status?status=503`, retries: 3, signal: waiting.signal });
    await until(() => host.clock.sleepers > 0);
    waiting.abort();
    expect(await retried).toMatchObject({ kind: "aborted" });
  });
});

describe("broken answers", () => {
  test.each([
    ["body shorter than its length", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"],
    ["chunks without an end", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n"],
    ["no HTTP at all", "garbage\r\n\r\n"],
    ["nothing", ""],
    ["no length, and a connection that ends", "HTTP/1.1 200 OK\r\n\r\nabc"],
  ])("%s is an error, and no file comes of it", async (_what, text) => {
    const url = rawServer((socket) => {
      socket.write(text);
      socket.end();
    });
    const error = await failure({ url, download: { file: "/tmp/image" } });
    expect(["truncated", "connect"]).toContain(error.kind);
    expect(host.files.list("/tmp")).toEqual([]);
  });

  test("an answer that is cut off after its head has come is truncated", async () => {
    const url = rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc");
      setTimeout(() => socket.end(), 100);
    });
    expect(await failure({ url })).toMatchObject({ kind: "truncated" });
  });

  test("no route, no name", async () => {
    expect(await failure({ url: "http://localhost:1" })).toMatchObject({ kind: "connect" });
    expect(await failure({ url: "https://no-such-host.invalid" })).toMatchObject({ kind: "dns" });
  });

  test("not JSON", async () => {
    const response = await call({ url: `${home}/status?status=200&text=%3Chtml%3E` });
    expect(() => response.json()).toThrow("not JSON");
  });

  test("what is shown of it leads no terminal astray", async () => {
    const response = await call({
      url: `${home}/status?status=200&text=${encodeURIComponent("a\u001b]0;title\u0007b\u009b2Jc")}`,
    });
    expect(() => response.json()).toThrow(/not JSON: a \]0;title b 2Jc$/);
  });

  test.each(["", "example.org", "ftp://example.org/", "s3://bucket/x", "https://user:pw@example.org/", "https://"])(
    "address %j is refused",
    async (url) => {
      expect(await failure({ url })).toMatchObject({ kind: "bad_url" });
    },
  );
});

describe("trying again", () => {
  /** Answers 503 `failures` times, then 200. */
  function flaky(failures: number, header = ""): { url: string; count: () => number } {
    let count = 0;
    const url = rawServer((socket) => {
      count += 1;
      socket.write(
        `HTTP/1.1 ${count <= failures ? `503 Busy\r\n${header}` : "200 OK\r\n"}content-length: 2\r\nconnection: close\r\n\r\nok`,
      );
      socket.end();
    });
    return { url, count: () => count };
  }

  test("GET is tried again, with waits that the jitter shortens", async () => {
    const { url, count } = flaky(2);
    const started = host.clock.monotonic();
    const pending = call({ url, retries: 2 });
    for (const expected of [1, 2]) {
      await until(() => count() === expected && host.clock.sleepers > 0);
      await host.clock.advance(expected * 1000);
    }
    expect((await pending).text()).toBe("ok");
    expect(host.clock.monotonic() - started).toBe(3000);
  });

  test("POST is not, unless the caller says so", async () => {
    const { url, count } = flaky(1);
    await expect(httpRequest({ url, timeoutMs: 5000, body: "x" }, host)).rejects.toMatchObject({
      kind: "status",
      status: 503,
    });
    expect(count()).toBe(1);
    expect((await call({ url, body: "x", retries: 1 })).status).toBe(200);
  });

  test("Retry-After is obeyed; one that is too long ends the call", async () => {
    const { url, count } = flaky(1, "Retry-After: 7\r\n");
    const pending = call({ url, retries: 1 });
    await until(() => host.clock.sleepers > 0);
    await host.clock.advance(6999);
    expect(count()).toBe(1);
    await host.clock.advance(1001);
    expect((await pending).status).toBe(200);
    expect(await failure({ url: flaky(1, "Retry-After: 3600\r\n").url, retries: 5 })).toMatchObject({
      status: 503,
      retryAfterMs: 3_600_000,
    });
  });

  test("a status that says no is not tried again, and the caller may take it as an answer", async () => {
    seen.length = 0;
    expect(await failure({ url: `${home}/status?status=403&text=why`, retries: 5 })).toMatchObject({
      status: 403,
      body: "why",
    });
    expect(seen.length).toBe(1);
    const response = await call({ url: `${home}/status?status=403&text=why`, accept: "any" });
    expect([response.status, response.text()]).toEqual([403, "why"]);
    expect((await call({ url: `${home}/status?status=503`, accept: "any" })).status).toBe(503);
  });
});

describe("bodies", () => {
  test("a file is streamed with its length", async () => {
    host.files.write("/tmp/backup.tar.gz", "x".repeat(100_000));
    await call({ url: `${home}/put`, method: "PUT", body: { file: "/tmp/backup.tar.gz" } });
    expect(seen.at(-1)?.headers["content-length"]).toBe("100000");
    expect(seen.at(-1)?.body.length).toBe(100_000);
    host.files.remove("/tmp/backup.tar.gz");
    await expect(call({ url: home, body: { file: "/tmp/backup.tar.gz" } })).rejects.toMatchObject({
      code: "no_such_file",
    });
  });

  test("JSON, and a stream", async () => {
    await call({ url: home, body: { json: { a: 1 } } });
    expect(seen.at(-1)).toMatchObject({ method: "POST", body: '{"a":1}' });
    expect(seen.at(-1)?.headers["content-type"]).toBe("application/json");
    await call({ url: home, body: { stream: () => new Blob(["streamed"]).stream() } });
    expect(seen.at(-1)?.body).toBe("streamed");
  });

  test("a download is a file of mode 0600, or goes to a writer piece by piece", async () => {
    const response = await call({ url: `${home}/large?bytes=300000`, download: { file: "/tmp/image" } });
    expect([response.received, response.bytes.length]).toEqual([300_000, 0]);
    expect(host.files.stat("/tmp/image")).toMatchObject({ size: 300_000, mode: 0o600 });
    host.files.remove("/tmp/image");
    let got = 0;
    await call({ url: `${home}/large?bytes=300000`, download: { write: async (chunk) => void (got += chunk.length) } });
    expect(got).toBe(300_000);
  });

  test("what a writer got is not sent to it again", async () => {
    let attempts = 0;
    const url = rawServer((socket) => {
      attempts += 1;
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc");
      setTimeout(() => socket.end(), 100);
    });
    let got = "";
    const error = await failure({
      url,
      retries: 3,
      download: { write: async (chunk) => void (got += Buffer.from(chunk).toString()) },
    });
    expect([error.kind, got, attempts]).toEqual(["truncated", "abc", 1]);
  });

  test("a full or forbidden place is a file's error, and nothing stays", async () => {
    host.files.write("/tmp/taken/image", "");
    await expect(call({ url: home, download: { file: "/tmp/taken" } })).rejects.toMatchObject({ code: "is_a_folder" });
    expect(host.files.list("/tmp")).toEqual(["taken"]);
    host.files.remove("/tmp/taken", { recursive: true });
  });
});

test("no secret of the request is in an error", async () => {
  const request = {
    headers: { Authorization: "token tok-123456789", RegistrationToken: "registration-1234" },
    basic: { user: "unit", password: "pass word" },
    secrets: ["s3"],
  };
  const echo = encodeURIComponent("tok-123456789 registration-1234 pass word s3 dW5pdDpwYXNzIHdvcmQ=");
  for (const url of [
    `${home}/status?status=400&text=${echo}`,
    `${home}/s3/registration-1234?to=1`,
    "http://localhost:1/registration-1234?password=pass+word",
  ]) {
    const error: unknown = await call({ url, ...request, accept: () => false }).catch((thrown: unknown) => thrown);
    const shown = `${Bun.inspect(error)} ${JSON.stringify(error)} ${error instanceof HttpError ? error.body : ""}`;
    expect(error).toBeInstanceOf(HttpError);
    for (const secret of ["tok-123456789", "registration-1234", "pass word", "pass+word", "s3", "dW5pdDpwYXNz"])
      expect(shown).not.toContain(secret);
  }
  const header = await failure({ url: home, headers: { Token: "bad\nvalue-secret" } });
  expect(header).toMatchObject({ kind: "bad_header" });
  expect(Bun.inspect(header)).not.toContain("value-secret");
});

async function until(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  await untilDeadline(condition, { what: String(condition), timeoutMs, everyMs: 5 });
}
