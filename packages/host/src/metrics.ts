/** OpenMetrics text (openmetrics.io, version 1.0.0): what `/metrics` pages and `--metrics` options print. Pure. */

export interface Metric {
  /** Without the suffix of its type: "nethsec_report_events", not "…_total". */
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "info";
  /** Must be the name's ending, e.g. "bytes", "seconds". */
  readonly unit?: string;
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** The content type to serve it with. */
export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export declare function openMetrics(metrics: readonly Metric[]): string;
