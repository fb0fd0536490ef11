/**
 * The controller's certificates, made by openssl in the form in which easy-rsa makes the real ones (recorded: `certificates` of
 * controller-http.json and controller-openvpn.json): RSA 2048, a serial of 128 random bits, the unit's certificate with its text before the PEM.
 */
import { paced } from "@nethsec/host/testing/pace";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** Name that the administrator gave the VPN: subject of the CA's and the server's certificates. */
const vpnName = "nethsec";
const newKey = ["-newkey", "rsa:2048", "-nodes"] as const;

const config = `[ca]
default_ca = vpn
[vpn]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
rand_serial = yes
default_md = sha256
default_days = 825
default_crl_days = 3650
policy = any
unique_subject = no
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer:always
extendedKeyUsage = serverAuth
keyUsage = digitalSignature, keyEncipherment
[client]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer:always
extendedKeyUsage = clientAuth
keyUsage = digitalSignature
[req]
distinguished_name = name
[name]
[authority]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer:always
basicConstraints = CA:TRUE
keyUsage = cRLSign, keyCertSign
`;

export class Authority {
  /** Folder of ca.crt, server.crt, server.key, dh.pem, crl.pem, and of each unit's certificate and key. */
  readonly dir: string;
  constructor(dir: string) {
    this.dir = dir;
  }

  #openssl(...args: readonly string[]): void {
    const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8", cwd: this.dir, timeout: paced(60_000) });
    if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
  }

  /** Creates the CA and the server's certificate unless they exist. */
  ensure(): void {
    if (existsSync(`${this.dir}/crl.pem`)) return;
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    writeFileSync(`${this.dir}/index.txt`, "");
    writeFileSync(`${this.dir}/ca.cnf`, config);
    const authority = ["-keyout", "ca.key", "-out", "ca.crt", "-days", "3650", "-subj", `/CN=${vpnName}`];
    this.#openssl("req", "-x509", "-config", "ca.cnf", "-extensions", "authority", ...newKey, ...authority);
    // A group of RFC 7919: generating a prime takes half a minute.
    this.#openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", "dh.pem");
    this.#certificate("server", vpnName, "server");
    this.#updateRevocations();
  }

  #certificate(file: string, subject: string, kind: "server" | "client"): void {
    const request = ["-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", `/CN=${subject}`];
    this.#openssl("req", "-config", "ca.cnf", ...newKey, ...request);
    const sign = ["-extensions", kind, "-in", `${file}.csr`, "-out", `${file}.crt`];
    this.#openssl("ca", "-batch", "-config", "ca.cnf", ...sign);
  }

  /** `unit` is looked up by its exact name. */
  has(unit: string): boolean {
    return /^[\w-]+$/.test(unit) && unit !== "server" && unit !== "ca" && existsSync(`${this.dir}/${unit}.crt`);
  }

  issue(unit: string): void {
    if (!this.has(unit)) this.#certificate(unit, unit, "client");
  }

  revoke(unit: string): void {
    if (!this.has(unit)) return;
    this.#openssl("ca", "-batch", "-config", "ca.cnf", "-revoke", `${unit}.crt`);
    for (const suffix of ["crt", "key", "csr"]) rmSync(`${this.dir}/${unit}.${suffix}`, { force: true });
    this.#updateRevocations();
  }

  #updateRevocations(): void {
    this.#openssl("ca", "-batch", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem");
  }

  /** PEM files as returned at registration: the same each time, without a newline at the end. */
  material(unit: string): { readonly ca: string; readonly cert: string; readonly key: string } {
    const read = (file: string): string => readFileSync(`${this.dir}/${file}`, "utf8").trimEnd();
    return { ca: read("ca.crt"), cert: read(`${unit}.crt`), key: read(`${unit}.key`) };
  }

  /** Deletes the CA and all certificates, as when a new controller replaces this one. */
  forget(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
