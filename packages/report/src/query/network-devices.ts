/**
 * The kernel's counters of network devices: /proc/net/dev, as proc_pid_net(5) describes it. Two lines of headings, then a line for each device: its
 * name and a colon, eight figures about what was received, of which the first is bytes, and eight about what was sent, of which the first is bytes.
 * The kernel's documentation (networking/statistics) says that they only grow while the device exists; a device that is made anew begins at 0. Pure.
 */

/** Bytes since the device was made. */
export interface DeviceCounters {
  readonly received: number;
  readonly sent: number;
}

export const deviceCountersPath = "/proc/net/dev";

const receiveFields = 8;

/** By device, without the loopback; lines that it does not understand are left out. */
export function deviceCounters(text: string): Map<string, DeviceCounters> {
  const found = new Map<string, DeviceCounters>();
  for (const line of text.split("\n")) {
    // The name may contain a colon ("eth0:1"), the figures do not.
    const [, device, figures] = /^\s*(\S+):\s*([\d\s]+)$/.exec(line) ?? [];
    const fields = figures?.trim().split(/\s+/) ?? [];
    const [received, sent] = [Number(fields[0]), Number(fields[receiveFields])];
    if (device === undefined || device === "lo" || !Number.isFinite(received) || !Number.isFinite(sent)) continue;
    found.set(device, { received, sent });
  }
  return found;
}
