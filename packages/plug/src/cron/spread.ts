/** `--spread SECONDS`: random delay of a cron job, so that thousands of firewalls do not connect in the same second. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";

export async function spread({ options, host, signal }: Call): Promise<void> {
  const text = options["spread"];
  if (typeof text !== "string") return;
  const seconds = Number(text);
  if (!(seconds >= 0 && seconds <= 86_400)) throw new UsageError(`"${text}" is no number of seconds`);
  await host.clock.sleep(seconds * 1000 * host.random.fraction(), signal);
}
