/**
 * The web server's request handler: checks access, finds the page, adds the headers common to all answers.
 *
 * Invariants: without access a request gets only the style sheet, the script, the icon and the sign-in page; reading needs GET or HEAD, only signing
 * in and out is a POST; an answer depends only on the request, the reports, and the sessions.
 */
import type { HttpPeer } from "@nethsec/host/http/http-server";
import type { AccessControl } from "../auth/access-control.ts";
import { isLoopback, isOwnHost } from "../auth/host-guard.ts";
import { csvText, type ExportTable } from "../query/export-table.ts";
import { isListName, tableJson } from "../query/export-rows.ts";
import { dayFrom, formatDay, parseDay } from "../store/report-day.ts";
import { assets, script, style } from "../web/assets.ts";
import { messagePage, signInPage } from "../web/message-page.ts";
import { documentOf, type Page, type Site } from "../web/page.ts";
import { dayUrl } from "../web/report-url.ts";
import type { LiveHub } from "./live-hub.ts";
import type { RangePages } from "./range-pages.ts";
import type { ReportPages } from "./report-pages.ts";
import { answer, csvType, htmlType, jsonType, plain, redirect } from "./response.ts";
import type { Condition } from "@nethsec/host/host";
import type { Day } from "../store/hour-key.ts";

export interface ReportSiteNeeds {
  readonly pages: ReportPages;
  readonly ranges: RangePages;
  readonly hub: LiveHub;
  readonly gate: AccessControl;
  /** Whether reading requires a sign-in. */
  readonly gated: boolean;
  readonly base: string;
  readonly hosts: readonly string[];
  readonly hostname: string;
  readonly today: () => Day;
  readonly conditions: () => readonly Condition[];
  /** OpenMetrics text and its type. */
  readonly metrics: () => { readonly text: string; readonly type: string };
}

/** A request with its properties derived from headers and connection. */
interface Visit {
  readonly request: Request;
  readonly url: URL;
  /** Path below the base, beginning with a slash. */
  readonly path: string;
  /** Address of the other end, as far as it can be known; for rate limits. */
  readonly address: string;
  /** The browser's connection is encrypted, here or at a proxy on this machine. */
  readonly encrypted: boolean;
  readonly signedIn: boolean;
}

export class ReportSite {
  readonly #needs: ReportSiteNeeds;

  constructor(needs: ReportSiteNeeds) {
    this.#needs = needs;
  }

  async handle(request: Request, peer: HttpPeer): Promise<Response> {
    const url = new URL(request.url);
    const { base, gated, hosts } = this.#needs;
    // Without a sign-in, a loopback server is protected only by this check of `Host`: pages of other sites cannot use this server's name.
    if (!gated && peer.address !== "unix" && !isOwnHost(request.headers.get("host"), hosts)) {
      return plain(
        421,
        "This name is not one of this server's. Behind a proxy, add it: uci add_list ns-report.config.host=NAME; uci commit ns-report",
      );
    }
    if (url.pathname === base) return redirect(`${base}/`);
    if (!url.pathname.startsWith(`${base}/`)) return plain(404, "not found");
    const visit = visitOf(request, url, url.pathname.slice(base.length), peer);
    const asset = assets.find(({ path }) => path === visit.path);
    if (asset !== undefined)
      return answer(asset.text, asset.type, {
        headers: {
          "cache-control": asset.path.startsWith("/assets/")
            ? "public, max-age=31536000, immutable"
            : "public, max-age=86400",
        },
      });
    if (request.method === "POST") return this.#post(visit);
    if (request.method !== "GET" && request.method !== "HEAD")
      return plain(405, "only GET and HEAD", { allow: "GET, HEAD" });
    if (gated && visit.path === "/sign-in") return this.#signInPage(visit, nextOf(url.searchParams.get("next"), base));
    const verdict = this.#needs.gate.check(request.headers, visit.address);
    if (verdict.kind === "allowed") return this.#read({ ...visit, signedIn: verdict.signedIn });
    return verdict.kind === "wait" ? tooMany(verdict.ms) : this.#denied(visit);
  }

