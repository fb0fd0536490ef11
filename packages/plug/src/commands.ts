/** The commands of ns-plug, as data: an implementation is loaded when its command runs. */
import type { Arg, Command } from "@nethsec/host/command/command";

/** Read by `spread.ts`. */
const spread = {
  name: "spread",
  value: "SECONDS",
  summary: "wait a random time up to this long first (cron)",
} as const;
const timeout = (seconds: number): Arg => ({
  name: "timeout",
  summary: `seconds to wait for the portal, default ${seconds}`,
  optional: true,
});

const controller: readonly Command[] = [
  {
    name: "ns-plug",
    summary: "controller client: registers this unit and keeps the VPN to its controller",
    description:
      "Without an action it is the daemon that /etc/init.d/ns-plug runs: it registers the unit with the controller named in " +
      "/etc/config/ns-plug, polls until the unit is approved, and keeps the OpenVPN tunnel; when the tunnel cannot be kept it registers again. " +
      "Its exit codes: 1 without server, 2 without unit_id, 3 without token, 4 when the controller has another unit with this unit_id, 5 after five failures in a row, 6 when it runs already.",
    examples: [
      ["ns-plug status", "what the client is doing, and why"],
      ["ns-plug reset", "leave the controller"],
    ],
    actions: [
      {
        name: "status",
        summary: "registered, waiting, connected since; the reason of the last failure; the last push",
        examples: [["ns-plug status --json", "for scripts"]],
        load: async () => ({ run: (await import("./controller/run.ts")).runStatus }),
      },
      {
        name: "reset",
        summary: "leave the controller: account, configuration, VPN and log forwarding are removed",
        examples: [["ns-plug reset", "after it, set server, unit_id and token to join another one"]],
        load: async () => ({ run: (await import("./controller/run.ts")).runReset }),
      },
      {
        name: "metrics",
        textOnly: true,
        summary: "controller, jobs and alerts as OpenMetrics text",
        examples: [["ns-plug metrics", "for a collector that runs commands"]],
        load: () => import("./metrics.ts"),
      },
      {
        name: "alerts",
        summary: "who gets alerts: portal, mail, webhook; what waits to be sent",
        examples: [["ns-plug alerts", "with --json for scripts"]],
        load: async () => ({ run: (await import("./alerts/receivers-run.ts")).runAlerts }),
      },
      {
        name: "alert-mail",
        summary: "send alerts by mail, through the account of msmtp; needs no subscription",
        args: [{ name: "address", summary: "who gets them, or off", variadic: true }],
        options: [{ name: "from", value: "ADDRESS", summary: "the sender; default: that of msmtp's account" }],
        examples: [
          ["ns-plug alert-mail admin@example.org", "one address or more"],
          ["ns-plug alert-mail off", "no mails"],
        ],
        load: async () => ({ run: (await import("./alerts/receivers-run.ts")).runAlertMail }),
      },
      {
        name: "alert-webhook",
        summary: "post alerts to a web server, signed; needs no subscription",
        description:
          "The secret that signs them is asked for, or read from standard input, or made with --generate and shown once.",
        args: [{ name: "url", summary: "an https:// URL, or off" }],
        options: [{ name: "generate", summary: "make a secret and show it" }],
        examples: [
          ["ns-plug alert-webhook https://example.org/alerts --generate", "with a new secret"],
          ["ns-plug alert-webhook off", "none"],
        ],
        load: async () => ({ run: (await import("./alerts/receivers-run.ts")).runAlertWebhook }),
      },
      {
        name: "test-alert",
        summary: "send a test by mail and to the webhook, at once; exit code 1 if one does not take it",
        examples: [["ns-plug test-alert", "does it arrive?"]],
        load: async () => ({ run: (await import("./alerts/receivers-run.ts")).runTestAlert }),
      },
      {
        name: "apply-alerts",
        hidden: true,
        summary: "set up what follows from the receivers of alerts (the service runs it)",
        load: async () => ({ run: (await import("./alerts/receivers-run.ts")).runApplyAlerts }),
      },
      {
        name: "adopt",
        hidden: true,
        summary: "give a registered machine its cron lines (the package runs it, also in place of an older one)",
        load: async () => ({ run: (await import("./subscription/run.ts")).runAdopt }),
      },
    ],
    load: async () => ({ run: (await import("./controller/run.ts")).runDaemon }),
  },
  {
    name: "ns-controller-push-info",
    summary: "tell the controller the facts of this unit (OpenVPN runs it)",
    hidden: true,
    load: async () => ({ run: (await import("./reports/run.ts")).runPushInfo }),
  },
  {
    name: "ns-push-reports",
    summary: "tell the controller what happened since the last time",
    options: [spread],
    examples: [["ns-push-reports", "cron does it every 15 minutes"]],
    load: async () => ({ run: (await import("./reports/run.ts")).runPushReports }),
  },
];

