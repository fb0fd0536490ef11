/** `/metrics`: the daemon's last written status in OpenMetrics form. Pure. */
import type { Metric } from "@nethsec/host/metrics";
import type { SeenStatus } from "../store/daemon-status.ts";

/** `now`: wall clock, milliseconds. Without a status the only metric is "down": the daemon never ran here. */
export function reportMetrics(status: SeenStatus | undefined, now: number): Metric[] {
  const gauge = (name: string, help: string, value: number, unit?: string): Metric => ({
    name: `nethsec_report_${name}`,
    help,
    type: "gauge",
    ...(unit === undefined ? {} : { unit }),
    samples: [{ value }],
  });
  const counter = (name: string, help: string, samples: Metric["samples"], unit?: string): Metric => ({
    name: `nethsec_report_${name}`,
    help,
    type: "counter",
    ...(unit === undefined ? {} : { unit }),
    samples,
  });
  const connected = gauge(
    "connected",
    "1 when dpireport is connected to the DPI engine",
    status?.running === true && status.connected ? 1 : 0,
  );
  const running = gauge("running", "1 when dpireport is running", status?.running === true ? 1 : 0);
  if (status === undefined) return [running, connected];
  return [
    running,
    connected,
    counter("events", "Events read from the DPI engine since dpireport started", [{ value: status.events }]),
    counter("malformed", "Lines that were not events since dpireport started", [{ value: status.malformed }]),
    counter(
      "attributed_bytes",
      "Bytes attributed to a client since dpireport started",
      [{ value: status.bytes }],
      "bytes",
    ),
    ...(status.download === undefined || status.upload === undefined
      ? []
      : [
          counter(
            "direction_bytes",
            "Bytes to (download) and from (upload) clients since dpireport started, as far as the DPI engine tells; their sum is attributed_bytes at most",
            [
              { labels: { direction: "download" }, value: status.download },
              { labels: { direction: "upload" }, value: status.upload },
            ],
            "bytes",
          ),
        ]),
    counter(
      "unattributed_bytes",
      "Bytes that belong to no client since dpireport started",
      Object.entries(status.unattributed).map(([reason, value]) => ({ labels: { reason }, value })),
      "bytes",
    ),
    gauge("waiting_bytes", "Bytes of live flows that wait for an identity", status.waiting, "bytes"),
    gauge("flows", "Flows in the table", status.flows),
    gauge("clients", "Clients with traffic in the current hour", status.clients),
    gauge("lag_seconds", "Between an event's own time stamp and its arrival", status.lag / 1000, "seconds"),
    gauge("memory_bytes", "Resident memory of dpireport at its last status", status.memory, "bytes"),
    gauge("dump_duration_seconds", "How long the last dump took", status.dump_took / 1000, "seconds"),
    gauge("dump_failed", "1 when the last dump could not be written", status.dump_error === undefined ? 0 : 1),
    gauge(
      "status_age_seconds",
      "Since dpireport last wrote its status",
      Math.max(0, now - status.written) / 1000,
      "seconds",
    ),
    gauge("start_time_seconds", "When dpireport started, Unix time", status.started / 1000, "seconds"),
    ...(status.last_dump === undefined
      ? []
      : [
          gauge(
            "last_dump_timestamp_seconds",
            "When everything was last written, Unix time",
            status.last_dump / 1000,
            "seconds",
          ),
        ]),
    ...(status.last_event === undefined
      ? []
      : [
          gauge(
            "last_event_timestamp_seconds",
            "When the last event arrived, Unix time",
            status.last_event / 1000,
            "seconds",
          ),
        ]),
  ];
}