  #denied(visit: Visit): Response {
    const wantsPage = (visit.request.headers.get("accept") ?? "").includes("text/html");
    if (!wantsPage)
      return plain(401, "Sign in, or send Authorization: Bearer TOKEN", {
        "www-authenticate": 'Bearer realm="ns-report"',
      });
    return redirect(
      `${this.#needs.base}/sign-in?${new URLSearchParams({ next: visit.url.pathname + visit.url.search }).toString()}`,
    );
  }

  async #post(visit: Visit): Promise<Response> {
    const { gate, gated, base } = this.#needs;
    if (!gated || (visit.path !== "/sign-in" && visit.path !== "/sign-out")) return plain(404, "not found");
    if (!fromThisSite(visit.request.headers)) return plain(403, "not from this site");
    const scope = { path: base === "" ? "/" : base, secure: visit.encrypted };
    if (visit.path === "/sign-out")
      return redirect(`${base}/sign-in`, { "set-cookie": gate.signOut(visit.request.headers, scope) });
    const form = new URLSearchParams(await visit.request.text());
    const next = nextOf(form.get("next"), base);
    const result = await gate.signIn(form.get("secret") ?? "", visit.address, scope);
    if ("cookie" in result) return redirect(next, { "set-cookie": result.cookie });
    if (result.problem === "wait")
      return this.#signInPage(visit, next, `Too many tries. Wait ${Math.ceil(result.ms / 1000)} s.`, 429, result.ms);
    return this.#signInPage(visit, next, "That is neither the password nor a token.", 401);
  }

  #signInPage(visit: Visit, next: string, problem?: string, status = 200, waitMs = 0): Response {
    const page = signInPage({
      base: this.#needs.base,
      next,
      encrypted: visit.encrypted,
      ...(problem === undefined ? {} : { problem }),
    });
    return this.#page(visit, page, status, waitMs > 0 ? { "retry-after": String(Math.ceil(waitMs / 1000)) } : {});
  }

  async #read(visit: Visit): Promise<Response> {
    const { pages, base } = this.#needs;
    const { path } = visit;
    if (path === "/") return this.#page(visit, pages.home());
    if (path === "/today") return redirect(dayUrl(base, this.#needs.today()));
    if (path === "/live") return this.#page(visit, await pages.live());
    if (path === "/live.json") return jsonOrBad(await pages.liveJson());
    if (path === "/live/events") return this.#events();
    if (path === "/metrics") {
      const { text, type } = this.#needs.metrics();
      return answer(text, type);
    }
    const days = /^(?:\/(\d{4})-(\d{2}))?\/days\.(csv|json)$/.exec(path);
    if (days !== null) return exported(pages.daysTable(numberOf(days[1]), numberOf(days[2])), "days", days[3]);
    const month = /^\/(\d{4})-(\d{2})\/?$/.exec(path);
    if (month !== null && dayFrom(Number(month[1]), Number(month[2]), 1) !== undefined)
      return this.#page(visit, pages.month(Number(month[1]), Number(month[2])));
    const search = /^\/search(?:\.(csv|json))?$/.exec(path);
    if (search !== null) return this.#search(visit, search[1]);
    return path.startsWith("/range") ? this.#readRange(visit) : this.#readDay(visit);
  }

  /** `/range?from=…&to=…` (the picker), `/range/KEY`, `/range/KEY.json`, `/range/KEY/LIST`, `/range/KEY/LIST.csv`. */
  async #readRange(visit: Visit): Promise<Response> {
    const { ranges, base } = this.#needs;
    const query = visit.url.searchParams;
    if (visit.path === "/range") {
      const picked = ranges.pickedUrl(query);
      return picked === undefined ? this.#pageOrBad(visit, undefined) : redirect(picked);
    }
    const match = /^\/range\/([a-z0-9.-]+?)(?:\/([a-z]+))?(?:\.(csv|json))?\/?$/.exec(visit.path);
    const range = ranges.range(match?.[1] ?? "");
    if (match === null || range === undefined) return this.#notFound(visit);
    const [, , list, kind] = match;
    if (list === undefined) {
      const day = ranges.hoursOf(range);
      if (kind === "csv") return this.#notFound(visit);
      if (kind === "json") return jsonOrBad(await ranges.json(range, query));
      if (day !== undefined) return redirect(`${dayUrl(base, day)}${visit.url.search}`);
      return this.#pageOrBad(visit, await ranges.page(range, query));
    }
    if (list === "categories")
      return kind === undefined
        ? toPanel(visit, list)
        : tableOrBad(ranges.categoryTable(range, query), `${range.key}-${list}`, kind);
    if (!isListName(list)) return this.#notFound(visit);
    if (kind === undefined) return this.#pageOrBad(visit, await ranges.list(range, list, query));
    return tableOrBad(await ranges.listTable(range, list, query), `${range.key}-${list}`, kind);
  }

  async #search(visit: Visit, kind: string | undefined): Promise<Response> {
    const query = visit.url.searchParams;
    if (kind === undefined) return this.#pageOrBad(visit, await this.#needs.ranges.search(query));
    return tableOrBad(await this.#needs.ranges.searchTable(query), "search", kind);
  }

  async #readDay(visit: Visit): Promise<Response> {
    const match = /^\/(\d{4}-\d{2}-\d{2})(?:\/([a-z]+)(?:\.(csv|json))?)?\/?$/.exec(visit.path);
    const day = parseDay(match?.[1] ?? "");
    if (match === null || day === undefined) return this.#notFound(visit);
    const [, , list, kind] = match;
    const query = visit.url.searchParams;
    if (list === undefined) return this.#pageOrBad(visit, await this.#dayPage(day, query));
    if (list === "categories")
      return kind === undefined
        ? toPanel(visit, list)
        : tableOrBad(this.#needs.pages.categoryTable(day, query), `${formatDay(day)}-${list}`, kind);
    if (!isListName(list)) return this.#notFound(visit);
    if (kind === undefined) return this.#pageOrBad(visit, await this.#needs.pages.list(day, list, query));
    return tableOrBad(await this.#needs.pages.listTable(day, list, query), `${formatDay(day)}-${list}`, kind);
  }

  /** A day whose hours are gone is a range of one day. */
  async #dayPage(day: Day, query: URLSearchParams): Promise<Page | undefined> {
    const { pages, ranges } = this.#needs;
    const range = ranges.range(formatDay(day));
    if (range === undefined || ranges.hoursOf(range) !== undefined || query.has("hour")) return pages.day(day, query);
    return ranges.page(range, query, formatDay(day));
  }

  async #events(): Promise<Response> {
    const stream = await this.#needs.hub.subscribe();
    if (stream === undefined) return plain(503, "too many readers of the live page", { "retry-after": "60" });
    return answer(stream, "text/event-stream", { headers: { "cache-control": "no-store", "x-accel-buffering": "no" } });
  }

  #pageOrBad(visit: Visit, page: Page | undefined): Response {
    if (page !== undefined) return this.#page(visit, page);
    return this.#page(
      visit,
      messagePage(
        "This address makes no sense",
        "A client is an IP or MAC address, a group one of those on the pages, an hour is from 0 to 23, and a report is narrowed to one application, protocol or host; then it has that list and the clients only.",
        this.#needs.base,
      ),
      400,
    );
  }

  #notFound(visit: Visit): Response {
    return this.#page(visit, messagePage("Not found", "There is no such page or no such day.", this.#needs.base), 404);
  }

  #page(visit: Visit, page: Page, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
    const { base, hostname } = this.#needs;
    const site: Site = {
      base,
      hostname,
      style: base + style.path,
      script: base + script.path,
      signedIn: visit.signedIn,
      conditions: page.bare === true ? [] : this.#needs.conditions(),
    };
    return answer(documentOf(site, page), htmlType, { status, headers });
  }
}

