/** Alert rules and dashboard with a real Prometheus that scrapes the real `/metrics`, in a separate network namespace. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { paced } from "../../packages/host/src/testing/pace.ts";

setDefaultTimeout(paced(90_000));

const checkout = dirname(dirname(import.meta.dirname));
const folder = mkdtempSync(join(tmpdir(), "nethsec-prometheus-"));
const rules = join(checkout, "system/prometheus/nethsec.rules.yml");
const dashboardText = readFileSync(join(checkout, "system/grafana/nethsec.json"), "utf8");

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}
const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(dashboardText);

/** A dashboard's expression as Grafana would send it. */
const filled = (expr: string): string => expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m");
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => filled(expr)));

beforeAll(() => {
  cpSync(rules, join(folder, "nethsec.rules.yml"));
  cpSync(join(import.meta.dirname, "rules.test.yml"), join(folder, "rules.test.yml"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("each alert fires for what it is meant for, after its time", () => {
  const child = Bun.spawnSync(["promtool", "test", "rules", join(folder, "rules.test.yml")], {
    timeout: paced(20_000),
  });
  expect(child.stdout.toString() + child.stderr.toString()).toContain("SUCCESS");
  expect(child.exitCode).toBe(0);
});

test("Prometheus reads /metrics, accepts the rules, and answers every question of the dashboard", () => {
  writeFileSync(
    join(folder, "prometheus.yml"),
    "global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [nethsec.rules.yml]\nscrape_configs:\n" +
      "  - { job_name: nethsec, static_configs: [{ targets: ['127.0.0.1:8098'] }] }\n" +
      // Replaces a textfile collector.
      "  - { job_name: ns-plug, metrics_path: /ns-plug.prom, static_configs: [{ targets: ['127.0.0.1:8091'] }] }\n" +
      "  - { job_name: ns-ha, metrics_path: /ns-ha.prom, static_configs: [{ targets: ['127.0.0.1:8091'] }] }\n",
  );
  const questions = expressions.map((expr) => `ask ${Bun.$.escape(expr)}`).join("\n");
  writeFileSync(
    join(folder, "script"),
    `set -eu
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p reports text layer /run/ns-plug
mount -t tmpfs tmpfs layer
mkdir layer/upper layer/work
mount -t overlay -o lowerdir=/etc,upperdir=layer/upper,workdir=layer/work overlay /etc
mkdir -p /etc/config
cat >/etc/config/ns-plug <<CONFIG
config main 'config'
	option server 'https://controller.example.org'
	option unit_id 'unit'
	option token 'token'
	option type 'enterprise'
	option system_id 'id'
	option secret 'secret'
CONFIG
echo '{"pid":1,"phase":"waiting","since":1767225600000}' >/run/ns-plug/state.json
"$NETHSEC" ns-plug metrics >text/ns-plug.prom
"$NETHSEC" ns-ha metrics >text/ns-ha.prom
busybox httpd -p 127.0.0.1:8091 -h text
DUMP_PATH=$PWD/reports DUMP_TIMEOUT=1 NETIFYD_SOCKET=/run/nothing "$NETHSEC" dpireport >daemon 2>&1 &
DUMP_PATH=$PWD/reports "$NETHSEC" ns-report serve >serve 2>&1 &
prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:9090 >prometheus.log 2>&1 &
ask() { curl --silent --max-time 5 --get http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1"; echo; }
tries=300
until ask nethsec_report_events_total | grep -q '"value"' && ask nethsec_ha_agent_up | grep -q '"value"' &&
	ask 'nethsec_plug_controller_phase{phase="waiting"} == 1' | grep -q '"value"'; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || { cat daemon serve prometheus.log; curl -s http://127.0.0.1:8098/metrics; exit 1; }
	sleep 0.1
done
${questions}
curl --silent --max-time 5 http://127.0.0.1:9090/api/v1/rules | tr ',' '\\n' | grep -c '"health":"ok"'
curl --silent --max-time 5 http://127.0.0.1:8098/metrics >metrics
`,
  );
  const child = Bun.spawnSync(
    ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "script"],
    {
      cwd: folder,
      timeout: paced(60_000),
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, NETHSEC: join(checkout, "dist/nethsec") },
    },
  );
  const printed = child.stdout.toString();
  expect(`${child.exitCode} ${child.exitCode === 0 ? "" : printed + child.stderr.toString()}`).toBe("0 ");
  const answers = printed.trim().split("\n");
  expect(answers.filter((line) => line.startsWith('{"status":"success"'))).toHaveLength(expressions.length);
  expect(Number(answers.at(-1))).toBe(readFileSync(rules, "utf8").match(/- alert:/g)?.length ?? -1);

  // All metrics in rules and dashboard exist: ns-report's as served, ns-plug's as printed, ns-ha's by its source code.
  const exported =
    readFileSync(join(folder, "metrics"), "utf8") +
    readFileSync(join(folder, "text/ns-plug.prom"), "utf8") +
    readFileSync(join(checkout, "packages/ha/src/agent/metrics.ts"), "utf8");
  const asked = new Set((readFileSync(rules, "utf8") + dashboardText).match(/nethsec_(report|ha|plug)_[a-z_]+/g));
  // The list of instances uses a name pattern.
  asked.delete("nethsec_ha_");
  const there = new Set(exported.match(/nethsec_[a-z_]+/g));
  expect([...asked].filter((name) => !there.has(name))).toEqual([]);
});
