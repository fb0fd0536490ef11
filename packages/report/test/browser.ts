/** Chromium for tests: Debian's, headless, a fresh profile, only the page under test. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where screenshots go, for people to look at; not in git. */
export const screenshots = join(import.meta.dir, "../../../screenshots");

export async function startBrowser(): Promise<Browser> {
  mkdirSync(screenshots, { recursive: true });
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: flags, timeout: paced(30_000) });
}

export interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** Script errors, console errors, policy violations, dialogs: must stay empty. */
  readonly troubles: string[];
  /** All finished requests: address and bytes on the wire (headers included). */
  readonly transfers: { readonly url: string; readonly bytes: number }[];
}

/** Opens a page in a fresh context and records its troubles and transfers. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(paced(10_000));
  const troubles: string[] = [];
  const transfers: { url: string; bytes: number }[] = [];
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || /content security policy/i.test(message.text())) {
      troubles.push(`console: ${message.text()}`);
    }
  });
  page.on("dialog", (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const network = await context.newCDPSession(page);
  const urls = new Map<string, string>();
  await network.send("Network.enable");
  network.on("Network.requestWillBeSent", ({ requestId, request }) => urls.set(requestId, request.url));
  network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    transfers.push({ url: urls.get(requestId) ?? "?", bytes: encodedDataLength });
  });
  return { page, troubles, transfers, [Symbol.asyncDispose]: () => context.close() };
}
