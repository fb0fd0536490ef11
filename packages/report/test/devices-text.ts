/** /proc/net/dev as the kernel writes it. */

/** By device: bytes received and sent. */
export function devicesText(devices: Readonly<Record<string, readonly [received: number, sent: number]>>): string {
  const lines = Object.entries(devices).map(
    ([device, [received, sent]]) =>
      `${device.padStart(6)}: ${String(received).padStart(7)}     212    0    0    0     0          0         0 ${String(sent).padStart(8)}     150    0    0    0     0       0          0`,
  );
  return `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
${lines.join("\n")}
`;
}
