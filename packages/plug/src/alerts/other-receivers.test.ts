/**
 * Alerts by mail and to a webhook, without a subscription: through the real msmtp to an SMTP server of this test, and over real HTTPS. What cannot be
 * sent waits, each state arrives once, and one receiver that fails holds up no other.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createHmac } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "@nethsec/host/host";
import { localHost } from "@nethsec/host/local/local-host";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { paced } from "@nethsec/host/testing/pace";
import { type SmtpServer, smtpServer } from "@nethsec/host/testing/smtp-server";
import { testCa, type TestCa } from "@nethsec/host/testing/test-ca";
import { deliverAlerts, sendAlert } from "./deliver.ts";
import { readAlerts } from "./queue.ts";
import { runSendAlert } from "./run.ts";
import { runAlertMail, runAlerts, runAlertWebhook, runTestAlert } from "./receivers-run.ts";

setDefaultTimeout(paced(60_000));

const secret = "a secret of the administrator";
let ca: TestCa;
let root: string;
let host: Host;
let smtp: SmtpServer;
let web: Bun.Server<undefined>;
let posts: { readonly headers: Headers; readonly body: string }[];
/** Status of the web server's answers. */
let answer: number;
const home = process.env["HOME"];

beforeAll(async () => {
  ca = await testCa();
});
afterAll(() => ca[Symbol.dispose]());

