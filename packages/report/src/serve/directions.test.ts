/** Download and upload in every answer: command line, pages, exports, rpcd, metrics; and what is said where they are not known. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import { ask as askSite, quietSite } from "../../test/quiet-site.ts";
import { runCommand } from "../../test/run-command.ts";
import { directionClients, directionsNow, writeDirections } from "../../test/sample-directions.ts";
import { run as days } from "../cli/days.ts";
import { run as exportDay } from "../cli/export.ts";
import { run as search } from "../cli/search.ts";
import { run as summary } from "../cli/summary.ts";
import { run as top } from "../cli/top.ts";
import { run as rpcd } from "../rpcd/ns-dpireport.ts";
import type { ReportSite } from "./report-site.ts";

setDefaultTimeout(paced(60_000));

const base = "/var/run/dpireport";
const gib = 1024 ** 3;
let host: FakeHost;
let site: ReportSite;
const ended = new AbortController();
beforeAll(() => {
  host = fakeHost({ now: directionsNow });
  const unnamed = Object.fromEntries(directionClients.map((client) => [client, { name: null, until: 9e15 }]));
  host.files.write("/var/run/ns-report/names.json", JSON.stringify(unnamed));
  writeDirections(host.files, base);
  site = quietSite(host, base, ended.signal);
});
afterAll(() => {
  ended.abort();
  host[Symbol.dispose]();
});

async function get(url: string): Promise<string> {
  const response = await askSite(site, url);
  expect([url, response.status]).toEqual([url, 200]);
  return response.text();
}

/** The visible text of a page, without markup and with single spaces. */
async function textOf(url: string): Promise<string> {
  return (await get(url)).replace(/<[^>]*>/g, "").replace(/\s+/g, " ");
}

