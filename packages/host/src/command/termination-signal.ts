/**
 * SIGINT, SIGTERM and SIGHUP as an AbortSignal. The first one asks the command to end; a second one ends the process at once, so that a command that
 * ignores the abort can still be stopped. The reason is a {@link NethsecError} "interrupted" whose exit code is 128 + the signal's number.
 */
import { NethsecError } from "../error.ts";

export interface Termination extends Disposable {
  readonly signal: AbortSignal;
}

const signals = [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const;

/** Handles the signals until disposed. */
export function terminationSignal(): Termination {
  const controller = new AbortController();
  const listeners = signals.map(([name, number]) => {
    const exitCode = 128 + number;
    const listen = (): void => {
      if (controller.signal.aborted) process.exit(exitCode);
      controller.abort(new NethsecError({ code: "interrupted", message: `Interrupted by ${name}`, exitCode }));
    };
    process.on(name, listen);
    return { name, listen };
  });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const { name, listen } of listeners) process.off(name, listen);
    },
  };
}
