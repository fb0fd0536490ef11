/** The questions of docs/reports.md: each page and each command answers, and both say the same figures. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import * as v from "valibot";
import { categoryFiles } from "../../test/category-files.ts";
import { ask as askSite, quietSite } from "../../test/quiet-site.ts";
import { runCommand } from "../../test/run-command.ts";
import { sampleClients, sampleNow, sampleSum, sampleToday, writeSampleYear } from "../../test/sample-year.ts";
import { reportCommands } from "../cli/report-commands.ts";
import { addDays } from "../store/report-day.ts";
import type { ReportSite } from "./report-site.ts";

setDefaultTimeout(paced(60_000));

const base = "/var/run/dpireport";
const manual = readFileSync(join(import.meta.dir, "../../../../docs/reports.md"), "utf8");
/** Rows of the table of questions: the question, the page's address, the command. */
const questions = [...manual.matchAll(/^\| ([^|`]+\?) \| `(\/[^`]+)` \| `ns-report ([^`]+)` \|$/gm)].map(
  ([, question = "", url = "", command = ""]) => [question, url, command] as const,
);

let host: FakeHost;
let site: ReportSite;
const ended = new AbortController();
beforeAll(() => {
  host = fakeHost({ now: sampleNow, files: categoryFiles });
  const unnamed = Object.fromEntries(sampleClients.map((client) => [client, { name: null, until: 9e15 }]));
  host.files.write("/var/run/ns-report/names.json", JSON.stringify(unnamed));
  host.files.write(
    "/etc/config/network",
    "config interface 'guest'\n\toption proto 'static'\n\toption ipaddr '192.168.1.17/28'\n",
  );
  writeSampleYear(host.files, base);
  host.files.remove(`${base}/2025`, { recursive: true });
  site = quietSite(host, base, ended.signal);
});
afterAll(() => {
  ended.abort();
  host[Symbol.dispose]();
});

async function get(url: string): Promise<{ readonly status: number; readonly text: string; readonly url: string }> {
  const response = await askSite(site, url);
  const location = response.headers.get("location");
  return location === null ? { status: response.status, text: await response.text(), url } : get(location);
}

/** Runs a command line as written in the manual: words, options, the positional arguments in their order. */
async function ask(line: string): Promise<unknown> {
  const [name, ...words] = line.split(" ");
  const command = reportCommands[0]?.actions?.find((one) => one.name === name);
  if (command?.load === undefined) throw new Error(`no command ${name}`);
  const options: Record<string, string> = {};
  const values: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word.startsWith("--")) options[word.slice(2)] = words.shift() ?? "";
    else values.push(word);
  }
  const args = Object.fromEntries(values.map((value, index) => [command.args?.[index]?.name ?? "", value]));
  const { run } = await command.load();
  return JSON.parse((await runCommand(run, host, { args, options, json: true })).out);
}

test("the manual has the questions", () => {
  expect(questions.length).toBeGreaterThanOrEqual(8);
});

describe.each(questions)("%s", (_, url, command) => {
  test("the page answers, and so does the command, with the same traffic", async () => {
    const page = await get(url);
    expect(page.status).toBe(200);
    expect(page.text).not.toContain('class="empty"');
    const [path = "", query = ""] = url.split("?");
    const answered = await get(`${path}.json${query === "" ? "" : `?${query}`}`);
    expect(answered.status).toBe(200);
    expect(await ask(command)).toEqual(JSON.parse(answered.text));
  });
});

const answer = v.looseObject({
  total: v.number(),
  clients: v.array(v.looseObject({ id: v.string(), bytes: v.number() })),
});

test("who used the line in November: the clients' sums are those of the days", async () => {
  const { total, clients } = v.parse(answer, JSON.parse((await get("/range/2026-11.json")).text));
  const first = { ...sampleToday, day: 1 };
  expect(total).toBe(sampleSum(first, sampleToday));
  expect(clients.map(({ id, bytes }) => [id, bytes])).toEqual(
    [
      ["192.168.1.20", sampleSum(first, sampleToday, ["192.168.1.20"])],
      ["192.168.1.10", sampleSum(first, sampleToday, ["192.168.1.10"])],
    ].sort((a, b) => Number(b[1]) - Number(a[1])),
  );
});

describe("pages of ranges", () => {
  test("the picker's forms lead to the range's own address, with the narrowing", async () => {
    expect((await get("/range?from=2026-03-01&to=2026-03-31&client=192.168.1.20")).url).toBe(
      "/range/2026-03-01..2026-03-31?client=192.168.1.20",
    );
    expect((await get("/range?cycle=15&which=last")).url).toBe("/range/last-cycle-15");
    for (const url of ["/range?from=2026-03-31&to=2026-03-01", "/range?from=x&to=y", "/range?cycle=31"])
      expect([url, (await get(url)).status]).toEqual([url, 400]);
    expect((await get("/range/2026-13")).status).toBe(404);
    expect((await get("/range/2026-03?hour=9")).status).toBe(400);
  });

  test("one day is the page of the day while its hours are there, else its roll-up under the same address", async () => {
    expect((await get("/range/yesterday")).url).toBe("/2026-11-21");
    const old = await get("/2025-12-31?client=192.168.1.10");
    expect([old.status, old.url]).toEqual([200, "/2025-12-31?client=192.168.1.10"]);
    expect(old.text).toContain("30 KiB");
  });

  test("the period before is a figure and lines in the chart; days without a record are gaps; what has no name is a row", async () => {
    const { text } = await get("/range/2026-05");
    expect(text).toContain("than before (");
    expect(text.match(/class="before"/g)?.length).toBeGreaterThan(20);
    expect(text.match(/<li class="gap">/g)).toHaveLength(7);
    expect(text).toContain("4 May 2026: no record");
    expect(text).toContain("without a name");
  });

  test("whole lists, narrowed, as page and CSV", async () => {
    const list = await get("/range/last-365-days/clients?application=netify.youtube&sort=name");
    expect([list.status, list.text.includes("192.168.1.10")]).toEqual([200, true]);
    const csv = await get("/range/2026-03/hosts.csv?client=192.168.1.20");
    expect(csv.text).toContain("rare.example.org,rare.example.org,39600");
  });

  test("search links to the visits", async () => {
    const { text } = await get("/search?q=rare");
    expect(text).toContain("/range/2026-03-10..2026-03-12?client=192.168.1.20&amp;host=rare.example.org");
    expect((await get("/search?q=<b>nothing</b>")).text).toContain("No name contains “&lt;b&gt;nothing");
    expect((await get("/search.csv?q=rare")).text).toContain(
      "host,rare.example.org,192.168.1.20,,2026-03-10,2026-03-12,2,39600",
    );
    expect((await get("/search?range=yesteryear")).status).toBe(400);
  });

  test("a year is asked in one request", async () => {
    const { total } = v.parse(answer, JSON.parse((await get("/range/last-365-days.json?client=192.168.1.10")).text));
    expect(total).toBe(sampleSum(addDays(sampleToday, -364), sampleToday, ["192.168.1.10"]));
  });
});