describe("on the terminal", () => {
  test("a day: the figures of the top and a column each; exact, at least, and not known", async () => {
    const { out } = await runCommand(summary, host, { args: { range: "2026-11-21" } });
    expect(out).toContain("10 GiB (download 9 GiB, upload 1 GiB), 2 clients");
    expect(out).toMatch(/^Client +Traffic +Download +Upload +Share/m);
    expect(out).toMatch(/^192\.168\.1\.20 +1000 B +200 B +800 B /m);
    const today = await runCommand(top, host, { args: { list: "clients", range: "today" } });
    expect(today.out).toMatch(/^192\.168\.1\.10 +4 GiB +3 GiB +1 GiB /m);
    expect(today.out).toMatch(/^192\.168\.1\.20 +98 KiB +≥ 88 KiB +≥ 4\.9 KiB /m);
    const old = await runCommand(summary, host, { args: { range: "2026-11-20" } });
    expect(old.out).toContain("5 GiB, 1 client\n");
    expect(old.out).not.toContain("Download");
  });

  test("a table fits the terminal", async () => {
    const { out } = await runCommand(top, host, { args: { list: "hosts", range: "2026-11-21" } });
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("a range with days of before says since when they are known; without these days it has the figures", async () => {
    const { out } = await runCommand(summary, host, { args: { range: "2026-11-20..2026-11-21" } });
    expect(out).toContain("15 GiB (download and upload are known since 2026-11-21)");
    const later = await runCommand(summary, host, { args: { range: "2026-11-21..2026-11-22" } });
    expect(later.out).toContain("14 GiB (download 12 GiB, upload 2 GiB)");
  });

  test("days have columns; search has where the terminal is wide", async () => {
    const list = (await runCommand(days, host)).out;
    expect(list).toMatch(/^2026-11-20 +Friday +1 +5 GiB +– +–$/m);
    expect(list).toMatch(/^2026-11-21 +Saturday +2 +10 GiB +9 GiB +1 GiB$/m);
    expect((await runCommand(search, host, { args: { text: "www.ex" } })).out).toMatch(/192\.168\.1\.10 .* 19 GiB$/m);
    const { call, output } = fakeCall(host, { args: { text: "www.ex" } });
    expect(await search({ ...call, io: { ...call.io, columns: 110 } })).toBe(0);
    expect(output.out).toMatch(/192\.168\.1\.10 .* 19 GiB +– +–$/m);
  });
});

describe("for programs", () => {
  test("JSON of a day and of a range: null where too little is known", async () => {
    const ask = async (range: string): Promise<unknown> =>
      JSON.parse((await runCommand(summary, host, { args: { range }, json: true })).out);
    expect(await ask("2026-11-21")).toMatchObject({
      total: 10 * gib + 1000,
      download: 9 * gib + 200,
      upload: gib + 800,
      hosts: [{ id: "www.example.com", download: 9 * gib + 200, upload: gib + 800 }],
    });
    expect(await ask("2026-11-20..2026-11-22")).toMatchObject({
      download: null,
      upload: null,
      directions_since: "2026-11-21",
      clients: [
        { id: "192.168.1.10", download: null, upload: null },
        { id: "192.168.1.20", bytes: 101_000, download: 90_200, upload: 5800 },
      ],
    });
    expect(await ask("2026-11-21..2026-11-22")).toMatchObject({ directions_since: null, download: 12 * gib + 90_200 });
  });

  test("CSV: two columns, empty where too little is known", async () => {
    const csv = { options: { csv: true as const } };
    const clients = await runCommand(top, host, { args: { list: "clients", range: "2026-11-21" }, ...csv });
    expect(clients.out).toBe(
      `client,name,bytes,percent,download,upload,device,addresses\r\n192.168.1.10,,${10 * gib},100,${9 * gib},${gib},,1\r\n192.168.1.20,,1000,0,200,800,,1\r\n`,
    );
    expect((await runCommand(days, host, csv)).out).toContain(
      `2026-11-20,${5 * gib},1,0,,\r\n2026-11-21,${10 * gib + 1000},2,0,${9 * gib + 200},${gib + 800}\r\n`,
    );
    const rows = (await runCommand(exportDay, host, { args: { day: "2026-11-21" }, ...csv })).out;
    expect(rows).toContain("2026-11-21,9,192.168.1.20,host,www.example.com,1000,200,800,\r\n");
    expect(await get("/2026-11-21/hosts.csv")).toContain(`,${9 * gib + 200},${gib + 800}\r\n`);
    expect(JSON.parse(await get("/range/2026-11-20..2026-11-21/clients.json"))).toMatchObject([
      { client: "192.168.1.10", download: null, upload: null },
      { client: "192.168.1.20", download: 200, upload: 800 },
    ]);
  });

  test("rpcd: range and search", async () => {
    const ask = async (method: string, args: object): Promise<unknown> =>
      JSON.parse((await runCommand(rpcd, host, { rest: ["call", method], stdin: JSON.stringify(args) })).out);
    expect(await ask("range", { range: "2026-11-21", client: "192.168.1.20" })).toMatchObject({
      total: 1000,
      download: 200,
      upload: 800,
    });
    expect(await ask("search", { text: "www.ex", range: "2026-11-21" })).toMatchObject({
      found: [
        { client: "192.168.1.10", download: 9 * gib, upload: gib },
        { download: 200, upload: 800 },
      ],
    });
  });
});

describe("on the pages", () => {
  test("a day: figures and a second line in each row; what is not known is said, never shown as 0", async () => {
    const known = await textOf("/2026-11-21");
    expect(known).toContain("Download 9 GiB");
    expect(known).toContain("192.168.1.20 1000 B ↓download 200 B ↑upload 800 B");
    const old = await textOf("/2026-11-20");
    expect(old).toContain("192.168.1.10 5 GiB download and upload not known–");
    expect(old).toContain("Download and upload are not known: this was recorded by an earlier version");
    expect(old).not.toMatch(/(download|upload|Download|Upload) 0 B/);
    expect(await textOf("/2026-11-22/clients")).toContain("↓download ≥ 88 KiB ↑upload ≥ 4.9 KiB");
  });

  test("a range says since when; months and days have them too; a list narrowed to one name has its own", async () => {
    expect(await textOf("/range/2026-11-20..2026-11-22")).toContain(
      "Download and upload are known since 21 November 2026; what was recorded before has totals only.",
    );
    expect(await textOf("/range/2026-11-21..2026-11-22")).toContain("Upload 2 GiB");
    const month = await textOf("/2026-11");
    expect(month).toContain("Saturday 21 November 2 10 GiB ↓download 9 GiB ↑upload 1 GiB");
    expect(month).toContain("Friday 20 November 1 5 GiB download and upload not known–");
    expect(await textOf("/2026-11-21?client=192.168.1.20&application=netify.google")).toContain("Download 200 B");
    expect(await textOf("/search?q=www.ex&range=last-30-days")).toContain("19 GiB download and upload not known–");
  });
});
