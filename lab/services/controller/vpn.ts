/** The controller's own certificate authority and its OpenVPN server, by openssl and openvpn as a real controller runs them. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { paced } from "@nethsec/host/testing/pace";
import { dir, readController } from "./controller-state.ts";

const pki = `${dir}/pki`;
const pidPath = "/var/run/lab-openvpn.pid";
/** The controller's address in the VPN, and the port of its API there. */
export const vpnAddress = "172.21.0.1";
export const apiPort = 20001;

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8", cwd: pki, timeout: paced(20_000) });
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"] as const;

/** Makes the authority unless it is there. */
export function ensureAuthority(): void {
  if (existsSync(`${pki}/ca.crt`)) return;
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  writeFileSync(`${pki}/index.txt`, "");
  writeFileSync(`${pki}/serial`, "1000\n");
  writeFileSync(`${pki}/ca.cnf`, caConfig);
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "3650",
    "-subj",
    "/CN=lab controller VPN",
    "-addext",
    "basicConstraints=critical,CA:TRUE",
  );
  issue("server", "server");
  updateRevocations();
}

const caConfig = `[ca]
default_ca = lab
[lab]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
serial = serial
default_md = sha256
default_days = 3650
default_crl_days = 3650
policy = any
unique_subject = no
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
[client]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
`;

/** A certificate for `name` (one path component), unless it has one. */
export function issue(name: string, kind: "server" | "client"): void {
  if (existsSync(`${pki}/${name}.crt`)) return;
  openssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  openssl(
    "ca",
    "-batch",
    "-config",
    "ca.cnf",
    "-extensions",
    kind,
    "-in",
    `${name}.csr`,
    "-out",
    `${name}.crt`,
    "-notext",
  );
}

export function revoke(name: string): void {
  openssl("ca", "-batch", "-config", "ca.cnf", "-revoke", `${name}.crt`);
  for (const suffix of ["crt", "key", "csr"]) rmSync(`${pki}/${name}.${suffix}`, { force: true });
  updateRevocations();
}

function updateRevocations(): void {
  openssl("ca", "-batch", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem");
}

export const material = (name: string): { ca: string; cert: string; key: string } => ({
  ca: readFileSync(`${pki}/ca.crt`, "utf8"),
  cert: readFileSync(`${pki}/${name}.crt`, "utf8"),
  key: readFileSync(`${pki}/${name}.key`, "utf8"),
});

/** A new controller in the place of the old one: another authority, no unit. */
export function forgetAuthority(): void {
  rmSync(pki, { recursive: true, force: true });
}

/** (Re)starts OpenVPN on the port that the state says; connected units are thrown off. */
export function restartServer(): void {
  stopServer();
  ensureAuthority();
  const { status, stdout, stderr } = spawnSync(
    "openvpn",
    [
      "--mode",
      "server",
      "--tls-server",
      "--proto",
      "udp",
      "--port",
      String(readController().port),
      "--dev",
      "tun0",
      "--topology",
      "subnet",
      "--server",
      "172.21.0.0",
      "255.255.0.0",
      "--ca",
      "ca.crt",
      "--cert",
      "server.crt",
      "--key",
      "server.key",
      "--dh",
      "none",
      "--crl-verify",
      "crl.pem",
      "--keepalive",
      "2",
      "10",
      "--verb",
      "3",
      "--cd",
      pki,
      "--daemon",
      "--writepid",
      pidPath,
      "--log-append",
      "/var/log/openvpn",
    ],
    { encoding: "utf8", timeout: paced(10_000) },
  );
  if (status !== 0) throw new Error(`openvpn did not start: ${stdout}${stderr}`);
}

function stopServer(): void {
  if (!existsSync(pidPath)) return;
  const pid = Number(readFileSync(pidPath, "utf8"));
  try {
    process.kill(pid, "SIGTERM");
    for (let tries = 0; tries < 200 && existsSync(`/proc/${pid}`); tries += 1) Bun.sleepSync(10);
  } catch {
    // It had ended by itself.
  }
  rmSync(pidPath, { force: true });
}
