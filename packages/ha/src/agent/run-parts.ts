/** Life cycle of the agent's parts: starts them one by one, runs ticks and loops concurrently until the signal aborts, then stops them in reverse. */
import type { Host } from "@nethsec/host/host";
import type { AgentPart, Tick } from "./agent-part.ts";

/** Settles when every loop has ended. Rethrows errors of `start` and `run`; always calls `stop` of all parts. */
export async function runParts(
  parts: readonly AgentPart[],
  host: Pick<Host, "clock" | "log">,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const end = AbortSignal.any([signal, ended.signal]);
  try {
    for (const part of parts) await part.start?.();
    await Promise.all([
      ...parts.map((part) => part.run?.(end)),
      ...parts.map(({ tick }) => (tick === undefined ? undefined : tickRegularly(tick, host, end))),
    ]);
  } finally {
    ended.abort(new Error("the agent stops"));
    for (const part of [...parts].reverse()) await guarded(host, () => part.stop?.());
  }
}

/** A tick is due `everyMs` after the previous one was due; ticks missed during a slow one are skipped. */
async function tickRegularly(
  { everyMs, firstMs = everyMs, run }: Tick,
  host: Pick<Host, "clock" | "log">,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = host;
  let due = clock.monotonic() + firstMs;
  while (!signal.aborted) {
    await clock.sleep(Math.max(0, due - clock.monotonic()), signal).catch(() => undefined);
    if (signal.aborted) return;
    // A hanging tick must not keep the agent from stopping.
    await Promise.race([guarded(host, run), aborted(signal)]);
    due = Math.max(due + everyMs, clock.monotonic());
  }
}

/** Logs an error of one part, so that the others go on. */
export async function guarded(host: Pick<Host, "log">, work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    host.log("err", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
