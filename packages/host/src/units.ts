/** Durations and sizes in human-readable form. Pure. */

/** "0.42 s", "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h"; milliseconds in. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  const seconds = ms / 1000;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pair = (big: number, bigName: string, small: number, smallName: string): string =>
    small === 0 ? `${big} ${bigName}` : `${big} ${bigName} ${small} ${smallName}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(seconds / 3600);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const durationMaxMs = 366 * 86_400_000;

/** "90s", "90m", "2h", "1h30m", "1d" in milliseconds; undefined for anything else and for more than a year. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}[smhd])+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  const ms = parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (unitMs[unit] ?? 0), 0);
  return ms > durationMaxMs ? undefined : ms;
}

const prefixes = ["", "K", "M", "G", "T", "P"];

/** "512 B", "1.5 KiB", "23 MiB": powers of 1024, three significant digits at most. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, (prefix) => (prefix === "" ? "B" : `${prefix}iB`));
}

/** "950 bit/s", "1.2 Mbit/s": powers of 1000, as usual for line speeds. */
export function formatBitRate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, 1000, (prefix) => `${prefix === "K" ? "k" : prefix}bit/s`);
}

function scaled(value: number, base: number, unit: (prefix: string) => string): string {
  if (value < 0) return `-${scaled(-value, base, unit)}`;
  let index = 0;
  let rest = value;
  while (Number(significant(rest)) >= base && index < prefixes.length - 1) {
    rest /= base;
    index += 1;
  }
  return `${significant(rest)} ${unit(prefixes[index] ?? "")}`;
}

function significant(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(value >= 9.95 ? 0 : 1).replace(/\.0$/, "");
}
