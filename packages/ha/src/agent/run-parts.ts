/** The life of the agent's parts: start one after the other, then ticks and loops side by side until the signal aborts, then stop. */
import type { Host } from "@nethsec/host/host";
import type { AgentPart, Tick } from "./agent-part.ts";

/** Settles when every loop has ended. Throws what a `start` or a `run` throws; `stop` is called for all parts in any case. */
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

/** The next tick is due `everyMs` after the last one was; what a slow one missed is left out. */
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
    // A tick that hangs must not hold up the end of the agent.
    await Promise.race([guarded(host, run), aborted(signal)]);
    due = Math.max(due + everyMs, clock.monotonic());
  }
}

/** One part's trouble is its own: it is logged, and the others go on. */
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
