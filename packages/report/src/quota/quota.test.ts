/** Quotas: what counts, what is told to whom and how often, and where it is seen. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import { ask as askSite, quietSite } from "../../test/quiet-site.ts";
import { runCommand } from "../../test/run-command.ts";
import { sampleNow, sampleSum, sampleToday, writeSampleYear } from "../../test/sample-year.ts";
import { run as quota } from "../cli/quota.ts";
import { readQuotas } from "./quota.ts";

setDefaultTimeout(paced(60_000));

const base = "/var/run/dpireport";
const month = { from: { ...sampleToday, day: 1 }, to: sampleToday };
const cycle = { from: { ...sampleToday, day: 15 }, to: sampleToday };
const anna = sampleSum(month.from, month.to, ["192.168.1.10"]);
const ended = new AbortController();
let host: FakeHost;
/** What send-alert was called with. */
let told: string[];
/** Its exit code. */
let code: number;

const configure = (text: string): void =>
  host.files.write("/etc/config/ns-report", `config report 'config'\n\n${text}`);
const section = (name: string, gigabytes: number, ...lines: string[]): string =>
  [`config quota '${name}'`, `\toption gigabytes '${gigabytes}'`, ...lines.map((line) => `\t${line}`), "", ""].join(
    "\n",
  );

beforeEach(() => {
  host = fakeHost({ now: sampleNow });
  writeSampleYear(host.files, base, 22);
  told = [];
  code = 0;
  host.files.write("/usr/sbin/send-alert", "");
  host.program("send-alert", ({ args }) => {
    told.push(args.join(" "));
    return { code };
  });
});
afterEach(() => host[Symbol.dispose]());

const check = (): Promise<unknown> => runCommand(quota, host, { options: { check: true } });
const listed = async (): Promise<{ name: string; used: number; since: string; reached: number | null }[]> =>
  (
    JSON.parse((await runCommand(quota, host, { json: true })).out) as {
      quotas: { name: string; used: number; since: string; reached: number | null }[];
    }
  ).quotas;

test("a client, a subnet and both, in a month and in a billing cycle", async () => {
  configure(
    section("anna", 0.001, "list client '192.168.1.10'") +
      section("lan", 0.001, "list subnet '192.168.1.0/24'", "option cycle '15'") +
      section("odd", 0.001, "list subnet '192.168.1.16/28'", "list client '192.168.1.10'", "list client 'fd00::1'") +
      section("nobody", 0.001, "list subnet 'fd00::/8'"),
  );
  const month15 = sampleSum(cycle.from, cycle.to);
  expect((await listed()).map(({ name, used, since }) => [name, used, since])).toEqual([
    ["anna", anna, "2026-11-01"],
    ["lan", month15, "2026-11-15"],
    ["odd", sampleSum(month.from, month.to), "2026-11-01"],
    ["nobody", 0, "2026-11-01"],
  ]);
});

test.each([
  ["a name", "config quota\n\toption gigabytes '1'\n\tlist client '10.0.0.1'\n", "needs a name"],
  ["an address", section("q", 1, "list client 'anna'"), '"anna" is no address'],
  ["a subnet", section("q", 1, "list subnet '10.0.0.0/33'"), '"10.0.0.0/33" is no subnet'],
  ["somebody", section("q", 1), "it has neither a client, a device, a subnet"],
  ["an amount", section("q", -1, "list client '10.0.0.1'"), "gigabytes is no number above 0"],
  ["a day", section("q", 1, "list client '10.0.0.1'", "option cycle '31'"), "cycle is no day from 1 to 28"],
  ["a percentage", section("q", 1, "list client '10.0.0.1'", "list warn '100'"), "warn is no percentage"],
])("a section without %s is named and not watched; the others are", (_, text, trouble) => {
  configure(text + section("good", 1, "list client '10.0.0.1'"));
  const { quotas, troubles } = readQuotas(host.uci);
  expect(quotas.map(({ name }) => name)).toEqual(["good"]);
  expect(troubles).toEqual([expect.stringContaining(trouble) as string]);
});

test("without ns-plug nobody is told, and that is no failure", async () => {
  configure(section("anna", anna / 2e9, "list client '192.168.1.10'"));
  host.files.remove("/usr/sbin/send-alert");
  expect(await check()).toMatchObject({ code: 0 });
  expect(told).toEqual([]);
  expect(host.files.exists("/etc/ns-report/quota-alerts.json")).toBe(false);
});

describe("told", () => {
  test("once for each level, not by the portal, and over in a new cycle", async () => {
    // 84 percent of it is used.
    configure(section("anna", anna / 0.84 / 1e9, "list client '192.168.1.10'", "list warn '50'", "list warn '80'"));
    await check();
    await check();
    expect(told).toEqual(["--except-portal quota:anna:50 FAILURE", "--except-portal quota:anna:80 FAILURE"]);
    told = [];
    configure(section("anna", anna / 1.01 / 1e9, "list client '192.168.1.10'", "list warn '50'", "list warn '80'"));
    await check();
    expect(told).toEqual(["--except-portal quota:anna:100 FAILURE"]);
    told = [];
    await host.clock.advance(9 * 86_400_000); // the first of December
    await check();
    expect(told).toEqual(["50", "80", "100"].map((level) => `--except-portal quota:anna:${level} OK`).toSorted());
  });

  test("a removed quota ends its alerts; one that send-alert could not take is tried again", async () => {
    configure(section("anna", anna / 0.9 / 1e9, "list client '192.168.1.10'"));
    code = 2;
    expect(await check()).toMatchObject({ code: 1 });
    code = 1; // waits in the queue: that is taken
    expect(await check()).toMatchObject({ code: 0 });
    await check();
    configure("");
    code = 0;
    await check();
    expect(told).toEqual([
      "--except-portal quota:anna:80 FAILURE",
      "--except-portal quota:anna:80 FAILURE",
      "--except-portal quota:anna:80 OK",
    ]);
  });
});

test("pages and metrics say it, as of the last check", async () => {
  configure(section("anna", anna / 0.84 / 1e9, "list client '192.168.1.10'", "option title 'Anna <b>'"));
  const site = quietSite(host, base, ended.signal);
  const get = async (path: string): Promise<string> => {
    return (await askSite(site, path)).text();
  };
  expect([await get("/"), await get("/metrics")].join("")).not.toContain("nna");
  await check();
  expect(await get("/")).toContain('<a href="/range/this-cycle-1"><bdi>Anna &lt;b&gt;</bdi></a>');
  expect(await get("/2026-11")).toMatch(
    /Anna &lt;b&gt; has used [\d.]+ [kK]i?B of [\d.]+ [kK]i?B since 2026-11-01 \(8[34]%\)/,
  );
  expect(await get("/metrics")).toMatch(/nethsec_report_quota_used_bytes\{quota="anna"\} \d/);
});
