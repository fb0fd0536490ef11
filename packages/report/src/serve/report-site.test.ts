import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { hashPassword, hashToken } from "../auth/password-hash.ts";
import { writeStatus } from "../store/daemon-status.ts";
import { hostileNames, writeSampleDay } from "../../test/sample-reports.ts";
import { sampleStatus } from "../../test/sample-status.ts";
import { daemonProcess } from "../../test/daemon-process.ts";
import { quietNames } from "../../test/quiet-names.ts";
import { ReportStore } from "../store/report-store.ts";
import { makeSite } from "./make-site.ts";
import type { ServeConfig } from "./serve-config.ts";

setDefaultTimeout(paced(60_000));

const path = "/var/run/dpireport";
const now = new Date(2026, 10, 22, 13, 30).getTime();
const today = { year: 2026, month: 11, day: 22 };
const yesterday = { year: 2026, month: 11, day: 21 };
const host = fakeHost({
  now,
  files: { ...daemonProcess, "/tmp/dhcp.leases": "1 aa:bb:cc:dd:ee:ff 192.168.1.1 annas-laptop *\n" },
});
const totalToday = writeSampleDay(host.files, path, today, { clients: 15, hours: 14, hostile: true });
writeSampleDay(host.files, path, yesterday, { clients: 3, hours: 24 });
const ended = new AbortController();
afterAll(() => {
  ended.abort();
  host[Symbol.dispose]();
});

const local = { address: "127.0.0.1", tls: false };
const status = { ...sampleStatus(now), started: now - 1000, events: 10, malformed: 1 };

function site(config: Partial<Pick<ServeConfig, "base" | "hosts" | "credentials">> = {}) {
  const made = makeSite({
    host,
    store: new ReportStore({ files: host.files, base: path, now: () => host.clock.now() }),
    names: quietNames(host),
    config: { base: "", hosts: [], credentials: undefined, ...config },
    failed: (error) => {
      throw error;
    },
    signal: ended.signal,
  });
  const get = (url: string, headers: Record<string, string> = {}, peer = local): Promise<Response> =>
    made.handle(new Request(`http://localhost:8098${url}`, { headers: { host: "localhost:8098", ...headers } }), peer);
  const post = (
    url: string,
    form: Record<string, string>,
    headers: Record<string, string> = {},
    peer = local,
  ): Promise<Response> =>
    made.handle(
      new Request(`http://localhost:8098${url}`, {
        method: "POST",
        body: new URLSearchParams(form),
        headers: { host: "localhost:8098", ...headers },
      }),
      peer,
    );
  return { handle: made.handle.bind(made), get, post };
}

