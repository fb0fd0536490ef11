/** `ns-report` and the rpcd plugin, as data: an implementation is loaded when its command runs. */
import { rangeAdvice } from "../query/asked-range.ts";
import type { Arg, Command, Option } from "@nethsec/host/command/command";

const day: Arg = {
  name: "day",
  summary: "2026-11-22, today or yesterday; default today",
  values: ["today", "yesterday"],
  optional: true,
};
const range: Arg = {
  name: "range",
  summary: "today (default), yesterday, last-month, last-30-days, 2026-11, 2026-11-01..2026-11-15, this-cycle-15 …",
  values: ["today", "yesterday", "last-month", "last-30-days"],
  optional: true,
};
const limit: Option = { name: "limit", value: "N", summary: "rows of each list; 0 shows all" };
const csv: Option = { name: "csv", summary: "print CSV for other programs" };
const narrowing: readonly Option[] = [
  { name: "client", short: "c", value: "ADDRESS", summary: "only this client, by its address or MAC address" },
  {
    name: "group",
    value: "NAME",
    summary: "only this group of clients: a network such as lan, or one of /etc/config/ns-report",
  },
  { name: "hour", value: "HOUR", summary: "only this hour, 0 to 23" },
  { name: "application", short: "a", value: "NAME", summary: "only this application, e.g. netify.google" },
  { name: "protocol", short: "p", value: "NAME", summary: "only this protocol, e.g. http/s" },
  { name: "host", value: "NAME", summary: "only this remote host, e.g. example.org" },
];

const serve: Command = {
  name: "serve",
  summary: "serve the reports as web pages, with exports, a live view and /metrics",
  description: `Runs in the foreground until SIGTERM or SIGINT; /etc/init.d/ns-report runs it as a service. Settings are options of ns-report.config (see /etc/config/ns-report): listen and port, or socket; cert and key for TLS; host (names under which a proxy serves it); base (a path in front of all addresses).

By default it listens on 127.0.0.1 port 8098 and asks nobody for a password. It refuses any other address until there is a password or a token. On a UNIX socket the proxy in front of it decides who may read.`,
  examples: [
    ["ns-report serve", "http://127.0.0.1:8098/"],
    [
      "ssh -L 8098:127.0.0.1:8098 root@firewall",
      "on your own computer: the pages of a firewall at http://localhost:8098/",
    ],
  ],
  load: () => import("../serve/serve.ts"),
};

const reading: readonly Command[] = [
  {
    name: "days",
    summary: "list the days that have reports, with their traffic",
    options: [{ name: "month", value: "YYYY-MM", summary: "only this month" }, csv],
    examples: [["ns-report days --month 2026-11", "the days of November"]],
    load: () => import("./days.ts"),
  },
  {
    name: "summary",
    summary: "show a day or a range of days: its traffic over time, clients, applications, protocols and remote hosts",
    description: rangeAdvice,
    args: [range],
    options: [...narrowing, limit],
    examples: [
      ["ns-report summary", "today"],
      ["ns-report summary yesterday --application netify.youtube", "who used YouTube yesterday, and when"],
      ["ns-report summary 2026-11", "who used the line in November"],
      ["ns-report summary last-week --client 192.168.1.10", "one client, compared with the week before"],
      ["ns-report summary 2026-11-22 --hour 13 --json", "one hour, for a program"],
    ],
    load: () => import("./summary.ts"),
  },
  {
    name: "client",
    summary: "show a day or a range of days of one client",
    description: rangeAdvice,
    args: [{ name: "client", summary: "its address, e.g. 192.168.1.10, or MAC address" }, range],
    options: [...narrowing.filter(({ name }) => name !== "client" && name !== "group"), limit],
    examples: [
      ["ns-report client 192.168.1.10 yesterday", "what this computer did yesterday"],
      ["ns-report client 192.168.1.10 last-365-days", "its year"],
    ],
    load: () => import("./summary.ts"),
  },
  {
    name: "top",
    summary: "show one list of a day or a range of days, as long as wanted",
    description: rangeAdvice,
    args: [
      {
        name: "list",
        summary: "clients, applications, protocols, hosts or categories",
        values: ["clients", "applications", "protocols", "hosts", "categories"],
      },
      range,
    ],
    options: [...narrowing, limit, csv],
    examples: [
      ["ns-report top hosts --limit 50", "the 50 remote hosts with most traffic today"],
      ["ns-report top clients last-month --csv > clients.csv", "all clients of last month for a spreadsheet"],
    ],
    load: () => import("./top.ts"),
  },
  {
    name: "search",
    summary: "search all names: which clients visited a host, and when",
    description: `Names of remote hosts, applications and protocols that contain TEXT. The latest come first. ${rangeAdvice}`,
    args: [
      { name: "text", summary: "a part of the name, at least two characters" },
      { ...range, summary: "as for summary; default last-365-days" },
    ],
    options: [limit, csv],
    examples: [["ns-report search example.org", "who visited it in the last year, and when"]],
    load: () => import("./search.ts"),
  },
  {
    name: "quota",
    summary: "show how much of each quota is used",
    description:
      "A quota is a section of /etc/config/ns-report: client (addresses) and subnet, gigabytes in a cycle (1 GB is 10^9 bytes), cycle (the day of the month on which it begins, 1 to 28), warn (percent, default 80), title. At each of these and at 100 percent there is a note on the pages and an alert by mail and to the webhook (ns-plug alert-mail, alert-webhook).",
    options: [{ name: "check", summary: "look, tell and remember for the pages: what cron does every 15 minutes" }],
    examples: [
      ["ns-report quota", "how much is left"],
      [
        "uci set ns-report.guests=quota; uci add_list ns-report.guests.subnet=192.168.30.0/24; uci set ns-report.guests.gigabytes=500; uci commit ns-report",
        "500 GB a month for the guests",
      ],
    ],
    load: () => import("./quota.ts"),
  },
  {
    name: "mail",
    summary: "send a report by mail, as text and as a page that prints on A4",
    description: `Through msmtp and the account in /etc/msmtprc. Without addresses it goes to those of ns-report.mail.to; ns-report.mail.from sets the sender, by default the account's. ${rangeAdvice}`,
    args: [
      { ...range, summary: "as for summary; default last-week" },
      { name: "address", summary: "who gets it", optional: true, variadic: true },
    ],
    examples: [["ns-report mail last-month boss@example.org", "last month, now"]],
    load: async () => ({ run: (await import("./mail.ts")).mail }),
  },
  {
    name: "mail-schedule",
    summary: "send a report by mail each week or each month",
    args: [
      { name: "when", summary: "weekly, monthly, or off", values: ["weekly", "monthly", "off"] },
      { name: "address", summary: "who gets it", optional: true, variadic: true },
    ],
    examples: [
      ["ns-report mail-schedule weekly admin@example.org", "each Monday, the week before"],
      ["ns-report mail-schedule off", "no more"],
    ],
    load: async () => ({ run: (await import("./mail.ts")).schedule }),
  },
  {
    name: "export",
    summary: "print every figure of a day: one row for each client, hour, section and name",
    description:
      'CSV by default; with --json one JSON object a line. Rows of section "total" are the sums; those without a client are bytes that belong to none.',
    args: [day],
    options: [...narrowing, csv],
    examples: [["ns-report export yesterday > yesterday.csv", "everything of yesterday"]],
    load: () => import("./export.ts"),
  },
  {
    name: "watch",
    summary: "watch the current hour; drawn anew every two seconds, until Ctrl-C",
    examples: [["ns-report watch", "who is using the line now"]],
    load: () => import("./watch.ts"),
  },
];

