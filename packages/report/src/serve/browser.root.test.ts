/** The pages in a real Chromium: appearance, keyboard, assistive technology, no scripts, live view, sign-in. Screenshots go to ./screenshots. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import type { Browser, Page } from "playwright-core";
import type { HttpServer } from "@nethsec/host/http/http-server";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { categoryFiles } from "../../test/category-files.ts";
import { openPage, screenshots, startBrowser } from "../../test/browser.ts";
import { devicesText } from "../../test/devices-text.ts";
import { writeSampleDay } from "../../test/sample-reports.ts";
import { sampleStatus } from "../../test/sample-status.ts";
import { hashPassword } from "../auth/password-hash.ts";
import { deviceCountersPath } from "../query/network-devices.ts";
import { writeStatus } from "../store/daemon-status.ts";
import { cellOf, clientOf, emptyHour } from "../store/hour-counters.ts";
import { hourKeyAt } from "../store/hour-key.ts";
import { isLiveAsked, writeLive } from "../store/live-file.ts";
import { daemonProcess } from "../../test/daemon-process.ts";
import { expectReadable, firstVisit, looks, seriousProblems, serveReports } from "../../test/page-site.ts";

setDefaultTimeout(paced(60_000));

const path = "/var/run/dpireport";
const now = new Date(2026, 10, 22, 13, 30).getTime();
const today = { year: 2026, month: 11, day: 22 };
const size = { clients: 25, hours: 14, hostile: true, moreHosts: 12 };
const status = sampleStatus(now);

let browser: Browser;
let host: FakeHost;
let server: HttpServer;
let guarded: HttpServer;
const ended = new AbortController();

beforeAll(async () => {
  host = fakeHost({
    now,
    hostname: "fw-milano",
    files: {
      ...daemonProcess,
      ...categoryFiles,
      "/tmp/dhcp.leases":
        "1 aa:bb:cc:dd:ee:ff 192.168.1.1 annas-laptop *\n1 aa:bb:cc:dd:ee:00 192.168.1.3 reception-pc *\n",
      "/etc/config/network":
        "config interface 'lan'\n\toption device 'br-lan'\n\nconfig interface 'wan'\n\toption device 'eth1'\n\nconfig interface 'guest'\n\toption device 'br-lan.30'\n",
      "/etc/config/firewall": "config zone\n\toption name 'guests'\n\tlist network 'guest'\n",
      [deviceCountersPath]: devicesText({ "br-lan": [0, 0], eth1: [0, 0], "br-lan.30": [0, 0] }),
    },
  });
  writeSampleDay(host.files, path, today, size);
  for (let day = 1; day < 22; day++)
    writeSampleDay(host.files, path, { ...today, day }, { clients: 6, hours: 24 }, day);
  writeSampleDay(host.files, path, { ...today, month: 10, day: 30 }, { clients: 6, hours: 24 });
  writeStatus(host.files, path, status);
  const site = { host, base: path, signal: ended.signal };
  server = await serveReports(site);
  const passwordHash = await hashPassword("correct horse", (count) => host.random.bytes(count));
  guarded = await serveReports({ ...site, passwordHash });
  browser = await startBrowser();
});

afterAll(async () => {
  ended.abort();
  await browser.close();
  await server.stop();
  await guarded.stop();
  host[Symbol.dispose]();
});

const pages = {
  home: "/",
  month: "/2026-11",
  day: "/2026-11-22",
  client: "/2026-11-22?client=192.168.1.1",
  application: "/2026-11-22?application=netify.google&hour=13",
  hosts: "/2026-11-22/hosts",
  search: "/2026-11-22/hosts?q=nothing-like-it",
  empty: "/2026-11-30",
  live: "/live",
} as const;

describe.each(["wide", "dark", "phone"] as const)("%s", (look) => {
  test.each(Object.entries(pages))("%s is readable, whole, and quiet", (name, url) =>
    expectReadable(browser, server, { url, look, picture: `report-${name}` }),
  );
});

test("a first visit to the largest page takes less than 150 kB", async () => {
  const { requests, bytes } = await firstVisit(browser, `${server.url}/2026-11-22`);
  expect(requests).toBeGreaterThanOrEqual(3);
  expect(bytes).toBeLessThan(150_000);
});

test("months → month → day → client → application, and back by the chips", async () => {
  await using watched = await openPage(browser);
  const { page, troubles } = watched;
  const heading = (): Promise<string> => page.locator("h1").innerText();
  await page.goto(server.url);
  await page.locator("table").getByRole("link", { name: "November 2026" }).click();
  expect(await heading()).toBe("November 2026");
  await page.getByRole("link", { name: "Sunday 22 November", exact: true }).click();
  expect(await heading()).toBe("Sunday 22 November 2026");
  await page.locator("#clients").getByRole("link", { name: "annas-laptop" }).click();
  expect(await heading()).toBe("annas-laptop");
  await page.locator("#applications").getByRole("link", { name: "Google" }).click();
  expect(new URL(page.url()).search).toBe("?client=192.168.1.1&application=netify.google");
  await page.getByRole("link", { name: /without client/ }).click();
  expect(await heading()).toBe("Google");
  await page.getByRole("link", { name: /without application/ }).click();
  expect(new URL(page.url()).search).toBe("");
  expect(troubles).toEqual([]);
});

test("hostile names are text", async () => {
  await using watched = await openPage(browser);
  const { page, troubles } = watched;
  await page.goto(`${server.url}/2026-11-22/hosts?client=192.168.1.1`);
  expect(await page.getByRole("link", { name: "<script>alert(1)</script>.example" }).count()).toBe(1);
  expect(await page.locator("img, iframe, object, [onerror]").count()).toBe(0);
  await page.getByRole("link", { name: "javascript:alert(1)" }).click();
  expect(await page.getByRole("list", { name: "Narrowed to" }).innerText()).toContain("javascript:alert(1)");
  expect(troubles).toEqual([]);
});

describe("by keyboard", () => {
  test("everything that can be clicked can be reached, and is seen to be", async () => {
    await using watched = await openPage(browser);
    const { page } = watched;
    await page.goto(`${server.url}/2026-11-22`);
    const wanted = Number(
      await page.evaluate("document.querySelectorAll('a[href], button, input:not([type=hidden])').length"),
    );
    const reached = new Set<number>();
    for (let step = 0; step < wanted + 5; step++) {
      await page.keyboard.press("Tab");
      const focus = await page.evaluate<{ index: number; visible: boolean }>(`(() => {
        const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden])')];
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        return { index: all.indexOf(document.activeElement), visible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
      })()`);
      if (focus.index < 0) continue;
      expect(focus.visible).toBe(true);
      reached.add(focus.index);
    }
    expect(reached.size).toBe(wanted);
  });

  test("skip link, hour, sorting", async () => {
    await using watched = await openPage(browser);
    const { page } = watched;
    await page.goto(`${server.url}/2026-11-22`);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the report");
    await page.locator(".bars a").nth(9).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/hour=09/);
    await page.goto(`${server.url}/2026-11-22/applications`);
    await page.getByRole("button", { name: "Application" }).focus();
    await page.keyboard.press("Enter");
    const names = await page.locator("tbody th").allInnerTexts();
    expect(names).toEqual(names.toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)));
    expect(await page.locator("thead th").first().getAttribute("aria-sort")).toBe("ascending");
  });
});

test("sorting by the traffic of each row, and filtering while one types", async () => {
  await using watched = await openPage(browser);
  const { page } = watched;
  await page.goto(`${server.url}/2026-11-22/clients`);
  await page.getByRole("button", { name: "Traffic" }).click();
  const bytes = await page
    .locator("tbody td[data-bytes]")
    .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute("data-bytes"))));
  expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
  await page.getByRole("searchbox").fill("anna");
  expect(await page.locator("tbody tr:visible").count()).toBe(1);
  const counted = page.locator("p.quiet").first();
  expect(await counted.innerText()).toMatch(/^1 of \d+ · /);
  await page.getByRole("searchbox").fill("");
  expect(await counted.innerText()).toMatch(/^(\d+) of \1, [\d.]+ [KMG]iB · /);
});

test("without scripts: sorted and searched by the server, the live page reloads itself", async () => {
  await using watched = await openPage(browser, { javaScriptEnabled: false });
  const { page } = watched;
  await page.goto(`${server.url}/2026-11-22/clients`);
  await page.locator("thead").getByRole("link", { name: "Client" }).click();
  expect(new URL(page.url()).search).toBe("?sort=name");
  await page.getByRole("searchbox").fill("reception");
  await page.getByRole("button", { name: "Search" }).click();
  expect(await page.locator("tbody tr").count()).toBe(1);
  await page.goto(`${server.url}/live`);
  expect(await page.content()).toContain('http-equiv="refresh" content="60"');
});

test("the live hour follows what the daemon counts", async () => {
  await using watched = await openPage(browser);
  const { page, troubles } = watched;
  await page.goto(`${server.url}/live`);
  await page.getByText("Follows the traffic.").waitFor();
  const before = await page.locator("#live dd").first().innerText();
  // The server polls every two seconds of its virtual clock; the daemon writes equally often while it is asked to.
  const counters = emptyHour();
  const deadline = Date.now() + 10_000;
  do {
    const client = clientOf(counters, "192.168.1.1");
    client.total += 5_000_000;
    cellOf(client.application, "netify.google").bytes += 5_000_000;
    cellOf(client.host, "video.example.org").bytes += 5_000_000;
    const { total } = client;
    host.files.write(
      deviceCountersPath,
      devicesText({ "br-lan": [total / 40, total], eth1: [total, total / 40], "br-lan.30": [total / 20, total / 2] }),
    );
    const asOf = host.clock.now();
    expect(isLiveAsked(host.files, asOf)).toBe(true);
    writeLive(host.files, { pid: status.pid, hour: hourKeyAt(now), asOf, unattributed: 0 }, counters);
    await host.clock.advance(2000);
  } while (!(await page.locator("#live-clients").innerText()).match(/[1-9]\d* [kM]bit\/s/) && Date.now() < deadline);
  expect(await page.locator("#live dd").first().innerText()).not.toBe(before);
  for (const table of ["clients", "applications", "hosts", "interfaces"])
    expect([table, await page.locator(`#live-${table} tbody`).innerText()]).toEqual([
      table,
      expect.stringMatching(/[1-9]\d* [kM]bit\/s/),
    ]);
  expect(await page.locator("#live-interfaces tbody th").allInnerTexts()).toEqual(
    expect.arrayContaining([expect.stringMatching(/^guest\s+\(zone guests, br-lan\.30\)$/)]),
  );
  expect(await seriousProblems(page)).toEqual([]);
  expect(troubles).toEqual([]);
  await page.screenshot({ path: join(screenshots, "report-live-running.png"), fullPage: true });
  await liveByRate(page, counters);
  host.files.remove("/proc/1/cmdline");
  await host.clock.advance(2000);
  await page.getByRole("status").getByText("dpireport is not running: nothing is counted.").waitFor();
  host.files.write("/proc/1/cmdline", daemonProcess["/proc/1/cmdline"]);
});

/** The client with the highest rate is first, whatever it had before; a chosen order and a selection survive a redraw; pause stops it. */
async function liveByRate(page: Page, counters: ReturnType<typeof emptyHour>): Promise<void> {
  const names = (): Promise<string[]> => page.locator("#live-clients tbody th a").allInnerTexts();
  const count = async (address: string, bytes: number): Promise<void> => {
    clientOf(counters, address).total += bytes;
    const asOf = host.clock.now();
    writeLive(host.files, { pid: status.pid, hour: hourKeyAt(now), asOf, unattributed: 0 }, counters);
    await host.clock.advance(2000);
  };
  const until = async (wanted: () => Promise<boolean>, step: () => Promise<void>): Promise<void> => {
    const deadline = Date.now() + paced(40_000);
    while (!(await wanted()) && Date.now() < deadline) await step();
    expect(await wanted()).toBe(true);
  };
  // Most traffic of the hour, but none in the last 30 s, over which rates are measured.
  await count("192.168.1.1", 10_000_000_000_000);
  await until(
    async () => (await names())[0] === "reception-pc",
    () => count("192.168.1.3", 20_000_000),
  );
  await page.getByRole("button", { name: "Client" }).click();
  await until(
    async () => (await page.locator("#live").innerText()).includes("192.168.1.9"),
    () => count("192.168.1.9", 1_000_000),
  );
  expect(await names()).toEqual(["192.168.1.9", "annas-laptop", "reception-pc"]);
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Client");
  const shown = await page.locator("#live").innerText();
  await page.getByRole("button", { name: "Pause" }).click();
  for (let round = 0; round < 3; round++) await count("192.168.1.9", 9_000_000);
  expect(await page.locator("#live").innerText()).toBe(shown);
  await page.getByRole("button", { name: "Pause" }).click();
  await until(
    async () => (await page.locator("#live").innerText()) !== shown,
    () => count("192.168.1.9", 9_000_000),
  );
  await page.evaluate("getSelection().selectAllChildren(document.querySelector('#live-clients tbody th'))");
  const selected = await page.evaluate("String(getSelection())");
  for (let round = 0; round < 3; round++) await count("192.168.1.9", 9_000_000);
  expect(await page.evaluate("String(getSelection())")).toBe(selected);
  await page.evaluate("getSelection().removeAllRanges()");
}

test("signing in and out", async () => {
  await using watched = await openPage(browser, looks.phone);
  const { page } = watched;
  await page.goto(`${guarded.url}/2026-11-22?hour=9`);
  await page.screenshot({ path: join(screenshots, "report-sign-in-phone.png"), fullPage: true });
  expect(await seriousProblems(page)).toEqual([]);
  await page.getByLabel("Password or token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password or token").fill("correct horse");
  await page.keyboard.press("Enter");
  await page.waitForURL(/hour=9/);
  expect(await page.evaluate("document.cookie")).toBe("");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/sign-in/);
  await page.goto(`${guarded.url}/live`);
  expect(page.url()).toContain("/sign-in");
});
