/** Pages of ranges and the search in a real Chromium: looks, keyboard, no scripts, weight. Screenshots go to ./screenshots. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { serveHttp, type HttpServer } from "@nethsec/host/http/http-server";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import { openPage, screenshots, startBrowser } from "../../test/browser.ts";
import { quietNames } from "../../test/quiet-names.ts";
import { writeSampleDay } from "../../test/sample-reports.ts";
import { sampleNow, sampleToday, writeSampleYear } from "../../test/sample-year.ts";
import { addDays } from "../store/report-day.ts";
import { ReportStore } from "../store/report-store.ts";
import { rollUp } from "../store/roll-up.ts";
import { makeSite } from "./make-site.ts";

setDefaultTimeout(paced(90_000));

const base = "/var/run/dpireport";
const axe = readFileSync(join(import.meta.dir, "../../../../node_modules/axe-core/axe.min.js"), "utf8");
let browser: Browser;
let host: FakeHost;
let server: HttpServer;
const ended = new AbortController();

beforeAll(async () => {
  host = fakeHost({
    now: sampleNow,
    hostname: "fw-milano",
    files: { "/tmp/dhcp.leases": "1 aa:bb:cc:dd:ee:ff 192.168.1.10 annas-laptop *\n" },
  });
  writeSampleYear(host.files, base);
  // Some days of an office with names of all kinds, as large as life beside the year's even figures.
  for (const back of [1, 2, 3, 8, 9])
    writeSampleDay(host.files, base, addDays(sampleToday, -back), {
      clients: 20,
      hours: 5,
      hostile: true,
      moreHosts: 4,
    });
  rollUp({ files: host.files, base, now: () => sampleNow });
  const site = makeSite({
    host,
    store: new ReportStore({ files: host.files, base, now: () => host.clock.now() }),
    names: quietNames(host),
    config: { base: "", hosts: [], credentials: undefined },
    failed: (error) => console.error(error),
    signal: ended.signal,
  });
  server = await serveHttp({
    listen: { kind: "tcp", address: "127.0.0.1", port: 0 },
    handle: (request, peer) => site.handle(request, peer),
    failed: (error) => console.error(error),
  });
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
} as const;

const looks = {
  wide: { viewport: { width: 1200, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1200, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true },
  large: { viewport: { width: 1920, height: 1080 }, colorScheme: "light" },
} as const;

/** Accessibility violations that would lock users out. */
async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const results = await page.evaluate<AxeResults>("axe.run()");
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map((node) => node.html)
          .slice(0, 3)
          .join(" ")}`,
    );
}

describe.each(Object.keys(looks) as (keyof typeof looks)[])("%s", (look) => {
  test.each(Object.entries(pages))("%s is readable, whole, and quiet", async (name, url) => {
    await using watched = await openPage(browser, looks[look]);
    const { page, troubles } = watched;
    await page.goto(server.url + url);
    await page.screenshot({ path: join(screenshots, `report-range-${name}-${look}.png`), fullPage: true });
    expect(await seriousProblems(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
    expect(troubles).toEqual([]);
  });
});

test("printed, a range has its figures, chart and lists", async () => {
  await using watched = await openPage(browser);
  const { page } = watched;
  await page.goto(`${server.url}/range/last-30-days`);
  await page.emulateMedia({ media: "print" });
  await page.screenshot({ path: join(screenshots, "report-range-30-days-print.png"), fullPage: true });
  expect(await page.locator(".panel").count()).toBe(4);
});

test("a first visit to the largest page takes at most 30 kB", async () => {
  await using watched = await openPage(browser);
  await watched.page.goto(`${server.url}/range/last-365-days`, { waitUntil: "networkidle" });
  const bytes = watched.transfers.reduce((sum, transfer) => sum + transfer.bytes, 0);
  console.log(`first visit: ${watched.transfers.length} requests, ${(bytes / 1000).toFixed(1)} kB`);
  expect(watched.transfers.length).toBeGreaterThanOrEqual(3);
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
