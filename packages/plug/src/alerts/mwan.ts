/**
 * WAN down (contract ns-plug 4): mwan3 calls /etc/mwan3.user, which starts every hook in /usr/libexec/mwan-hooks; ours is `send-mwan-alert`.
 * An outage shorter than 30 seconds is not reported. Each event writes its own random token into a file of the interface; a `disconnected` event
 * that finds another token there after its wait has been superseded by a newer event and is dropped.
 */
import type { Host } from "@nethsec/host/host";
import { hasChannel } from "./channels.ts";
import { sendAlert } from "./deliver.ts";
import { isAlertId } from "./queue.ts";

const waitMs = 30_000;
const stateDir = "/var/run/ns-plug/mwan";

/** Whether the hook has handled an event of this WAN since the machine started. */
export const hasMwanSpoken = ({ files }: Pick<Host, "files">, name: string): boolean =>
  files.exists(`${stateDir}/${name}`);

export interface MwanEvent {
  readonly action: string;
  readonly interface: string;
  readonly device: string;
}

/** Sends FAILURE 30 seconds after `disconnected`, OK at `connected`; ignores other actions. Returns what was done. */
export async function sendMwanAlert(
  host: Host,
  event: MwanEvent,
  signal: AbortSignal,
): Promise<"sent" | "cancelled" | "ignored"> {
  const id = `wan:${event.interface}:down`;
  if (!/^[A-Za-z0-9_.-]+$/.test(event.interface) || !isAlertId(id)) return "ignored";
  if (event.action !== "disconnected" && event.action !== "connected") return "ignored";
  if (!hasChannel(host)) return "ignored";
  const tokenPath = `${stateDir}/${event.interface}`;
  const token = host.random.text(16);
  host.files.write(tokenPath, token, { mode: 0o600 });
  if (event.action === "disconnected") {
    await host.clock.sleep(waitMs, signal);
    if (host.files.readText(tokenPath) !== token) return "cancelled";
  }
  const status = event.action === "disconnected" ? "FAILURE" : "OK";
  host.log.tagged("mwan3-alert")("info", `Sending alert ${id} with status ${status}`);
  await sendAlert(host, id, status);
  return "sent";
}
