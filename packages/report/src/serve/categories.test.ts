/** Categories wherever a report has applications: pages, exports, JSON, terminal, rpcd. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { categoryFiles } from "../../test/category-files.ts";
import { ask, quietSite } from "../../test/quiet-site.ts";
import { runCommand } from "../../test/run-command.ts";
import { run as summary } from "../cli/summary.ts";
import { run as top } from "../cli/top.ts";
import { run as rpcd } from "../rpcd/ns-dpireport.ts";
import { cellOf, clientOf, emptyHour } from "../store/hour-counters.ts";
import { hourKey, type Day } from "../store/hour-key.ts";
import { writeHour } from "../store/hour-store.ts";
import { writeIndex } from "../store/hour-tables.ts";

const base = "/var/run/dpireport";
const now = new Date(2026, 10, 22, 13, 30).getTime();
const today = { year: 2026, month: 11, day: 22 };
const ended = new AbortController();
let host: FakeHost;

beforeAll(() => {
  host = fakeHost({ now, files: categoryFiles });
  put(today, "192.168.1.10", { "netify.netflix": 3000, "netify.youtube": 5000, "netify.cloudflare": 500 });
  put({ ...today, day: 21 }, "192.168.1.20", { "netify.facebook": 1000, unknown: 400, "netify.debian": 100 });
  const none = { name: null, until: 9e15 };
  host.files.write("/var/run/ns-report/names.json", JSON.stringify({ "192.168.1.10": none, "192.168.1.20": none }));
});
afterAll(() => {
  ended.abort();
  host[Symbol.dispose]();
});

/** A quarter of each goes to the client, the rest from it. */
function put(day: Day, address: string, applications: Readonly<Record<string, number>>): void {
  const hour = emptyHour();
  const client = clientOf(hour, address);
  for (const [name, bytes] of Object.entries(applications)) {
    const more = { bytes, download: bytes / 4, upload: (bytes * 3) / 4 };
    for (const cell of [cellOf(client.application, name), cellOf(client.protocol, "https")]) {
      cell.bytes += more.bytes;
      cell.download += more.download;
      cell.upload += more.upload;
    }
    client.total += bytes;
    client.download += more.download;
    client.upload += more.upload;
  }
  const key = hourKey(day, 9);
  writeHour(host.files, base, key, address, client);
  writeIndex(host.files, base, day, 9, hour, { asOf: Math.max(Date.now(), now) + 60_000, hours: 1 << 9 });
}

const expected = [
  { category: "streaming-media", label: "Streaming media", bytes: 8000, download: 2000, upload: 6000 },
  { category: "social-media", label: "Social media", bytes: 1000, download: 250, upload: 750 },
  { category: "cdn", label: "CDN", bytes: 500, download: 125, upload: 375 },
  { category: null, label: "without a category", bytes: 500, download: 125, upload: 375 },
];

test("a range on its page, as JSON and as CSV; narrowed to a client", async () => {
  const site = quietSite(host, base, ended.signal);
  const page = await (await ask(site, "/range/last-7-days")).text();
  expect(page).toMatch(
    /id="categories"[^]*Streaming media[^]*Youtube, Netflix[^]*Social media[^]*CDN[^]*without a category/,
  );
  expect(page).toContain('href="/range/last-7-days/categories.csv"');
  expect(await (await ask(site, "/range/last-7-days.json")).json()).toMatchObject({
    total: 10_000,
    categories: expected,
  });
  expect(await (await ask(site, "/range/last-7-days/categories.csv")).text()).toBe(
    `category,label,bytes,percent,download,upload\r\nstreaming-media,Streaming media,8000,80,2000,6000\r\nsocial-media,Social media,1000,10,250,750\r\ncdn,CDN,500,5,125,375\r\n,without a category,500,5,125,375\r\n`,
  );
  expect(await (await ask(site, "/range/last-7-days/categories.json?client=192.168.1.20")).json()).toMatchObject([
    { category: "social-media", percent: 66.67 },
    { category: "", bytes: 500 },
  ]);
});

test("a day on its page and as CSV", async () => {
  const site = quietSite(host, base, ended.signal);
  expect(await (await ask(site, "/2026-11-22")).text()).toMatch(/id="categories"[^]*Streaming media[^]*CDN/);
  expect(await (await ask(site, "/2026-11-22/categories.json")).json()).toMatchObject([
    { category: "streaming-media" },
    { category: "cdn" },
  ]);
  expect((await ask(site, "/2026-11-22/categories.csv?hour=25")).status).toBe(400);
  for (const scope of ["/2026-11-22", "/range/last-7-days"])
    expect((await ask(site, `${scope}/categories?client=192.168.1.10`)).headers.get("location")).toBe(
      `${scope}?client=192.168.1.10#categories`,
    );
});

test("a report narrowed to one application has no categories", async () => {
  const site = quietSite(host, base, ended.signal);
  expect(await (await ask(site, "/2026-11-22?application=netify.youtube")).text()).not.toContain('id="categories"');
});

test("on the terminal", async () => {
  const { out } = await runCommand(summary, host, { args: { range: "last-7-days" } });
  expect(out).toMatch(
    /^Category +Traffic .*\nStreaming media +7\.8 KiB .*\nSocial media +1000 B .*\nCDN .*\nwithout a category /m,
  );
  const day = await runCommand(summary, host, { args: { range: "today" } });
  expect(day.out).toMatch(/^Category .*\nStreaming media .*\nCDN .*$/m);
  for (const range of ["last-7-days", "today"]) {
    const json = JSON.parse((await runCommand(summary, host, { args: { range }, json: true })).out);
    expect(json.categories[0]).toEqual(expected[0]);
  }
});

test("as a list of its own", async () => {
  const args = { list: "categories", range: "last-7-days" };
  expect((await runCommand(top, host, { args })).out).toMatch(/^Category .*\nStreaming media .*\n/);
  expect((await runCommand(top, host, { args, options: { csv: true } })).out).toContain(
    "\r\ncdn,CDN,500,5,125,375\r\n",
  );
  expect(runCommand(top, host, { args, options: { host: "a.example" } })).rejects.toThrow("categories behind one host");
});

test("by rpcd", async () => {
  const stdin = JSON.stringify({ range: "last-7-days" });
  const answer = JSON.parse((await runCommand(rpcd, host, { rest: ["call", "range"], stdin })).out);
  expect(answer.categories).toEqual(expected);
});

test("where the engine's files are not there, reports are as before, and the list says why", async () => {
  using bare = fakeHost({ now });
  const made = host;
  host = bare;
  put(today, "192.168.1.10", { "netify.netflix": 3000 });
  host = made;
  const site = quietSite(bare, base, ended.signal);
  expect(await (await ask(site, "/2026-11-22")).text()).not.toContain("ategories");
  expect(await (await ask(site, "/range/last-7-days.json")).json()).not.toHaveProperty("categories");
  expect((await runCommand(summary, bare)).out).not.toContain("ategor");
  expect(runCommand(top, bare, { args: { list: "categories" } })).rejects.toThrow(
    "netify-categories.json are neither in",
  );
});