function visitOf(request: Request, url: URL, path: string, peer: HttpPeer): Visit {
  // A proxy on this machine reports the client's address and scheme; from other peers these headers are not trusted.
  const viaProxy = peer.address === "unix" || isLoopback(peer.address);
  const forwardedFor = viaProxy
    ? request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim().slice(0, 64)
    : undefined;
  const encrypted = peer.tls || (viaProxy && request.headers.get("x-forwarded-proto") === "https");
  return { request, url, path, address: forwardedFor ?? peer.address, encrypted, signedIn: false };
}

/** Redirect target after signing in: always a path of this site. */
function nextOf(next: string | null, base: string): string {
  const safe =
    next !== null && next.startsWith(`${base}/`) && !/^\/[/\\]/.test(next) && /^[\x21-\x7e]{1,2000}$/.test(next);
  return safe ? next : `${base}/`;
}

/** Browsers send the origin of a form; without these headers the client is not a browser that could be abused. */
function fromThisSite(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin" || site === "none";
  const origin = headers.get("origin");
  return origin === null || (URL.canParse(origin) && new URL(origin).host === headers.get("host"));
}

function tooMany(ms: number): Response {
  return plain(429, "Too many tries.", { "retry-after": String(Math.ceil(ms / 1000)) });
}

/** A list that has no page of its own, since the report shows all of it. */
function toPanel({ url }: Visit, list: string): Response {
  return redirect(`${url.pathname.replace(/\/[^/]+\/?$/, "")}${url.search}#${list}`);
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function tableOrBad(table: ExportTable | undefined, name: string, kind: string | undefined): Response {
  return table === undefined ? plain(400, noSense) : exported(table, name, kind);
}

function jsonOrBad(value: object | undefined): Response {
  return value === undefined ? plain(400, noSense) : answer(`${JSON.stringify(value)}\n`, jsonType);
}

const noSense =
  "The query of this address makes no sense. A report that is narrowed to an application, protocol or host has that list and the clients only; a range of days is not narrowed by hour.";

function exported(table: ExportTable, name: string, kind: string | undefined): Response {
  if (kind === "json") return answer(`${JSON.stringify(tableJson(table))}\n`, jsonType);
  return answer(csvText(table), csvType, { headers: { "content-disposition": `attachment; filename="${name}.csv"` } });
}