describe("pages", () => {
  const { get } = site();

  test.each([
    ["/", 200, "Traffic by month"],
    ["/2026-11", 200, "November 2026"],
    ["/2026-10", 200, "No reports in this month"],
    ["/2026-11-22", 200, "Sunday 22 November 2026"],
    ["/2026-11-22?client=192.168.1.1", 200, "annas-laptop"],
    ["/2026-11-22?application=netify.google&hour=13", 200, "Show all again, without application Google"],
    ["/2026-11-22?client=192.168.99.99", 200, "No traffic of this kind"],
    ["/2026-11-20", 200, "No reports of this day"],
    ["/2026-11-20", 200, "the months that have reports"],
    ["/2026-11-22/hosts?q=debian", 200, "deb.debian.org"],
    ["/2026-11-22/hosts?q=nothing-like-it", 200, "Nothing matches"],
    ["/live", 200, "This hour"],
    ["/2026-11-22?client=../../etc", 400, "makes no sense"],
    ["/2026-11-22?hour=24", 400, "makes no sense"],
    ["/2026-11-22?application=a&host=b", 400, "makes no sense"],
    ["/2026-11-22/hosts?application=netify.google", 400, "that list and the clients only"],
    ["/2026-02-30", 404, "Not found"],
    ["/2026-13", 404, "Not found"],
    ["/2026-11-22/passwords", 404, "Not found"],
    ["/../etc/passwd", 404, "Not found"],
  ])("%s → %i with %p", async (url, code, text) => {
    const response = await get(url);
    expect(response.status).toBe(code);
    expect(await response.text()).toContain(text);
  });

  test("a list that is narrowed to one of its own has that row", async () => {
    const rows = async (url: string): Promise<unknown> => (await get(url)).json();
    expect(await rows("/2026-11-22/clients.json?client=192.168.1.1")).toMatchObject([
      { client: "192.168.1.1", name: "annas-laptop", percent: 100 },
    ]);
    expect(await rows("/2026-11-22/applications.json?application=netify.google")).toMatchObject([
      { application: "netify.google", percent: 100 },
    ]);
    expect(await rows("/2026-11-22/clients.json?client=192.168.99.99")).toEqual([]);
    expect((await get("/2026-11-22/hosts.json?application=netify.google")).status).toBe(400);
  });

  test("a month whose days are not added up yet is not said to be 0 B", async () => {
    using fresh = fakeHost({ now });
    for (const day of [28, 29, 30])
      writeSampleDay(fresh.files, path, { year: 2026, month: 10, day }, { clients: 1, hours: 1 });
    writeSampleDay(fresh.files, path, today, { clients: 1, hours: 1 });
    const made = makeSite({
      host: fresh,
      store: new ReportStore({ files: fresh.files, base: path, now: () => now }),
      names: quietNames(fresh),
      config: { base: "", hosts: [], credentials: undefined },
      failed: (error) => {
        throw error;
      },
      signal: ended.signal,
    });
    const request = new Request("http://localhost:8098/", { headers: { host: "localhost:8098" } });
    const text = await (await made.handle(request, local)).text();
    expect(text).toContain("October 2026: adding up …");
    expect(text).not.toMatch(/October 2026: [\d.]+ [KMG]?i?B/);
  });

  test("every link of every page leads somewhere, and none leaves the site", async () => {
    const seen = new Set<string>(["/"]);
    for (const url of seen) {
      if (seen.size > 900) break;
      const response = await get(url);
      expect([url, response.status < 400]).toEqual([url, true]);
      if (!(response.headers.get("content-type") ?? "").startsWith("text/html")) continue;
      for (const [, link = ""] of (await response.text()).matchAll(/(?:href|src|action)="([^"]*)"/g)) {
        const target = link.replaceAll("&amp;", "&").replaceAll("&#39;", "'");
        if (target.startsWith("#")) continue;
        expect(target).toMatch(/^\/(?!\/)/);
        if (!target.includes("hour=") || seen.size < 60) seen.add(target);
      }
    }
    expect(seen.size).toBeGreaterThan(80);
  });

  test("hostile names stay text, and the links they make find the same name", async () => {
    const text = await (await get("/2026-11-22/hosts?client=192.168.1.1")).text();
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;.example");
    expect(text).not.toContain("<script>alert");
    expect(text).not.toContain("<img");
    for (const [tag] of text.matchAll(/<[a-z][^>]*>/gi)) expect(tag).not.toMatch(/ (on\w+|style|srcdoc)=/i);
    for (const name of hostileNames) {
      const found = await get(`/2026-11-22?${new URLSearchParams({ host: name.toLowerCase() }).toString()}`);
      expect(await found.text()).not.toContain("No traffic of this kind");
    }
  });

  test("the same strict headers on every answer", async () => {
    for (const url of ["/", "/nope", "/metrics", "/2026-11-22/hosts.csv", "/today"]) {
      const { headers } = await get(url);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("content-security-policy")).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  test("lists are exported as they are shown", async () => {
    const rows = (await (await get("/2026-11-22/clients.json")).json()) as {
      client: string;
      name: string;
      bytes: number;
      percent: number;
    }[];
    expect(rows.reduce((sum, row) => sum + row.bytes, 0)).toBe(totalToday);
    expect(rows.find((row) => row.client === "192.168.1.1")?.name).toBe("annas-laptop");
    const csv = await get("/2026-11-22/hosts.csv?client=192.168.1.1");
    expect(csv.headers.get("content-disposition")).toBe('attachment; filename="2026-11-22-hosts.csv"');
    expect(await csv.text()).not.toMatch(/^[=+\-@]/m);
    const days = (await (await get("/2026-11/days.json")).json()) as { day: string; bytes: number }[];
    expect(days.map(({ day }) => day)).toEqual(["2026-11-21", "2026-11-22"]);
    expect(days[1]?.bytes).toBe(totalToday);
  });

  test("only reading, and only by GET", async () => {
    const made = site();
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
      expect(
        (await made.handle(new Request("http://localhost/", { method, headers: { host: "localhost" } }), local)).status,
      ).toBe(405);
    }
    expect((await made.post("/", {})).status).toBe(404);
  });

  test("a base path is in front of everything", async () => {
    const based = site({ base: "/reports" });
    expect((await based.get("/reports")).headers.get("location")).toBe("/reports/");
    expect((await based.get("/")).status).toBe(404);
    const text = await (await based.get("/reports/2026-11-22")).text();
    for (const [, link] of text.matchAll(/(?:href|src|action)="([^"#]+)"/g)) expect(link).toStartWith("/reports/");
  });
});

describe("what is wrong is said", () => {
  test("no daemon, disconnected, silent, dump failed; nothing when all is well", async () => {
    const { get } = site();
    const read = async (): Promise<string> => (await get("/2026-11-22")).text();
    writeStatus(host.files, path, status);
    expect(await read()).not.toContain('class="notice');
    writeStatus(host.files, path, { ...status, connected: false });
    expect(await read()).toContain("not connected to the DPI engine");
    writeStatus(host.files, path, { ...status, written: now - 3_600_000 });
    expect(await read()).toContain("has written nothing for 1 h");
    writeStatus(host.files, path, { ...status, pid: 2 });
    expect(await read()).toContain("dpireport is not running");
    expect(await (await get("/live")).text()).toContain("dpireport is not running: nothing is counted.");
    expect(await (await get("/metrics")).text()).toContain("nethsec_report_running 0\n");
    writeStatus(host.files, path, { ...status, dump_error: "No space left on device." });
    expect(await read()).toContain("No space left on device.");
    writeStatus(host.files, path, status);
  });

  test("metrics tell download and upload of a daemon that counts them, and nothing of one that does not", async () => {
    writeStatus(host.files, path, status);
    expect(await (await site().get("/metrics")).text()).not.toContain("direction");
    writeStatus(host.files, path, { ...status, download: 3, upload: 1 });
    const text = await (await site().get("/metrics")).text();
    expect(text).toContain('nethsec_report_direction_bytes_total{direction="download"} 3\n');
    expect(text).toContain('nethsec_report_direction_bytes_total{direction="upload"} 1\n');
    writeStatus(host.files, path, status);
  });

  test("metrics tell what the daemon said", async () => {
    writeStatus(host.files, path, status);
    const text = await (await site().get("/metrics")).text();
    expect(text).toContain("nethsec_report_events_total 10\n");
    expect(text).toContain('nethsec_report_unattributed_bytes_total{reason="unknown_flow"} 3\n');
    expect(text).toContain("nethsec_report_lag_seconds 0.02\n");
    expect(text).toEndWith("# EOF\n");
  });
});

describe("who may read", () => {
  const remote = { address: "203.0.113.9", tls: false };

  test("without a password, only names of this machine: another site cannot rebind its name to us", async () => {
    const { get } = site({ hosts: ["fw.example.org"] });
    for (const name of [
      "localhost",
      "localhost:8098",
      "127.0.0.1:8098",
      "[::1]:8098",
      "fw.example.org",
      "FW.example.org:443",
    ]) {
      expect([name, (await get("/", { host: name })).status]).toEqual([name, 200]);
    }
    for (const name of ["evil.example", "evil.example:8098", "127.0.0.1.evil.example", "localhost.evil.example", ""]) {
      expect([name, (await get("/", { host: name })).status]).toEqual([name, 421]);
    }
    expect((await get("/", { host: "evil.example" }, { address: "unix", tls: false })).status).toBe(200);
  });

  test("with one: sign in, read, sign out", async () => {
    const { get, post } = site({
      credentials: {
        passwordHash: await hashPassword("correct horse", (count) => host.random.bytes(count)),
        tokenHashes: [],
      },
    });
    expect((await get("/2026-11-22", {}, remote)).status).toBe(401);
    const sent = await get("/2026-11-22?hour=9", { accept: "text/html" }, remote);
    expect(sent.headers.get("location")).toBe("/sign-in?next=%2F2026-11-22%3Fhour%3D9");
    for (const url of ["/", "/metrics", "/live/events", "/2026-11-22/hosts.csv", "/nope"])
      expect((await get(url, {}, remote)).status).toBe(401);
    expect((await get("/sign-in", {}, remote)).status).toBe(200);
    expect((await post("/sign-in", { secret: "wrong" }, {}, remote)).status).toBe(401);
    const signedIn = await post(
      "/sign-in",
      { secret: "correct horse", next: "/2026-11-22?hour=9" },
      { "x-forwarded-proto": "https" },
      remote,
    );
    expect(signedIn.status).toBe(303);
    expect(signedIn.headers.get("location")).toBe("/2026-11-22?hour=9");
    const cookie = signedIn.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^ns-report-session=[A-Za-z0-9]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const session = { cookie: cookie.split(";")[0] ?? "" };
    expect(await (await get("/2026-11-22", session, remote)).text()).toContain("Sign out");
    expect((await post("/sign-out", {}, session, remote)).status).toBe(303);
    expect((await get("/2026-11-22", session, remote)).status).toBe(401);
  });

  test("the cookie is Secure over TLS and behind a proxy with TLS", async () => {
    const token = "t".repeat(43);
    const { post } = site({ credentials: { passwordHash: undefined, tokenHashes: [hashToken(token)] } });
    const over = async (headers: Record<string, string>, peer: { address: string; tls: boolean }): Promise<boolean> =>
      ((await post("/sign-in", { secret: token }, headers, peer)).headers.get("set-cookie") ?? "").endsWith("; Secure");
    expect(await over({}, { address: "203.0.113.9", tls: true })).toBe(true);
    expect(await over({ "x-forwarded-proto": "https" }, local)).toBe(true);
    expect(await over({ "x-forwarded-proto": "https" }, remote)).toBe(false);
  });

  test("programs send a token", async () => {
    const token = "k".repeat(43);
    const { get } = site({
      credentials: { passwordHash: undefined, tokenHashes: [hashToken("other"), hashToken(token)] },
    });
    expect((await get("/metrics", { authorization: `Bearer ${token}` }, remote)).status).toBe(200);
    expect((await get("/metrics", { authorization: `Bearer ${token}x` }, remote)).status).toBe(401);
  });

  test("wrong tries are limited by address; a token is never held up by them", async () => {
    const token = "z".repeat(43);
    const { get, post } = site({ credentials: { passwordHash: undefined, tokenHashes: [hashToken(token)] } });
    const codes: number[] = [];
    for (let index = 0; index < 7; index++)
      codes.push((await post("/sign-in", { secret: `guess ${index}` }, {}, remote)).status);
    expect(codes).toEqual([401, 401, 401, 401, 401, 429, 429]);
    // Several users may share an address: wrong tries of one must not delay another's valid token.
    expect((await get("/", { authorization: `Bearer ${token}` }, remote)).status).toBe(200);
    expect((await get("/", { authorization: `Bearer ${token}x` }, remote)).status).toBe(429);
    expect((await post("/sign-in", { secret: token }, {}, remote)).status).toBe(303);
    expect((await post("/sign-in", { secret: "guess 8" }, {}, remote)).status).toBe(429);
    await host.clock.advance(31_000);
    expect((await post("/sign-in", { secret: "guess 9" }, {}, remote)).status).toBe(401);
  });

  test("forms from other sites are refused, and nobody is sent to one", async () => {
    const token = "y".repeat(43);
    const { post } = site({ credentials: { passwordHash: undefined, tokenHashes: [hashToken(token)] } });
    const other = { address: "203.0.113.77", tls: false };
    expect((await post("/sign-in", { secret: token }, { "sec-fetch-site": "cross-site" }, other)).status).toBe(403);
    expect((await post("/sign-in", { secret: token }, { origin: "https://evil.example" }, other)).status).toBe(403);
    for (const next of [
      "//evil.example",
      "https://evil.example",
      "/\\evil.example",
      "javascript:alert(1)",
      "/\nx",
      "/\u00e9",
    ]) {
      expect((await post("/sign-in", { secret: token, next }, {}, other)).headers.get("location")).toBe("/");
    }
  });
});
