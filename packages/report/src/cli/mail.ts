/** `ns-report mail` and `mail-schedule`: a report by mail, now or each week and month. */
import type { Call } from "@nethsec/host/command/command";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { NethsecError, UsageError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { isMailAddress, sendMail } from "@nethsec/host/process/send-mail";
import { mailPage } from "../mail/mail-page.ts";
import { reportMessage } from "../mail/report-message.ts";
import { askRange } from "../query/ask.ts";
import { openStore } from "../store/open-store.ts";
import { namesFor, rangeAsked } from "./report-question.ts";
import { run as summaryRun } from "./summary.ts";

/** Width of the text part: what terminal mail programs show without wrapping. */
const textColumns = 76;
const rowsShown = 15;

export async function mail(call: Call): Promise<number> {
  const { host, io, json } = call;
  const store = openStore(call);
  const range = rangeAsked(call, store.today(), "last-week");
  const configured = readRecipients(host);
  const to = call.rest.length > 0 ? call.rest : configured.to;
  for (const each of to) if (!isMailAddress(each)) throw new UsageError(`"${each}" is no mail address`);
  if (to.length === 0)
    throw new UsageError("To whom?", "Name addresses, or set them: ns-report mail-schedule weekly admin@example.org");
  const summary = askRange(store, range);
  const before = askRange(store, range.before);
  const names = await namesFor(call, summary.clients.slice(0, rowsShown));
  const hostname = host.system.hostname();
  const message = reportMessage({
    hostname,
    to,
    from: configured.from,
    subject: `traffic, ${range.title}`,
    at: host.clock.now(),
    text: await asText(call, range.key),
    html: mailPage({ hostname, range, summary, before, names }),
  });
  await sendMail(host, to, message, ["ns-report mail", range.key, ...to].join(" "));
  if (json) io.out(`${JSON.stringify({ range: range.key, to })}\n`);
  else if (io.stdoutIsTerminal) io.out(textOfLines([`Sent to ${to.join(", ")}: ${range.title}.`]));
  return 0;
}

/** What `ns-report summary` prints. */
async function asText(call: Call, range: string): Promise<string> {
  let text = "";
  const collect = (part: string): void => void (text += part);
  await summaryRun({
    ...call,
    json: false,
    args: { range },
    options: { limit: String(rowsShown) },
    io: { ...call.io, color: false, columns: textColumns, stdoutIsTerminal: false, out: collect, err: collect },
  });
  return text;
}

const jobs = {
  weekly: { line: "10 6 * * 1 /usr/sbin/ns-report mail last-week", says: "each Monday, the week before" },
  monthly: {
    line: "20 6 1 * * /usr/sbin/ns-report mail last-month",
    says: "on the first of each month, the month before",
  },
} as const;
type When = keyof typeof jobs;
const jobId = (when: When): string => `ns-report-mail-${when}`;

/** Addresses are kept in the configuration: in a crontab, "%" and quotes would have a meaning of their own. */
export async function schedule(call: Call): Promise<number> {
  const { host, io, json, args, rest } = call;
  const when = args["when"];
  if (when !== "weekly" && when !== "monthly" && when !== "off")
    throw new UsageError(`"${when ?? ""}" is neither weekly, monthly nor off`);
  for (const each of rest) if (!isMailAddress(each)) throw new UsageError(`"${each}" is no mail address`);
  if (when === "off" && rest.length > 0) throw new UsageError("off takes no addresses");
  const to = rest.length > 0 ? rest : readRecipients(host).to;
  if (when !== "off" && to.length === 0) throw new UsageError("To whom?", "For example admin@example.org.");
  if (when !== "off")
    host.uci.change((transaction) => {
      transaction.setSection("ns-report", "mail", "mail");
      transaction.set("ns-report", "mail", "to", [...to]);
    });
  const changed = when === "off" ? removeJobs(host) : host.cron.set(jobId(when), jobs[when].line);
  if (changed) await restartCron(host);
  if (json) io.out(`${JSON.stringify({ when, to: when === "off" ? [] : to })}\n`);
  else io.out(textOfLines([when === "off" ? "No report is sent by mail." : `To ${to.join(", ")} ${jobs[when].says}.`]));
  return 0;
}

function removeJobs(host: Pick<Host, "cron">): boolean {
  return (Object.keys(jobs) as When[]).map((when) => host.cron.remove(jobId(when))).includes(true);
}

async function restartCron(host: Pick<Host, "services">): Promise<void> {
  try {
    await host.services.call("cron", "restart");
  } catch (cause) {
    throw new NethsecError({
      code: "cron_not_restarted",
      message: "The line is in /etc/crontabs/root, but cron did not read it.",
      advice: "Run: /etc/init.d/cron restart",
      cause,
    });
  }
}

function readRecipients({ uci }: Pick<Host, "uci">): {
  readonly to: readonly string[];
  readonly from: string | undefined;
} {
  const section = uci.read("ns-report").section("mail");
  const from = section?.get("from") ?? "";
  return { to: (section?.list("to") ?? []).filter(isMailAddress), from: isMailAddress(from) ? from : undefined };
}