const keeping: readonly Command[] = [
  {
    name: "status",
    summary: "show whether figures are coming in, and what is wrong if not",
    description: "The exit code is 0 when nothing is wrong, 1 otherwise.",
    examples: [["ns-report status", "source, last event, last dump"]],
    load: () => import("./status.ts"),
  },
  {
    name: "source",
    summary: "show who writes the reports and from what, or choose it",
    description: `auto: netifyd's socket where it is; else an output of our own in netifyd's configuration, a socket where the agent can open one, otherwise HTTP on the loopback. socket, http: that one. ndpi: ndpiReader. ns-stats: leave the reports to ns-stats (package ns-monitoring).

dpireport and ns-stats never write at the same time: choosing one stops and disables the other. The choice is kept when an update of ns-monitoring starts ns-stats again (as long as the service ns-report runs).`,
    args: [
      {
        name: "source",
        summary: "auto, socket, http, ndpi or ns-stats",
        values: ["auto", "socket", "http", "ndpi", "ns-stats"],
        optional: true,
      },
    ],
    examples: [
      ["ns-report source", "who writes, and from what"],
      ["ns-report source auto", "let dpireport write the reports"],
      ["ns-report source ns-stats", "leave them to ns-stats"],
    ],
    load: () => import("./source.ts"),
  },
  {
    name: "password",
    summary: "set the password for reading the pages from elsewhere",
    description:
      "Asks twice on a terminal; otherwise reads one line of stdin. Only a hash of it is stored (ns-report.config.password_hash).",
    options: [{ name: "remove", summary: "remove the password" }],
    examples: [["ns-report password", "asks for it"]],
    load: async () => ({ run: (await import("./access.ts")).password }),
  },
  {
    name: "token",
    summary: "make a token for programs that read the pages, exports or /metrics",
    description:
      'Prints it once. Programs send it as "Authorization: Bearer TOKEN". Only its hash is stored (ns-report.config.token_hash).',
    options: [{ name: "remove", summary: "remove all tokens" }],
    examples: [["ns-report token", "prints a new one"]],
    load: async () => ({ run: (await import("./access.ts")).token }),
  },
];

export const reportCommands: readonly Command[] = [
  {
    name: "ns-report",
    path: "/usr/sbin/ns-report",
    summary: "traffic reports: what uses the line, by client, application, protocol and remote host",
    description: "Reads what dpireport wrote (DUMP_PATH, else ns-report.config.dump_path, else /var/run/dpireport).",
    examples: [
      ["ns-report summary", "today at a glance"],
      ["ns-report serve", "the same as web pages"],
    ],
    actions: [...reading, serve, ...keeping],
  },
  {
    name: "ns.dpireport",
    path: "/usr/libexec/rpcd/ns.dpireport",
    summary: "reports for the web interface, by rpcd",
    raw: true,
    hidden: true,
    load: () => import("../rpcd/ns-dpireport.ts"),
  },
];