const subscription: readonly Command[] = [
  {
    name: "register",
    summary: "register this machine with a subscription",
    args: [
      { name: "type", summary: "the plan: community or enterprise", values: ["community", "enterprise"] },
      { name: "secret", summary: "the secret of the portal" },
      timeout(180),
    ],
    examples: [
      ["register enterprise 1234567890abcdef", "enterprise subscription"],
      ["register community 1234567890abcdef", "community subscription"],
    ],
    load: async () => ({ run: (await import("./subscription/run.ts")).runRegister }),
  },
  {
    name: "unregister",
    summary: "give the subscription of this machine back",
    examples: [["unregister", "options, cron lines and alerts are removed"]],
    load: async () => ({ run: (await import("./subscription/run.ts")).runUnregister }),
  },
  {
    name: "send-heartbeat",
    summary: "tell the portal that this machine is alive",
    options: [spread],
    examples: [["send-heartbeat", "cron does it every ten minutes"]],
    load: async () => ({ run: (await import("./subscription/run.ts")).runSendHeartbeat }),
  },
  {
    name: "send-inventory",
    summary: "send the inventory to the portal",
    options: [spread],
    examples: [["send-inventory", "cron does it every night"]],
    load: async () => ({ run: (await import("./subscription/run.ts")).runSendInventory }),
  },
  {
    name: "inventory",
    summary: "print what this machine is and what it is used for, as JSON",
    examples: [["inventory | jq .networks", "only the networks"]],
    load: async () => ({ run: (await import("./subscription/run.ts")).runInventory }),
  },
  {
    name: "subscription-info",
    summary: "print what the portal knows of this machine, as JSON",
    args: [timeout(20)],
    examples: [["subscription-info 10 | jq -r .uuid", "empty when this machine is not registered"]],
    load: async () => ({ run: (await import("./subscription/run.ts")).runSubscriptionInfo }),
  },
];

const file = { name: "file", summary: "its name, as `remote-backup list` prints it" } as const;

const backup: readonly Command[] = [
  {
    name: "remote-backup",
    summary: "the backups that the portal keeps for this machine",
    examples: [
      ["remote-backup download $(remote-backup list | jq -r .[0].file) - | sysupgrade -r -", "restore the latest one"],
    ],
    actions: [
      {
        name: "list",
        summary: "the backups, the newest first: JSON, or a table on a terminal",
        examples: [["remote-backup list | jq -r .[0].file", "name of the latest one"]],
        load: async () => ({ run: (await import("./backup/run.ts")).runList }),
      },
      {
        name: "download",
        summary: "fetch one; complete or not at all",
        args: [
          file,
          { name: "output", summary: "file to write; - is standard output; default: its own name", optional: true },
        ],
        examples: [["remote-backup download backup.tar.gz /tmp/backup.tar.gz", "to a file"]],
        load: async () => ({ run: (await import("./backup/run.ts")).runDownload }),
      },
      {
        name: "restore",
        summary: "fetch one and restore it; with /etc/backup.pass only what was encrypted with that passphrase",
        description:
          "Without <file> it is the newest. Nothing is restored that is damaged, that is not whole, or, with a passphrase, that gpg did not decrypt and find " +
          "intact. Restart the machine afterwards.",
        args: [{ ...file, optional: true }],
        options: [
          { name: "plain", summary: "an archive that is not encrypted, although this machine has a passphrase" },
        ],
        examples: [["remote-backup restore", "the newest one"]],
        load: async () => ({ run: (await import("./backup/run.ts")).runRestore }),
      },
      {
        name: "upload",
        summary: "send a file under its own name",
        args: [{ name: "file", summary: "path of the file" }],
        examples: [["remote-backup upload /tmp/backup.tar.gz", "send it"]],
        load: async () => ({ run: (await import("./backup/run.ts")).runUpload }),
      },
      {
        name: "delete",
        summary: "remove one from the portal",
        args: [file],
        examples: [["remote-backup delete backup.tar.gz", "remove it"]],
        load: async () => ({ run: (await import("./backup/run.ts")).runDelete }),
      },
    ],
  },
  {
    name: "send-backup",
    summary: "send the configuration to the portal, if it changed",
    description:
      "With /etc/backup.pass only the encrypted form (gpg, symmetric) leaves the machine. Without it the archive is sent as it is, and the " +
      "alert backup:config:notencrypted is raised.",
    options: [spread, { name: "force", summary: "also when nothing changed since the last delivery" }],
    examples: [["send-backup", "cron does it every night"]],
    load: async () => ({ run: (await import("./backup/run.ts")).runSendBackup }),
  },
];

