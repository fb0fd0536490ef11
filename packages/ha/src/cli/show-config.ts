/** `show-config`, in the layout of the documentation to the byte. */
import type { Call } from "@nethsec/host/command/command";
import { inCluster } from "../cluster/on-primary.ts";
import { followingInterfaces } from "../cluster/following-interfaces.ts";
import { listInterfaces, listVips, type ListedInterface } from "../cluster/list-interfaces.ts";

export function run(call: Call): number {
  const { role } = inCluster(call.host);
  const interfaces = listInterfaces(call.host.uci);
  const vips = listVips(call.host.uci);
  if (call.json) {
    call.io.out(`${JSON.stringify({ interfaces, vips })}\n`);
    return 0;
  }
  const names = new Set(followingInterfaces(call.host.uci, role).map(({ name }) => name));
  const following = interfaces.filter((item) => !item.ha_configured && names.has(item.name));
  call.io.out(showConfig(interfaces, vips, call.io.color));
  if (following.length > 0)
    call.io.out(
      `\nNeed no configuration, they follow the node that carries the site: ${following.map(({ name }) => name).join(", ")}\n`,
    );
  return 0;
}

const rule = "-".repeat(65);

/** Pure. Returns the text with its final newline. The trailing blank for a device that is not configured is the documentation's. */
export function showConfig(
  interfaces: readonly ListedInterface[],
  vips: readonly { interface: string; ipaddr: string }[],
  color: boolean,
): string {
  const title = (text: string): string => (color ? `\u001b[1m${text}\u001b[0m` : text);
  const configured = interfaces.filter((item) => item.ha_configured);
  const others = interfaces.filter((item) => !item.ha_configured);
  return [
    title("Current configuration"),
    "",
    "Interfaces:",
    ...orNone(
      configured.map(
        ({ name, device, virtual_ip }) => `  Interface: ${name}, Device: ${device}, Virtual IP: ${virtual_ip}`,
      ),
    ),
    "",
    "Aliases:",
    ...orNone(vips.map((vip) => `  Interface: ${vip.interface}, Virtual Alias IP: ${vip.ipaddr}`)),
    "",
    rule,
    "",
    title("Not configured"),
    "",
    "Interfaces:",
    ...orNone(others.map(({ name, device }) => `  Interface: ${name}, Device: ${device} `)),
    "",
  ].join("\n");
}

function orNone(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ["  None"] : lines;
}
