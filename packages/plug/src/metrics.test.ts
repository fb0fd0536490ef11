import { expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import { openMetrics } from "@nethsec/host/metrics";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { queueAlert } from "./alerts/queue.ts";
import { writeState } from "./controller/state.ts";
import { plugMetrics } from "./metrics.ts";
import { setAside } from "./reports/refusals.ts";
import { recordOutcome } from "./cron/outcome.ts";

const config = `config main 'config'
	option server 'https://c.example'
	option unit_id 'u'
	option token 'the-token'
	option tls_verify '0'
	option type 'enterprise'
	option system_id 'id'
	option secret 'the-secret'
`;
const values = (text: string): string[] => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("a machine with nothing set up says so", () => {
  using host = fakeHost();
  const lines = values(openMetrics(plugMetrics(host)));
  expect(lines).toContain('nethsec_plug_controller_phase{phase="unregistered"} 1');
  expect(lines.filter((line) => line.endsWith(" 1"))).toEqual([
    'nethsec_plug_controller_phase{phase="unregistered"} 1',
    "nethsec_plug_controller_tls_verify 1",
  ]);
});

test("phase, jobs, alerts and encryption of a unit; no secret is in it", async () => {
  using host = fakeHost({
    now: 1_800_000_000_000,
    files: {
      "/etc/config/ns-plug": config,
      "/proc/4242/stat": "",
      "/tmp/inventory-sent.json": '{"status":"success","last_attempt":"2026-11-22T03:00:00.000Z"}',
    },
  });
  writeState(host.files, { pid: 4242, phase: "connected", since: 1_700_000_000_999, address: "172.21.0.2" });
  await recordOutcome(host, "heartbeat", async () => undefined);
  await host.clock.advance(600_000);
  const failing = recordOutcome(host, "heartbeat", async () => {
    throw new NethsecError({ code: "x", message: "no route" });
  });
  await expect(failing).rejects.toThrow("no route");
  queueAlert(host, "wan:wan:down", "FAILURE");
  for (let times = 0; times < 2; times += 1) setAside(host, "dump-dpi-stats", { host: "a\0" }, "400");
  const text = openMetrics(plugMetrics(host));
  expect(values(text).filter((line) => !line.includes("controller_phase{"))).toEqual([
    "nethsec_plug_controller_connected 1",
    "nethsec_plug_controller_phase_timestamp_seconds 1700000000",
    "nethsec_plug_controller_tls_verify 0",
    'nethsec_plug_subscription{plan="community"} 0',
    'nethsec_plug_subscription{plan="enterprise"} 1',
    'nethsec_plug_job_ok{job="heartbeat"} 0',
    'nethsec_plug_job_ok{job="inventory"} 1',
    'nethsec_plug_job_success_timestamp_seconds{job="heartbeat"} 1800000000',
    `nethsec_plug_job_success_timestamp_seconds{job="inventory"} ${Date.UTC(2026, 10, 22, 3) / 1000}`,
    'nethsec_plug_report_rows_refused_total{dump="dump-dpi-stats"} 1',
    "nethsec_plug_alerts_waiting 1",
    "nethsec_plug_backup_encrypted 0",
  ]);
  expect(text).toContain('nethsec_plug_controller_phase{phase="connected"} 1\n');
  expect(text).not.toMatch(/the-secret|the-token/);
  host.files.write("/etc/backup.pass", "x\n");
  host.files.remove("/proc/4242", { recursive: true });
  const later = openMetrics(plugMetrics(host));
  expect(later).toContain("nethsec_plug_backup_encrypted 1\n");
  expect(later).toContain('nethsec_plug_controller_phase{phase="stopped"} 1\n');
});
