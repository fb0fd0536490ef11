/** Tests the vmalert rules with Prometheus' promtool (same rule language): each alert read by ns-plug-alert-proxy fires on telegraf's metrics. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { paced } from "../../packages/host/src/testing/pace.ts";

const rules = join(dirname(dirname(import.meta.dirname)), "system/openwrt/etc/vmalert/rules");
const folder = mkdtempSync(join(tmpdir(), "nethsec-vmalert-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const promtool = (...words: readonly string[]): string => {
  const child = Bun.spawnSync(["promtool", ...words], { timeout: paced(20_000), cwd: folder });
  return `${child.exitCode} ${child.stdout.toString()}${child.stderr.toString()}`;
};

/** Alert → telegraf metrics that must raise it, and the labels by which the receiver identifies it. */
const cases = [
  ["WanDown", ['mwan_interface_online{interface="wan2"}', "0"], { interface: "wan2" }],
  ["DiskSpaceCritical", ['disk_used{path="/"}', "95", 'disk_total{path="/"}', "100"], { path: "/" }],
  ["StorageStatus", ["storage_status_error", "1"], {}],
  ["HaPrimaryFailed", ['ha_alert_primary_failed_event{role="backup"}', "1"], { role: "backup" }],
  ["HaSyncFailed", ['ha_alert_sync_failed_event{role="primary"}', "1"], { role: "primary" }],
] as const;

test.each(cases)("%s is valid and fires", (name, series, labels) => {
  const input_series = [];
  for (let at = 0; at < series.length; at += 2)
    input_series.push({ series: series[at], values: `${series[at + 1] ?? ""}+0x60` });
  const alerts = promtool("check", "rules", ...new Bun.Glob(`${rules}/*.yaml`).scanSync({ absolute: true }));
  expect(alerts).toStartWith("0 ");
  // Query only the labels that the receiver reads; an alert may have others.
  const wanted = Object.entries({ alertname: name, alertstate: "firing", ...labels }).map(
    ([label, text]) => `${label}="${text}"`,
  );
  writeFileSync(
    join(folder, "case.json"),
    JSON.stringify({
      rule_files: [`${rules}/*.yaml`],
      evaluation_interval: "1m",
      tests: [
        {
          interval: "1m",
          input_series,
          promql_expr_test: [
            { expr: `count(ALERTS{${wanted.join(",")}})`, eval_time: "30m", exp_samples: [{ labels: "{}", value: 1 }] },
          ],
        },
      ],
    }),
  );
  expect(promtool("test", "rules", "case.json")).toContain("SUCCESS");
});