beforeEach(async () => {
  [posts, answer] = [[], 200];
  smtp = await smtpServer();
  web = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: await ca.issue("localhost"),
    fetch: async (request) => {
      const post = { headers: request.headers, body: await request.text() };
      if (answer === 200) posts.push(post);
      return new Response("", { status: answer });
    },
  });
  root = mkdtempSync(join(tmpdir(), "receivers-"));
  for (const folder of ["etc/config", "etc/ssl/certs", "etc/crontabs", "var/run"])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "etc/ssl/certs/ca-certificates.crt"), ca.certificate);
  writeFileSync(join(root, "etc/config/ns-plug"), "\nconfig main 'config'\n");
  // Stands for the system-wide /etc/msmtprc, which has the same form (msmtp(1), CONFIGURATION FILES).
  writeFileSync(join(root, ".msmtprc"), smtp.msmtprc);
  chmodSync(join(root, ".msmtprc"), 0o600);
  process.env["HOME"] = root;
  host = localHost({ root });
});
afterEach(async () => {
  if (home === undefined) delete process.env["HOME"];
  else process.env["HOME"] = home;
  await web.stop(true);
  smtp[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

const hook = (): string => `https://localhost:${web.port}/alerts`;
const mailTo = async (...rest: string[]): Promise<number> => {
  const { call } = fakeCall(host, { calledAs: "ns-plug", rest });
  return runAlertMail(call);
};
async function hookTo(url: string): Promise<number> {
  const { call } = fakeCall(host, { calledAs: "ns-plug", args: { url }, stdin: `${secret}\n` });
  return runAlertWebhook(call);
}
/** As cron does it. */
const deliver = (): Promise<number> =>
  runSendAlert(fakeCall(host, { calledAs: "send-alert", options: { deliver: true } }).call);
const subjects = (): string[] => smtp.mails.map(({ text }) => /^Subject: \[[^\]]+\] (.*)$/m.exec(text)?.[1] ?? "");
const posted = (): string[] =>
  posts.map(({ body }) => {
    const { alert, status } = JSON.parse(body) as { alert: string; status: string };
    return `${status}: ${alert}`;
  });

test("a mail goes to each address, once for each state, from the account's sender or the given one", async () => {
  expect(await sendAlert(host, "wan:wan:down", "FAILURE")).toBe("no_subscription");
  await mailTo("admin@example.org", "night@example.org");
  expect(await sendAlert(host, "wan:wan:down", "FAILURE")).toBe("sent");
  expect(await sendAlert(host, "wan:wan:down", "FAILURE")).toBe("unchanged");
  await mailTo("admin@example.org");
  const { call } = fakeCall(host, {
    calledAs: "ns-plug",
    rest: ["admin@example.org"],
    options: { from: "fw@example.net" },
  });
  await runAlertMail(call);
  expect(await sendAlert(host, "wan:wan:down", "OK")).toBe("sent");
  expect(smtp.mails.map(({ to }) => to)).toEqual([["admin@example.org", "night@example.org"], ["admin@example.org"]]);
  expect(subjects()).toEqual(["FAILURE: wan:wan:down", "OK: wan:wan:down"]);
  const [first, second] = smtp.mails.map(({ text }) => text);
  expect(first).toMatch(/^From: .*firewall@example\.org/m);
  expect(first).toMatch(/^Date: \w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/m);
  expect(first).toMatch(/^Message-ID: <[0-9a-f]{32}@/m);
  expect(second).toMatch(/^From: fw@example\.net$/m);
  expect(host.cron.text()).toMatch(/\/usr\/sbin\/send-alert --deliver --spread 30/);
  await mailTo("off");
  expect(host.cron.text()).not.toContain("send-alert");
});

test("an alert that the portal does not know goes to the others only, also later", async () => {
  host.files.write("/etc/config/ns-plug", "config main 'config'\n\toption system_id 'id'\n\toption secret 's'\n");
  const quota = fakeCall(host, {
    calledAs: "send-alert",
    args: { alert_id: "quota:anna:80", status: "FAILURE" },
    options: { "except-portal": true },
    json: true,
  });
  await runSendAlert(quota.call);
  expect(quota.output.out).toContain('"no_subscription"');
  await mailTo("admin@example.org");
  smtp.takesMail = false;
  expect(await runSendAlert(quota.call)).toBe(1);
  smtp.takesMail = true;
  await deliver();
  expect([subjects(), readAlerts(host).map(({ id }) => id)]).toEqual([["FAILURE: quota:anna:80"], []]);
});

test("the webhook's signature is that of the time stamp and the body; without the right certificate nothing is sent", async () => {
  await hookTo(hook());
  expect(await sendAlert(host, "df:root:percent_bytes:free", "FAILURE")).toBe("sent");
  const [post] = posts;
  const stamp = post?.headers.get("x-nethsec-timestamp") ?? "";
  const expected = createHmac("sha256", secret)
    .update(`${stamp}.${post?.body ?? ""}`)
    .digest("hex");
  expect(post?.headers.get("x-nethsec-signature")).toBe(`sha256=${expected}`);
  expect(Math.abs(Number(stamp) - Date.now() / 1000)).toBeLessThan(paced(60));
  expect(JSON.parse(post?.body ?? "")).toMatchObject({
    version: 1,
    alert: "df:root:percent_bytes:free",
    status: "FAILURE",
  });
  host.files.write("/etc/ssl/certs/ca-certificates.crt", "");
  expect(await sendAlert(localHost({ root }), "df:root:percent_bytes:free", "OK")).toBe("queued");
  expect(posts.length).toBe(1);
});

test("what one receiver does not take waits for it alone, the newest state wins, and send-alert --deliver sends it", async () => {
  await mailTo("admin@example.org");
  await hookTo(hook());
  smtp.takesMail = false;
  expect(await sendAlert(host, "ha:sync:failed", "FAILURE")).toBe("queued");
  expect(await sendAlert(host, "wan:wan:down", "FAILURE")).toBe("queued");
  expect(posted()).toEqual(["FAILURE: ha:sync:failed", "FAILURE: wan:wan:down"]);
  const { call, output } = fakeCall(host, { calledAs: "ns-plug", json: true });
  await runAlerts(call);
  expect(JSON.parse(output.out)).toMatchObject({
    portal: false,
    mail: ["admin@example.org"],
    webhook_url: hook(),
    waiting: [
      { channel: "mail", alert: "ha:sync:failed", status: "FAILURE" },
      { channel: "mail", alert: "wan:wan:down", status: "FAILURE" },
    ],
  });
  expect(output.out).not.toContain(secret);
  answer = 503;
  expect(await sendAlert(host, "ha:sync:failed", "OK")).toBe("queued");
  smtp.takesMail = true;
  answer = 200;
  expect(await deliver()).toBe(0);
  expect(subjects()).toEqual(["FAILURE: wan:wan:down", "OK: ha:sync:failed"]);
  expect(posted().at(-1)).toBe("OK: ha:sync:failed");
  expect(await deliver()).toBe(0);
  expect([smtp.mails.length, posts.length]).toEqual([2, 3]);
});

test("a receiver that was removed does not get what waited for it when it is set again", async () => {
  await mailTo("admin@example.org");
  smtp.takesMail = false;
  await sendAlert(host, "wan:wan:down", "FAILURE");
  await mailTo("off");
  await deliverAlerts(host);
  smtp.takesMail = true;
  await mailTo("admin@example.org");
  await deliverAlerts(host);
  expect([smtp.mails, readAlerts(host, "mail")]).toEqual([[], []]);
});

test("test-alert says which receiver takes it, at once and without the queue", async () => {
  await mailTo("admin@example.org");
  await hookTo(hook());
  smtp.takesMail = false;
  const { call, output } = fakeCall(host, { calledAs: "ns-plug", json: true });
  expect(await runTestAlert(call)).toBe(1);
  const { results } = JSON.parse(output.out) as { results: { channel: string; error: string | null }[] };
  expect(results).toEqual([
    { channel: "mail", error: expect.stringContaining("451 not now") as string },
    { channel: "webhook", error: null },
  ]);
  expect(posted()).toEqual(["OK: test:alert"]);
  expect(readAlerts(host, "mail")).toEqual([]);
});

test.each(["http://localhost/alerts", "https://user:password@localhost/", "ftp://localhost", "localhost"])(
  "%s is no URL for a webhook",
  async (url) => {
    await expect(hookTo(url)).rejects.toThrow("no https:// URL");
  },
);

test.each(["-f/etc/passwd", "admin", "a b@example.org", "admin@example.org\nBcc: x@example.org", "--@"])(
  "%p is no address",
  async (address) => {
    await expect(mailTo(address)).rejects.toThrow("is no address");
  },
);
