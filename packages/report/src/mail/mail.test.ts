/** Reports by mail: through the real msmtp to an SMTP server of this test, and in the crontab. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localRun } from "@nethsec/host/process/local-run";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import { type SmtpServer, smtpServer } from "@nethsec/host/testing/smtp-server";
import { runCommand } from "../../test/run-command.ts";
import { sampleNow, sampleToday, writeSampleYear } from "../../test/sample-year.ts";
import { mail, schedule } from "../cli/mail.ts";
import { rangeFrom } from "../query/asked-range.ts";
import { mailPage } from "./mail-page.ts";

setDefaultTimeout(paced(60_000));

let host: FakeHost;
let smtp: SmtpServer;
let home: string;
const oldHome = process.env["HOME"];

beforeEach(async () => {
  smtp = await smtpServer();
  home = mkdtempSync(join(tmpdir(), "report-mail-"));
  writeFileSync(join(home, ".msmtprc"), smtp.msmtprc);
  chmodSync(join(home, ".msmtprc"), 0o600);
  process.env["HOME"] = home;
  host = fakeHost({
    now: sampleNow,
    hostname: "fw-milano",
    files: {
      "/etc/config/ns-report": "config report 'config'\n",
      "/tmp/dhcp.leases": "1 aa:bb:cc:dd:ee:ff 192.168.1.10 annas-laptop *\n",
    },
  });
  writeSampleYear(host.files, "/var/run/dpireport", 30);
  host.services.set("cron", { enabled: true, running: true });
});
afterEach(() => {
  if (oldHome === undefined) delete process.env["HOME"];
  else process.env["HOME"] = oldHome;
  smtp[Symbol.dispose]();
  host[Symbol.dispose]();
  rmSync(home, { recursive: true });
});

/** Runs `ns-report mail` with the machine's programs. */
async function send(range: string, ...to: string[]): Promise<number> {
  const { call } = fakeCall({ ...host, run: localRun("/") }, { calledAs: "ns-report", args: { range }, rest: to });
  return mail(call);
}

/** The decoded parts of the mail, by type. */
function partsOf(text: string): Map<string, string> {
  const boundary = /boundary="([^"]+)"/.exec(text)?.[1] ?? "none";
  return new Map(
    text
      .split(`--${boundary}`)
      .slice(1, -1)
      .map((part) => {
        const [head = "", ...body] = part.trimStart().split("\n\n");
        const type = /^Content-Type: ([a-z/]+)/m.exec(head)?.[1] ?? "";
        return [type, Buffer.from(body.join(""), "base64").toString()] as const;
      }),
  );
}

test("text and page say the same, and nothing of it is fetched", async () => {
  expect(await send("last-week", "boss@example.org", "it@example.org")).toBe(0);
  const [got] = smtp.mails;
  expect(got?.to).toEqual(["boss@example.org", "it@example.org"]);
  const text = got?.text ?? "";
  expect(text).toMatch(/^Subject: \[fw-milano\] traffic, Last week$/m);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(998);
  const parts = partsOf(text);
  expect([...parts.keys()]).toEqual(["text/plain", "text/html"]);
  const total = /^([\d.]+ [kKMG]i?B)/m.exec(parts.get("text/plain") ?? "")?.[1] ?? "none";
  expect(parts.get("text/html")).toContain(`<strong>${total}</strong>`);
  expect(parts.get("text/plain")).toContain("www.example.com");
  expect(parts.get("text/html")).toContain("annas-laptop");
  expect(parts.get("text/html")).not.toMatch(/<(img|script|link|a|iframe)\b|url\(|https?:/);
});

test("names of the network are text in the page", () => {
  const none = {
    total: 0,
    download: 0,
    upload: 0,
    directionsSince: undefined,
    unit: "day",
    bars: [],
    clients: [],
    sections: undefined,
    unattributed: 0,
    recordedDays: 0,
    daysWithoutNames: 0,
  } as const;
  const range = rangeFrom("last-week", sampleToday);
  if (range === undefined) throw new Error("no range");
  const page = mailPage({
    hostname: "fw",
    range,
    summary: { ...none, total: 1, clients: [{ id: "192.168.1.10", bytes: 1, download: 0, upload: 0 }] },
    before: none,
    names: new Map([["192.168.1.10", '<img src="x">']]),
  });
  expect(page).toContain("&lt;img src=&quot;x&quot;&gt;");
});

test("a title that is not ASCII becomes encoded words; a refused mail says what to do", async () => {
  await send("2026-11-02..2026-11-08", "boss@example.org");
  expect(smtp.mails[0]?.text).toMatch(/^Subject: =\?utf-8\?B\?[A-Za-z0-9+/=]+\?=$|^Subject: \[fw-milano\] [ -~]+$/m);
  smtp.takesMail = false;
  await expect(send("last-week", "boss@example.org")).rejects.toMatchObject({
    code: "mail_failed",
    advice: "Check the account in /etc/msmtprc, then: ns-report mail last-week boss@example.org",
  });
});

test("each week or month by cron, to configured addresses", async () => {
  await expect(send("last-week")).rejects.toThrow("To whom?");
  await expect(send("last-week", "no address")).rejects.toThrow("is no mail address");
  const plan = (when: string, ...rest: string[]) => runCommand(schedule, host, { args: { when }, rest });
  await expect(plan("weekly")).rejects.toThrow("To whom?");
  expect((await plan("weekly", "boss@example.org")).out).toBe("To boss@example.org each Monday, the week before.\n");
  await plan("monthly");
  expect(host.cron.text()).toBe(
    "10 6 * * 1 /usr/sbin/ns-report mail last-week # nethsec:ns-report-mail-weekly\n" +
      "20 6 1 * * /usr/sbin/ns-report mail last-month # nethsec:ns-report-mail-monthly\n",
  );
  expect(await send("last-week")).toBe(0);
  expect(smtp.mails.map(({ to }) => to)).toEqual([["boss@example.org"]]);
  await plan("off");
  expect(host.cron.text()).toBe("");
});
