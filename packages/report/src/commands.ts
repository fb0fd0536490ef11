/** The commands of this service, as data: an implementation is loaded when its command runs. */
import type { Command } from "@nethsec/host/command/command";
import { reportCommands } from "./cli/report-commands.ts";

export const commands: readonly Command[] = [
  {
    name: "dpireport",
    path: "/usr/sbin/dpireport",
    summary: "collect traffic reports from the DPI engine's flow stream",
    description: `Connects to netifyd's socket, counts each byte that it reports once, by client, protocol, application and host name, and writes one file for each client and hour: DUMP_PATH/<year>/<month>/<day>/<client>/<hour>.json.

Runs in the foreground until SIGTERM or SIGINT, which write everything first. A restart goes on where the last run ended.

Environment: NETIFYD_SOCKET (/var/run/netifyd/netifyd.sock), FLOW_STALE_TIMEOUT (seconds after which a silent flow is forgotten, 3600), DUMP_TIMEOUT (seconds between two dumps, 120), DUMP_PATH (/var/run/dpireport), LOG_LEVEL (INFO or DEBUG).`,
    examples: [
      ["/etc/init.d/dpireport start", "the usual way: procd runs it"],
      ["LOG_LEVEL=DEBUG DUMP_PATH=/tmp/reports dpireport", "try it beside the running one, with files of its own"],
    ],
    load: () => import("./daemon/dpireport.ts"),
  },
  {
    name: "dpireport-cleanup",
    path: "/usr/sbin/dpireport-cleanup",
    summary: "roll up finished days, and keep the traffic reports within their share of the disk",
    description: `Rolls up the days that are over (one small file for each day and month, see docs/reports.md), then removes the oldest reports until the directory fits: by default into 1% of the file system that holds it, or ns-report.config.max_percent; and what is older than keep_hour_files, keep_days (days) and keep_months say. Never today's, and nothing that is no report. Runs every night from cron, and says what it removed.`,
    options: [
      { name: "max-size", value: "SIZE", summary: "the directory may use SIZE bytes; K, M, G and T are understood" },
      { name: "max-percent", value: "N", summary: "the directory may use N percent of its file system" },
    ],
    examples: [
      ["dpireport-cleanup", "what cron does every night"],
      ["dpireport-cleanup --max-size 50M", "keep 50 MiB at the most"],
    ],
    load: () => import("./cleanup/dpireport-cleanup.ts"),
  },
  ...reportCommands,
];
