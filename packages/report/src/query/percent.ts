/** Shares as people read them. Pure. */

/** "12%", "0.4%", "<0.1%". */
export function percent(share: number): string {
  if (share >= 9.95) return `${Math.round(share)}%`;
  return share > 0 && share < 0.05 ? "<0.1%" : `${share.toFixed(1)}%`;
}
