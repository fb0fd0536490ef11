/** The controller's OpenVPN server: options and removal of a unit are as recorded (controller-openvpn.json). */
import { paced } from "@nethsec/host/testing/pace";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { Authority } from "./authority.ts";
import { dir, type Unit } from "./controller-state.ts";
import { vpnMask } from "./vpn-addresses.ts";

const pidPath = "/var/run/lab-openvpn.pid";
const managementPath = "/var/run/lab-openvpn.sock";
/** One file per unit with its reserved address, read by the client-connect hook. */
const addressDir = `${dir}/addresses`;

export const authority = new Authority(`${dir}/pki`);

/** Empty, as on the real controller. */
const clientConfigDir = `${dir}/ccd`;
/** One file per connected unit with the Unix time of its connection. */
const connectedDir = `${dir}/connected`;

/** client-connect writes its answer to the file in $1; without a reservation the unit gets an address of the pool. */
const hooks = {
  "client-connect": `address="${addressDir}/$common_name"
[ ! -f "$address" ] || echo "ifconfig-push $(cat "$address") ${vpnMask}" >"$1"
date +%s >"${connectedDir}/$common_name"`,
  "client-disconnect": `rm -f "${connectedDir}/$common_name"`,
} as const;
const hookPath = (name: keyof typeof hooks): string => `${dir}/${name}`;

export function reserveAddress(unit: string, address: string): void {
  mkdirSync(addressDir, { recursive: true });
  writeFileSync(`${addressDir}/${unit}`, address);
}

export const releaseAddress = (unit: string): void => rmSync(`${addressDir}/${unit}`, { force: true });

/** The first free address after the controller's. */
export function nextAddress(units: readonly Unit[]): string {
  const taken = new Set(units.map(({ vpnAddress }) => vpnAddress));
  for (let host = 2; host < 65_534; host += 1) {
    const address = `172.21.${host >> 8}.${host & 255}`;
    if (!taken.has(address)) return address;
  }
  throw new Error("the network of the VPN has no address left");
}

/** Cuts the unit's connection at the server; nothing is sent to the unit. */
export function disconnect(unit: string): void {
  if (!existsSync(managementPath)) return;
  const socket = connect(managementPath, () => socket.end(`kill ${unit}\nquit\n`));
  socket.resume();
  // The server is not running, so there is no connection to cut.
  socket.on("error", () => undefined);
}

/** Command line options of the OpenVPN server. */
export const serverOptions = (port: number): readonly string[] =>
  [
    ["--mode", "server", "--tls-server", "--proto", "udp4", "--port", String(port)],
    ["--dev", "tunnsc1", "--dev-type", "tun", "--topology", "subnet", "--server", "172.21.0.0", vpnMask],
    ["--push", `route 172.21.0.0 ${vpnMask}`, "--float", "--multihome", "--tun-mtu", "1500", "--mssfix", "1450"],
    ["--client-config-dir", clientConfigDir, "--ifconfig-pool-persist", `${dir}/pool`, "0"],
    ["--client-connect", hookPath("client-connect"), "--client-disconnect", hookPath("client-disconnect")],
    ["--script-security", "2", "--keepalive", "20", "120"],
    ["--ca", "ca.crt", "--cert", "server.crt", "--key", "server.key", "--dh", "dh.pem", "--crl-verify", "crl.pem"],
    ["--remote-cert-ku", "e0", "80", "--remote-cert-eku", "TLS Web Client Authentication"],
    ["--management", managementPath, "unix", "--verb", "3"],
  ].flat();

/** (Re)starts OpenVPN on `port`. Units are not notified when the old server ends. */
export function restartServer(port: number): void {
  stopServer("SIGTERM");
  authority.ensure();
  // The restart drops all connections.
  rmSync(connectedDir, { recursive: true, force: true });
  for (const folder of [addressDir, connectedDir, clientConfigDir]) mkdirSync(folder, { recursive: true });
  for (const [name, script] of Object.entries(hooks)) {
    writeFileSync(`${dir}/${name}`, `#!/bin/sh\n${script}\n`);
    chmodSync(`${dir}/${name}`, 0o755);
  }
  const background = ["--cd", authority.dir, "--daemon", "--writepid", pidPath, "--log-append", "/var/log/openvpn"];
  const { status, stdout, stderr } = spawnSync("openvpn", [...serverOptions(port), ...background], {
    encoding: "utf8",
    timeout: paced(10_000),
  });
  if (status !== 0) throw new Error(`openvpn did not start: ${stdout}${stderr}`);
}

export function stopServer(signal: "SIGTERM" | "SIGKILL"): void {
  if (!existsSync(pidPath)) return;
  const pid = Number(readFileSync(pidPath, "utf8"));
  try {
    process.kill(pid, signal);
    for (let tries = 0; tries < 200 && existsSync(`/proc/${pid}`); tries += 1) Bun.sleepSync(10);
  } catch {
    // The process had already ended.
  }
  rmSync(pidPath, { force: true });
  rmSync(managementPath, { force: true });
}
