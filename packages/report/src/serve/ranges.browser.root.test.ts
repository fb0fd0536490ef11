/** Pages of ranges and the search in a real Chromium: looks, keyboard, no scripts, weight. Screenshots go to ./screenshots. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import type { HttpServer } from "@nethsec/host/http/http-server";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import { categoryFiles } from "../../test/category-files.ts";
import { openPage, screenshots, startBrowser } from "../../test/browser.ts";
import { expectReadable, firstVisit, looks, serveReports } from "../../test/page-site.ts";
import { writeSampleDay } from "../../test/sample-reports.ts";
import { sampleNow, sampleToday, writeSampleYear } from "../../test/sample-year.ts";
import { DeviceLog } from "../store/device-log.ts";
import { hourKey } from "../store/hour-key.ts";
import { addDays } from "../store/report-day.ts";
import { rebuildIndexes } from "../store/hour-tables.ts";
import { rollUp } from "../store/roll-up.ts";

setDefaultTimeout(paced(90_000));

const base = "/var/run/dpireport";
let browser: Browser;
let host: FakeHost;
let server: HttpServer;
const ended = new AbortController();

beforeAll(async () => {
  host = fakeHost({
    now: sampleNow,
    hostname: "fw-milano",
    files: {
      ...categoryFiles,
      "/tmp/dhcp.leases": "1 aa:bb:cc:dd:ee:ff 192.168.1.10 annas-laptop *\n",
      "/etc/config/network": ["lan 192.168.1.1/24", "guest 192.168.30.1/24"]
        .map((text) => text.split(" "))
        .map(([name, address]) => `config interface '${name}'\n\toption proto 'static'\n\toption ipaddr '${address}'\n`)
        .join("\n"),
      "/etc/config/ns-report":
        "config group 'kids'\n\toption title 'The children'\n\tlist client '192.168.1.3'\n\tlist device 'b8:27:eb:00:00:07'\n",
    },
  });
  writeSampleYear(host.files, base);
  // Without a name: one of two addresses, called after its maker, and one whose address is made up.
  new DeviceLog(host.files, base).note(hourKey({ ...sampleToday, day: 1 }, 0), [
    ["192.168.1.2", "b8:27:eb:00:00:07"],
    ["fd00::a1b2:3c4d", "b8:27:eb:00:00:07"],
    ["192.168.1.4", "4a:d3:49:8f:86:ca"],
  ]);
  // Some days of an office with names of all kinds, as large as life beside the year's even figures.
  for (const back of [1, 2, 3, 8, 9]) {
    const day = addDays(sampleToday, -back);
    writeSampleDay(host.files, base, day, { clients: 20, hours: 5, hostile: true, moreHosts: 4, directions: true });
    rebuildIndexes(host.files, base, day, Date.now() + 1);
  }
  rollUp({ files: host.files, base, now: () => sampleNow });
  server = await serveReports({ host, base, signal: ended.signal });
  browser = await startBrowser();
});

afterAll(async () => {
  ended.abort();
  await browser.close();
  await server.stop();
  host[Symbol.dispose]();
});

const pages = {
  "30-days": "/range/last-30-days",
  year: "/range/last-365-days",
  client: "/range/last-365-days?client=192.168.1.10",
  gap: "/range/2026-05?host=www.example.com",
  hosts: "/range/this-month/hosts",
  search: "/search?q=google",
  // Of nearly all bytes the directions are known, and of one client's only "at least".
  directions: "/range/2026-11-20..2026-11-21",
  device: "/range/2026-11-20..2026-11-21?client=b8:27:eb:00:00:07",
  "directions-hosts": "/2026-11-21/hosts",
  "directions-month": "/2026-11",
} as const;

describe.each(Object.keys(looks) as (keyof typeof looks)[])("%s", (look) => {
  test.each(Object.entries(pages))("%s is readable, whole, and quiet", (name, url) =>
    expectReadable(browser, server, { url, look, picture: `report-range-${name}` }),
  );
});

test("printed, also to a PDF, a range has its figures, chart and lists", async () => {
  await using watched = await openPage(browser);
  const { page } = watched;
  await page.goto(`${server.url}/range/last-30-days`);
  await page.emulateMedia({ media: "print" });
  await page.screenshot({ path: join(screenshots, "report-range-30-days-print.png"), fullPage: true });
  expect(await page.locator(".panel").count()).toBe(6);
  const pdf = await page.pdf({ format: "A4", path: join(screenshots, "report-range-30-days.pdf") });
  expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  // The totals of the tree of pages, and of its parts.
  const pages = Math.max(...[...pdf.toString("latin1").matchAll(/\/Count (\d+)/g)].map(([, count]) => Number(count)));
  expect(pages).toBeWithin(1, 8);
});

test("a device's row opens and lists its addresses, by keyboard and without a script", async () => {
  await using watched = await openPage(browser, { javaScriptEnabled: false });
  const { page, troubles } = watched;
  await page.goto(`${server.url}/range/2026-11-20..2026-11-21/clients`);
  const row = page.getByRole("row").filter({ hasText: "Raspberry Pi Foundation 00:00:07" });
  await row.getByText("2 addresses").focus();
  await page.keyboard.press("Enter");
  await row.getByRole("link", { name: "fd00::a1b2:3c4d" }).click();
  expect(new URL(page.url()).searchParams.get("client")).toBe("fd00::a1b2:3c4d");
  expect(troubles).toEqual([]);
});

test("a first visit to the largest page takes at most 30 kB", async () => {
  const { requests, bytes } = await firstVisit(browser, `${server.url}/range/last-365-days`);
  expect(requests).toBeGreaterThanOrEqual(3);
  expect(bytes).toBeLessThanOrEqual(30_000);
});

describe.each([true, false])("with script: %p", (javaScriptEnabled) => {
  test("a range by the date picker, by keyboard", async () => {
    await using watched = await openPage(browser, { javaScriptEnabled });
    const { page, troubles } = watched;
    await page.goto(`${server.url}/range/last-30-days?client=192.168.1.10`);
    await page.getByText("Other range").focus();
    await page.keyboard.press("Enter");
    // The order of month and day is that of the browser, whose language is English.
    await page.getByLabel("From", { exact: true }).focus();
    await page.keyboard.type("03012026");
    await page.getByLabel("to", { exact: true }).focus();
    await page.keyboard.type("03152026");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/range\/2026-03-01\.\.2026-03-15\?client=192\.168\.1\.10$/);
    expect(await page.locator("h1").innerText()).toBe("annas-laptop");
    expect(troubles).toEqual([]);
  });
});

test("month → who used the line → a client → a bar → the range again by the chips", async () => {
  await using watched = await openPage(browser);
  const { page, troubles } = watched;
  await page.goto(`${server.url}/2026-10`);
  await page.getByRole("link", { name: /Who used the line/ }).click();
  expect(await page.locator("h1").innerText()).toBe("October 2026");
  await page.locator("#clients").getByRole("link", { name: "annas-laptop" }).click();
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/range/2026-10?client=192.168.1.10");
  await page.getByRole("link", { name: /without client/ }).click();
  expect(new URL(page.url()).search).toBe("");
  await page.locator(".bars a").first().click();
  expect(new URL(page.url()).pathname).toBe("/2026-10-01");
  expect(troubles).toEqual([]);
});
