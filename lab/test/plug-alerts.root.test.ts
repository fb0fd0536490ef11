/** Alerts sent to the portal: disk space (netdata), WANs (mwan3), and a queue that survives a portal outage and a reboot. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Fleet, secrets } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(200_000));

const firewall = "primary";
let lab: Lab;
let fleet: Fleet;
const table: string[] = [];

beforeAll(async () => {
  lab = await Lab.up({ name: `pluga${process.pid}` });
  fleet = new Fleet(lab);
  await lab.sh(firewall, `register enterprise ${secrets.enterprise}`);
});
afterAll(async () => {
  console.log(["", "trouble | what the portal was told | ms", ...table, ""].join("\n"));
  await lab?.down();
});

/** Statuses of one alert that the portal received, in order. */
const told = async (id: string): Promise<string> =>
  (await fleet.portal("alerts"))
    .filter(({ alert_id }) => alert_id === id)
    .map(({ status }) => status)
    .join(" ");
async function untilTold(id: string, statuses: string, timeoutMs: number): Promise<number> {
  const started = performance.now();
  await until(async () => (await told(id)) === statuses, { what: `${id}: ${statuses}`, timeoutMs, everyMs: 200 });
  return Math.round(performance.now() - started);
}

/** netdata checks every second instead of every minute, without delays; thresholds as in NethSecurity. */
const netdataConf = `[db]
mode = ram
retention = 120
[ml]
enabled = no
[plugins]
${["apps", "cgroups", "tc", "python.d", "go.d", "charts.d", "ebpf", "perf", "slabinfo", "timex", "idlejitter"].map((name) => `${name} = no`).join("\n")}
enable running new plugins = no
[web]
mode = none
[statsd]
enabled = no
[health]
run at least every seconds = 1
`;
const diskAlarm = `template: disk_space_usage
on: disk.space
calc: $used * 100 / ($avail + $used)
units: %
every: 1s
warn: $this > 90
crit: $this > 98
to: sysadmin
`;

test("a full disk is told though nothing can be queued on it; freed, that is told too; both are in the log", async () => {
  await lab.sh(
    firewall,
    `mkdir -p /etc/netdata/health.d; cat >/etc/netdata/netdata.conf <<'X'\n${netdataConf}X\ncat >/etc/netdata/health.d/disks.conf <<'X'\n${diskAlarm}X\n/etc/init.d/netdata start`,
  );
  // Wait for netdata's first check, the reference for later changes.
  await until(async () => (await lab.sh(firewall, "grep -c disk_space /var/log/netdata/health.log || true")) !== "0", {
    what: "netdata has looked at the disk",
    timeoutMs: 60_000,
    everyMs: 300,
  });
  const id = "df:root:percent_bytes:free";
  const before = await told(id);
  const then = (status: string): string => `${before} ${status}`.trim();
  await lab.fillDisk(firewall, "/root");
  try {
    table.push(`disk full | FAILURE | ${await untilTold(id, then("FAILURE"), 60_000)}`);
  } finally {
    await lab.freeDisk(firewall, "/root"); // the next test needs it
  }
  table.push(`disk freed | OK | ${await untilTold(id, then("FAILURE OK"), 60_000)}`);
  await until(
    async () =>
      /CRITICAL[\s\S]*CLEAR/.test(await lab.sh(firewall, "grep 'netdata.*disk_space' /var/log/messages || true")),
    { what: "both ends of the alert are in the log" },
  );
  expect((await fleet.portal("alerts")).every(({ alert_id }) => alert_id === id)).toBe(true);
  await lab.sh(firewall, "/etc/init.d/netdata stop");
});

test("while the portal is away: in order of the newest change, each state once, also from many at once", async () => {
  await fleet.portalFault("500");
  const send = (id: string, status: string): Promise<number | null> =>
    lab.exec(firewall, ["send-alert", id, status], { ok: "any" }).then(({ code }) => code);
  expect(await send("one", "FAILURE")).toBe(1);
  for (const [id, status] of [
    ["two", "FAILURE"],
    ["one", "OK"],
    ["three", "FAILURE"],
    ["three", "FAILURE"],
  ] as const)
    await send(id, status);
  await fleet.portalFault("none");
  const codes = await Promise.all(["four", "four", "four", "four"].map((id) => send(id, "FAILURE")));
  expect(codes).toEqual([0, 0, 0, 0]);
  await send("three", "FAILURE");
  const sent = (await fleet.portal("alerts")).filter(({ alert_id }) => /^(one|two|three|four)$/.test(alert_id));
  expect(sent.map(({ alert_id, status }) => `${alert_id} ${status}`)).toEqual([
    "two FAILURE",
    "one OK",
    "three FAILURE",
    "four FAILURE",
  ]);
  const wanted = sent.map(({ alert_id, status }) => `alert ${alert_id} ${status} was sent`).join("\n");
  const logged = "grep -oE 'alert (one|two|three|four) [A-Z]+ was sent' /var/log/messages || true";
  await until(async () => (await lab.sh(firewall, logged)) === wanted, { what: "all of them are in the log" });
});

