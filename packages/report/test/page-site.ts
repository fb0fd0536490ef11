/** The report's web server on a fake host, and what each of its pages must keep, for tests in a real Chromium. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { type HttpServer, serveHttp } from "@nethsec/host/http/http-server";
import type { FakeHost } from "@nethsec/host/testing/fake-host";
import { makeSite } from "../src/serve/make-site.ts";
import { ReportStore } from "../src/store/report-store.ts";
import { openPage, screenshots } from "./browser.ts";
import { quietNames } from "./quiet-names.ts";

const axe = readFileSync(join(import.meta.dir, "../../../node_modules/axe-core/axe.min.js"), "utf8");

/** Screens that pages are looked at on: a desk, the dark, a small phone, a large screen. */
export const looks = {
  wide: { viewport: { width: 1200, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1200, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true },
  large: { viewport: { width: 1920, height: 1080 }, colorScheme: "light" },
} as const;

export interface SiteOptions {
  readonly host: FakeHost;
  /** Folder of the hour files. */
  readonly base: string;
  readonly passwordHash?: string;
  readonly signal: AbortSignal;
}

/** Serves the reports of `base` on a free port of the loopback. */
export function serveReports({ host, base, passwordHash, signal }: SiteOptions): Promise<HttpServer> {
  const failed = (error: unknown): void => console.error(error);
  const credentials = passwordHash === undefined ? undefined : { passwordHash, tokenHashes: [] };
  const site = makeSite({
    host,
    store: new ReportStore({ files: host.files, base, now: () => host.clock.now() }),
    names: quietNames(host),
    config: { base: "", hosts: [], credentials },
    failed,
    signal,
  });
  return serveHttp({
    listen: { kind: "tcp", address: "127.0.0.1", port: 0 },
    handle: (request, peer) => site.handle(request, peer),
    failed,
  });
}

/** Accessibility violations that would lock users out. */
export async function seriousProblems(page: Page): Promise<string[]> {
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

/** Opens a page, takes its picture, and expects: nothing that locks users out, no sideways scrolling, no errors, no other server asked. */
export async function expectReadable(
  browser: Browser,
  site: HttpServer,
  { url, look, picture }: { readonly url: string; readonly look: keyof typeof looks; readonly picture: string },
): Promise<void> {
  await using watched = await openPage(browser, looks[look]);
  const { page, troubles, transfers } = watched;
  await page.goto(site.url + url);
  await page.screenshot({ path: join(screenshots, `${picture}-${look}.png`), fullPage: true });
  expect(await seriousProblems(page)).toEqual([]);
  expect(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
  expect(troubles).toEqual([]);
  expect(transfers.length).toBeGreaterThan(0);
  // Pictures inside Chromium's own controls, such as the calendar of a date, are data: no server is asked for them.
  const asked = transfers.map((transfer) => transfer.url).filter((address) => !address.startsWith("data:"));
  for (const address of asked) expect(address).toStartWith(`${site.url}/`);
}

/** Requests and bytes of a first visit, until the network is idle. */
export async function firstVisit(browser: Browser, url: string): Promise<{ requests: number; bytes: number }> {
  await using watched = await openPage(browser);
  await watched.page.goto(url, { waitUntil: "networkidle" });
  const transfers = watched.transfers.filter((transfer) => !transfer.url.startsWith("data:"));
  const bytes = transfers.reduce((sum, transfer) => sum + transfer.bytes, 0);
  console.log(`first visit: ${transfers.length} requests, ${(bytes / 1000).toFixed(1)} kB`);
  return { requests: transfers.length, bytes };
}
