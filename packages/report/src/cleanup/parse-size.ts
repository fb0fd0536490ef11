/** Sizes and percentages as people type them. Pure. */
import { UsageError } from "@nethsec/host/error";

/** "500000", "200K", "50M", "2G", "50MiB" → bytes (powers of 1024). Throws {@link UsageError}. */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})(?:([KMGT])(?:i?B)?)?$/i.exec(text);
  const bytes = Number(match?.[1]) * 1024 ** (1 + "KMGT".indexOf(match?.[2]?.toUpperCase() ?? "-"));
  if (match === null || !Number.isSafeInteger(bytes)) {
    throw new UsageError(`"${text}" is not a size.`, "Give bytes, or a number with K, M, G or T, such as 50M.");
  }
  return bytes;
}

/** "1", "2.5", "10%" → percent, over 0 and up to 100. Throws {@link UsageError}. */
export function parsePercent(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,3})?)%?$/.exec(text);
  const percent = Number(match?.[1]);
  if (match === null || percent <= 0 || percent > 100) {
    throw new UsageError(`"${text}" is not a percentage.`, "Give a number over 0 and up to 100, such as 1 or 2.5.");
  }
  return percent;
}