const alerts: readonly Command[] = [
  {
    name: "send-alert",
    summary: "send an alert to the portal, by mail and to the webhook; what cannot be sent now is sent later",
    description:
      "Without a subscription, and without other receivers (ns-plug alerts), nothing is sent. Exit code 1: the alert waits for one of them and is tried again by cron.",
    args: [
      { name: "alert_id", summary: "e.g. df:root:percent_bytes:free", optional: true },
      { name: "status", summary: "FAILURE or OK", values: ["FAILURE", "OK"], optional: true },
    ],
    options: [
      { name: "again", summary: "also when the portal was told the same before" },
      { name: "except-portal", summary: "by mail and to the webhook only" },
      { name: "deliver", summary: "only try again what waits (cron)" },
      spread,
      { name: "forget", summary: "forget what was delivered, keep what waits" },
      { name: "netdata", summary: "the arguments are a chart and a status of netdata" },
    ],
    examples: [["send-alert wan:wanb:down FAILURE", "raise it"]],
    load: async () => ({ run: (await import("./alerts/run.ts")).runSendAlert }),
  },
  {
    name: "send-mwan-alert",
    summary: "hook of mwan3: a WAN went down or came back",
    path: "/usr/libexec/mwan-hooks/send-mwan-alert",
    hidden: true,
    load: async () => ({ run: (await import("./alerts/run.ts")).runSendMwanAlert }),
  },
  {
    name: "ns-plug-alert-proxy",
    summary: "takes the alerts of vmalert at 127.0.0.1:9095 (a service)",
    hidden: true,
    load: async () => ({ run: (await import("./alerts/run.ts")).runAlertProxy }),
  },
];

const updates: readonly Command[] = [
  {
    name: "ns-download",
    summary: "download and verify a firmware image",
    description: "Prints the path of the image. Without --latest it is the release that runs.",
    examples: [["ns-download -l", "the newest release"]],
    options: [
      { name: "latest", short: "l", summary: "the newest release" },
      { name: "force", short: "f", summary: "throw away what was downloaded before" },
    ],
    path: "/usr/bin/ns-download",
    load: async () => ({ run: (await import("./updates/run.ts")).runDownload }),
  },
  {
    name: "update-packages",
    summary: "install the newest version of every package that has one",
    description:
      "Fetches the feeds' lists and upgrades one package at a time, with opkg or apk. What it does is in the log under the tag update-packages, and on stderr.",
    textOnly: true,
    examples: [["update-packages", "cron does it at night when automatic updates are enabled"]],
    load: async () => ({ run: (await import("./updates/run.ts")).runUpdatePackages }),
  },
  {
    name: "distfeed-setup",
    summary: "write the package manager's feeds for this release and subscription",
    textOnly: true,
    examples: [["distfeed-setup", "the first start after an upgrade, register and unregister do it"]],
    load: async () => ({ run: (await import("./updates/run.ts")).runFeeds }),
  },
];

const rpcd = (name: string, load: NonNullable<Command["load"]>): Command => ({
  name,
  summary: `rpcd plugin ${name}`,
  path: `/usr/libexec/rpcd/${name}`,
  raw: true,
  hidden: true,
  load,
});

export const commands: readonly Command[] = [
  ...controller,
  ...subscription,
  ...backup,
  ...alerts,
  ...updates,
  rpcd("ns.plug", () => import("./rpcd/ns-plug.ts")),
  rpcd("ns.subscription", () => import("./rpcd/ns-subscription.ts")),
  rpcd("ns.backup", () => import("./rpcd/ns-backup.ts")),
];
