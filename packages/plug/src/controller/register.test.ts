/** One request to a real HTTPS server, whose certificate is issued by the test's own CA. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { testCa, type TestCa } from "@nethsec/host/testing/test-ca";
import { readPlugConfig } from "../config.ts";
import { register } from "./register.ts";
import type { Registration } from "./registration.ts";

setDefaultTimeout(paced(60_000));

interface Seen {
  readonly path: string;
  readonly token: string | null;
  readonly body: unknown;
}

let ca: TestCa;
const seen: Seen[] = [];
const servers: Bun.Server<undefined>[] = [];
const urls: Record<string, string> = {};
const notApproved = (): Response =>
  Response.json({ code: 403, message: "unit not allowed, no certificate found" }, { status: 403 });
let answer = notApproved;
const { signal } = new AbortController();
const credentials = { username: "admin-name", password: "password-of-this-start" };
const token = "the-registration-token";

beforeAll(async () => {
  ca = await testCa();
  for (const [name, certificate] of [
    ["good", await ca.issue("localhost")],
    ["future", await ca.issue("localhost", [5, 30])],
    ["past", await ca.issue("localhost", [-30, -5])],
    ["other name", await ca.issue("elsewhere.example")],
  ] as const) {
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: certificate,
      fetch: async (request) => {
        const url = new URL(request.url);
        seen.push({ path: url.pathname, token: request.headers.get("RegistrationToken"), body: await request.json() });
        return answer();
      },
    });
    servers.push(server);
    urls[name] = `https://localhost:${server.port}`;
  }
});
afterAll(async () => {
  for (const server of servers) await server.stop(true);
  ca[Symbol.dispose]();
});

async function ask(
  server: string,
  options: { readonly ca?: string; readonly more?: string } = {},
): Promise<Registration> {
  using host = fakeHost({
    hostname: "fw.example.org",
    files: {
      "/etc/ssl/certs/ca-certificates.crt": options.ca ?? ca.certificate,
      "/etc/os-release": 'VERSION_ID="8.6"\n',
      "/etc/config/ns-plug": `config main 'config'\n\toption server '${server}/'\n\toption unit_id 'u-1'\n\toption token '${token}'\n${options.more ?? ""}`,
    },
  });
  return register(host, readPlugConfig(host.uci), credentials, signal);
}
const reasonOf = (registration: Registration): string => (registration.kind === "failed" ? registration.reason : "");

test("the request is the contract's", async () => {
  answer = notApproved;
  const more = "\toption type 'community'\n\toption system_id 's-1'\n\toption secret 'x'\n";
  expect(await ask(urls["good"] ?? "", { more })).toMatchObject({ kind: "waiting", cause: "approval" });
  expect(seen.at(-1)).toEqual({
    path: "/api/units/register",
    token,
    body: {
      unit_id: "u-1",
      ...credentials,
      unit_name: "fw.example.org",
      version: "8.6",
      subscription_type: "community",
      system_id: "s-1",
    },
  });
});

test.each([
  ["future", /not valid yet.*Check this machine's clock/],
  ["past", /expired.*clock/],
  ["other name", /name/],
])("a certificate that is of %s: nothing is sent, and the reason says why", async (which, reason) => {
  const before = seen.length;
  const registration = await ask(urls[which] ?? "");
  expect(reasonOf(registration)).toMatch(reason);
  expect(seen).toHaveLength(before);
});

test("an authority that this machine does not trust; tls_verify 0 accepts it", async () => {
  using other = await testCa();
  answer = notApproved;
  expect(reasonOf(await ask(urls["good"] ?? "", { ca: other.certificate }))).toContain("does not trust");
  expect(await ask(urls["good"] ?? "", { ca: other.certificate, more: "\toption tls_verify '0'\n" })).toMatchObject({
    kind: "waiting",
  });
});

test.each([
  ["nobody listens", "https://127.0.0.1:9", /127\.0\.0\.1:9/],
  ["a name that does not exist", "https://no-such-host.invalid", /no-such-host\.invalid/],
  ["no address", "controller", /config\.server must be an https:\/\/ address/],
])(
  "%s: a reason, never an exception, and no secret in it",
  async (_, server, reason) => {
    const text = reasonOf(await ask(server));
    expect(text).toMatch(reason);
    expect(text).not.toContain(token);
    expect(text).not.toContain(credentials.password);
  },
  paced(30_000),
);

test("a server without TLS gets neither the token nor the password", async () => {
  const received: string[] = [];
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      received.push(request.url);
      return notApproved();
    },
  });
  expect(reasonOf(await ask(`http://localhost:${server.port}`))).toContain("must be an https:// address");
  expect(received).toEqual([]);
});

test("an answer that repeats the secrets does not bring them into the reason", async () => {
  answer = () => new Response(`${token} ${credentials.password}`, { status: 502 });
  const text = reasonOf(await ask(urls["good"] ?? ""));
  expect(text).toContain("502");
  expect(text).not.toContain(token);
  expect(text).not.toContain(credentials.password);
});
