/** "20261122T013000Z": a moment (ms since 1970) as part of a file name that sorts by time. */
export const isoStamp = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");
