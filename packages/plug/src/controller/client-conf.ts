/** The OpenVPN configuration of the tunnel to the controller (contract ns-plug 1, step 5; openvpn(8)). Pure. */
import type { Grant } from "./registration.ts";

export const clientConfPath = "/usr/share/ns-plug/client.conf";
export const tunnelDevice = "tun-nsplug";
/** OpenVPN's status file with its byte counters; see `silence.ts`. */
export const tunnelStatusPath = "/var/run/ns-plug/openvpn.status";

/** `mtu`: used when both values are set, else OpenVPN measures the path. `routeUp`: program that OpenVPN runs when the tunnel is up. */
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
    // A server that rejects the certificate does not answer: do not wait the default of 60 s.
    "hand-window 30",
    // Accept server certificates only: another unit's certificate must not pass as the controller's.
    'remote-cert-eku "TLS Web Server Authentication"',
    // Ignore the controller's pushed ping 20 and ping-restart 120, which would detect a dead tunnel only after two minutes.
    'pull-filter ignore "ping"',
    "ping 10",
    // The controller pings every 20 s; two pings in a row may be lost. `silence.ts` reacts earlier, but probes the controller first.
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
