/** The OpenVPN configuration of the tunnel to the controller (contract ns-plug 1, step 5; openvpn(8)). Pure. */
import type { Grant } from "./registration.ts";

export const clientConfPath = "/usr/share/ns-plug/client.conf";
export const tunnelDevice = "tun-nsplug";
/** Where OpenVPN counts what it received; see `silence.ts`. */
export const tunnelStatusPath = "/var/run/ns-plug/openvpn.status";

/** `mtu`: used when both values are set; else OpenVPN measures the path itself. `routeUp` is run when the tunnel is there. */
export function renderClientConf(
  grant: Grant,
  mtu: { tunMtu: number | undefined; mssfix: number | undefined },
  routeUp: string,
): string {
  const sized = mtu.tunMtu !== undefined && mtu.mssfix !== undefined;
  return [
    "# Written by ns-plug at each registration; changes made here are lost.",
    "client",
    `remote ${grant.host} ${grant.port} udp`,
    `dev ${tunnelDevice}`,
    "dev-type tun",
    "nobind",
    "float",
    "explicit-exit-notify 1",
    "server-poll-timeout 5",
    "connect-retry-max 5",
    // A server that rejects the certificate is silent: do not wait a whole minute for it.
    "hand-window 30",
    // A unit's own certificate must not be good for playing the controller to others.
    'remote-cert-eku "TLS Web Server Authentication"',
    // Controllers push ping 20 and ping-restart 120, which would replace these: a tunnel that is gone would be noticed after two minutes.
    'pull-filter ignore "ping"',
    "ping 10",
    // The controller sends a ping every 20 s: two of them may get lost. `silence.ts` looks earlier, and asks before it acts.
    "ping-restart 45",
    `status ${tunnelStatusPath} 2`,
    "auth-nocache",
    "verb 3",
    "suppress-timestamps",
    "script-security 2",
    `route-up ${routeUp}`,
    ...(sized ? [`tun-mtu ${mtu.tunMtu}`, `mssfix ${mtu.mssfix}`] : ["mtu-test"]),
    `<ca>\n${grant.ca}</ca>`,
    `<cert>\n${grant.cert}</cert>`,
    `<key>\n${grant.key}</key>`,
    "",
  ].join("\n");
}
