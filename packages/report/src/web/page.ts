/** The frame of every page: head, navigation, present problems. Pure. */
import type { Condition } from "@nethsec/host/host";
import { html, type Html, type HtmlValue } from "./html.ts";

export interface Site {
  /** Path prefix of every address, e.g. "/reports" behind a proxy; "" otherwise. */
  readonly base: string;
  /** The firewall's name. */
  readonly hostname: string;
  /** Addresses of the style sheet and the script. */
  readonly style: string;
  readonly script: string;
  /** Whether there is a session to sign out of. */
  readonly signedIn: boolean;
  readonly conditions: readonly Condition[];
}

export interface Crumb {
  readonly title: string;
  readonly href: string;
}

export interface Page {
  readonly title: string;
  /** The page's ancestors from the outermost in, without the page itself. */
  readonly crumbs: readonly Crumb[];
  readonly body: Html;
  /** Seconds after which a browser without script reloads the page. */
  readonly refresh?: number;
  /** For the sign-in page: no navigation. */
  readonly bare?: boolean;
}

/** A whole document. */
export function documentOf(site: Site, page: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${page.title} · ${site.hostname}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        ${page.refresh !== undefined && html`<noscript><meta http-equiv="refresh" content="${page.refresh}" /></noscript>`}
        <link rel="icon" href="${site.base}/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${site.style}" />
        <script src="${site.script}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header>
          <a class="brand" href="${site.base}/"
            >Traffic reports <span><bdi>${site.hostname}</bdi></span></a
          >
          ${page.bare !== true && navigation(site)}
        </header>
        <main id="main">
          ${page.crumbs.length > 0 && breadcrumbs(page)}
          ${page.bare !== true && site.conditions.map((condition) => html`<p class="notice ${condition.severity}"><strong>${severityWord[condition.severity]}</strong> ${condition.text}</p>`)}
          ${page.body}
        </main>
        <footer><p>Bytes as the DPI engine reports them, in the firewall’s local time.</p></footer>
      </body>
    </html> `.markup;
}

const severityWord: Readonly<Record<Condition["severity"], string>> = {
  info: "Note:",
  warning: "Warning:",
  error: "Error:",
};

function navigation(site: Site): Html {
  return html`<nav aria-label="Main">
    <a href="${site.base}/">Months</a>
    <a href="${site.base}/today">Today</a>
    <a href="${site.base}/range/last-30-days">30 days</a>
    <a href="${site.base}/search">Search</a>
    <a href="${site.base}/live">Live</a>
    ${site.signedIn && html`<form method="post" action="${site.base}/sign-out"><button class="link">Sign out</button></form>`}
  </nav>`;
}

function breadcrumbs(page: Page): Html {
  return html`<nav class="crumbs" aria-label="Breadcrumbs">
    <ol>
      ${page.crumbs.map(
        (crumb) =>
          html`<li>
            <a href="${crumb.href}"><bdi>${crumb.title}</bdi></a>
          </li>`,
      )}
      <li aria-current="page"><bdi>${page.title}</bdi></li>
    </ol>
  </nav>`;
}

/** A heading with the most important figure, and some smaller ones. */
export function figures(
  list: readonly { readonly name: string; readonly value: HtmlValue; readonly note?: string }[],
): Html {
  return html`<dl class="figures">
    ${list.map(
      ({ name, value, note }) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}${note !== undefined && html` <small>${note}</small>`}</dd>
        </div>`,
    )}
  </dl>`;
}

/** Message for missing content, with advice what to do. */
export function emptyState(title: string, advice: HtmlValue): Html {
  return html`<section class="empty">
    <h2>${title}</h2>
    <p>${advice}</p>
  </section>`;
}