test("a WAN that comes back within 30 seconds was not down", async () => {
  await lab.cut(firewall, "wan2");
  await until(async () => (await lab.sh(firewall, "cat /var/run/mwan3track/wan2/STATUS")) === "offline", {
    what: "mwan3 has noticed",
    timeoutMs: 60_000,
    everyMs: 200,
  });
  await lab.heal(firewall, "wan2");
  await untilTold("wan:wan2:down", "OK", 25_000);
  expect(
    await lab.sh(
      firewall,
      "grep -c 'mwan3-alert: Sending alert wan:wan2:down with status FAILURE' /var/log/messages || true",
    ),
  ).toBe("0");
});

test("one that stays away is told after 30 seconds; queued on disk, the alert outlives a reboot; healed, that is told", async () => {
  const log = (status: string): Promise<string> =>
    lab.sh(
      firewall,
      `grep -cE '^... .. ..:..:.. NethSec mwan3-alert: Sending alert wan:wan2:down with status ${status}$' /var/log/messages || true`,
    );
  const id = "wan:wan2:down";
  const before = await told(id);
  await fleet.portalFault("500");
  await lab.cut(firewall, "wan2");
  const started = performance.now();
  await until(async () => (await log("FAILURE")) === "1", {
    what: "the alert is logged",
    timeoutMs: 60_000,
    everyMs: 300,
  });
  const afterMs = Math.round(performance.now() - started);
  expect(afterMs).toBeGreaterThan(30_000);
  table.push(`WAN cut | FAILURE, 30 s after mwan3 noticed | ${afterMs}`);
  await until(
    async () => (await lab.sh(firewall, "cat /etc/ns-plug/alerts/wan*wan2*")).includes('"wanted":"FAILURE"'),
    { what: "it is queued on disk" },
  );
  await lab.kill(firewall);
  await lab.boot(firewall);
  await fleet.portalFault("none");
  await lab.exec(firewall, ["send-heartbeat"]);
  expect(await told(id)).toBe(`${before} FAILURE`);
  table.push(
    `portal away, then a power cut | FAILURE with the first heartbeat | ${Math.round(performance.now() - started)}`,
  );
  await until(async () => (await lab.sh(firewall, "cat /var/run/mwan3track/wan2/STATUS")) === "offline", {
    what: "mwan3 has noticed again",
    timeoutMs: 60_000,
    everyMs: 200,
  });
  await lab.heal(firewall, "wan2");
  table.push(`WAN healed | OK | ${await untilTold(id, `${before} FAILURE OK`, 40_000)}`);
  expect(await log("OK")).toBe("1");
});

/**
 * vmalert itself is not in Debian. Prometheus speaks to its notifiers as vmalert does (Alertmanager's API v2), evaluates the same rules, and takes the
 * place of its database too: a recording rule says what telegraf would have measured.
 */
test("the service that takes vmalert's alerts: started where vmalert is, restarted when killed, both ends of an alert are told", async () => {
  const measured = (online: 0 | 1): string =>
    JSON.stringify({
      groups: [
        {
          name: "telegraf",
          interval: "1s",
          rules: [{ record: "mwan_interface_online", expr: `vector(${online})`, labels: { interface: "fibre" } }],
        },
      ],
    });
  const prometheus = {
    global: { evaluation_interval: "1s" },
    alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:9095"] }] }] },
    rule_files: ["/tmp/rules/*.yaml"],
  };
  const service = "/etc/init.d/ns-plug-alert-proxy";
  const runs = `pgrep -f '^/usr/sbin/ns-plug-alert-proxy' || true`;
  await lab.sh(firewall, `rm -f /usr/bin/vmalert; ${service} restart`);
  expect(await lab.sh(firewall, runs)).toBe("");
  await lab.sh(
    firewall,
    `printf '#!/bin/sh\\n' >/usr/bin/vmalert; chmod 755 /usr/bin/vmalert; ${service} restart
mkdir -p /tmp/rules; sed 's/: 5m/: 1s/' /etc/vmalert/rules/mwan.yaml >/tmp/rules/mwan.yaml
cat >/tmp/rules/measured.yaml <<'X'\n${measured(0)}\nX\ncat >/tmp/prometheus.yaml <<'X'\n${JSON.stringify(prometheus)}\nX`,
  );
  const running = async (other: string): Promise<string> =>
    until(
      async () => {
        const pid = await lab.sh(firewall, runs);
        return pid !== "" && pid !== other ? pid : undefined;
      },
      { what: "the service runs", timeoutMs: 30_000 },
    );
  const first = await running("");
  await lab.sh(
    firewall,
    "prometheus --config.file=/tmp/prometheus.yaml --rules.alert.resend-delay=5s --storage.tsdb.path=/tmp/tsdb --web.listen-address=127.0.0.1:9190 >/tmp/prometheus.log 2>&1 & echo $! >/tmp/prometheus.pid",
  );
  const id = "wan:fibre:down";
  table.push(`vmalert: WanDown | FAILURE | ${await untilTold(id, "FAILURE", 90_000)}`);
  await lab.sh(firewall, `kill -9 ${first}`);
  expect(await running(first)).not.toBe(first);
  await lab.sh(
    firewall,
    `cat >/tmp/rules/measured.yaml <<'X'\n${measured(1)}\nX\nkill -HUP $(cat /tmp/prometheus.pid)`,
  );
  table.push(`vmalert: the WAN is back | OK | ${await untilTold(id, "FAILURE OK", 90_000)}`);
  await lab.sh(firewall, "kill $(cat /tmp/prometheus.pid)");
});
