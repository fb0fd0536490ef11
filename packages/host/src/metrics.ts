/** OpenMetrics text (the OpenMetrics specification, version 1.0.0): what `/metrics` pages and `--metrics` options print. Pure. */

export interface Metric {
  /** Without the suffix of its type: "nethsec_report_events", not "…_total". */
  readonly name: string;
  readonly help: string;
  /** "info": facts as labels, value 1. */
  readonly type: "gauge" | "counter" | "info";
  /** Must be the last part of the name, e.g. "bytes", "seconds". */
  readonly unit?: string;
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** The content type of this text. */
export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const suffixes = { gauge: "", counter: "_total", info: "_info" } as const;

/** Ends with `# EOF`. An invalid or repeated name or a negative counter is a programming error. */
export function openMetrics(metrics: readonly Metric[]): string {
  const names = new Set<string>();
  const families = metrics.map((metric) => {
    check(metric, names);
    return family(metric);
  });
  return `${families.join("")}# EOF\n`;
}

function check({ name, type, unit, samples }: Metric, names: Set<string>): void {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || /_(total|info)$/.test(name))
    throw new Error(`not the name of a metric: ${name}`);
  if (names.has(name)) throw new Error(`the metric ${name} is there twice`);
  names.add(name);
  if (unit !== undefined && (type === "info" || !name.endsWith(`_${unit}`)))
    throw new Error(`the name ${name} does not end in its unit ${unit}`);
  for (const { labels = {}, value } of samples) {
    if (type === "counter" && !(value >= 0)) throw new Error(`the counter ${name} is ${value}`);
    for (const label of Object.keys(labels))
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) throw new Error(`not the name of a label: ${label}`);
  }
}

function family({ name, help, type, unit, samples }: Metric): string {
  const head = [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escape(help)}`,
  ];
  const lines = samples.map(({ labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
    return `${name}${suffixes[type]}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${number(value)}`;
  });
  return [...head, ...lines].map((line) => `${line}\n`).join("");
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
