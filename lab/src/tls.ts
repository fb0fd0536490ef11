/**
 * The lab's certificate authority and server certificates, generated for each lab (about 40 ms). Every node trusts the authority
 * through the system's bundle, so that the product's certificate checks stay enabled.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { run } from "./namespace.ts";
import type { NodePlan } from "./topology.ts";

const systemBundle = "/etc/ssl/certs/ca-certificates.crt";
const days = "3650";
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"] as const;

export interface Authority {
  readonly certificate: string;
  readonly key: string;
  /** The host's bundle and the lab's authority: PEM text. */
  readonly bundle: string;
}

export async function makeAuthority(dir: string, env: Readonly<Record<string, string>>): Promise<Authority> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const certificate = `${dir}/ca.pem`;
  const key = `${dir}/ca.key`;
  await run(
    [
      "openssl",
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      key,
      "-out",
      certificate,
      "-days",
      days,
      "-subj",
      "/CN=nethsec lab authority",
      "-addext",
      "basicConstraints=critical,CA:TRUE",
      "-addext",
      "keyUsage=critical,keyCertSign,cRLSign",
    ],
    { timeoutMs: 10_000, env },
  );
  const system = existsSync(systemBundle) ? readFileSync(systemBundle, "utf8") : "";
  return { certificate, key, bundle: `${system}${readFileSync(certificate, "utf8")}` };
}

/** /etc/lab/tls/{ca.pem,ca.key,cert.pem,key.pem} of a server, for all its names and addresses. */
export async function makeServerCertificate(
  authority: Authority,
  plan: NodePlan,
  root: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const dir = `${root}/etc/lab/tls`;
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const addresses = plan.cables.flatMap(({ address }) =>
    address === undefined ? [] : [`IP:${address.split("/")[0]}`],
  );
  const names = [plan.name, ...plan.names].flatMap((name) => [`DNS:${name}`]);
  await run(
    [
      "openssl",
      "req",
      "-x509",
      "-CA",
      authority.certificate,
      "-CAkey",
      authority.key,
      ...newKey,
      "-keyout",
      `${dir}/key.pem`,
      "-out",
      `${dir}/cert.pem`,
      "-days",
      days,
      "-subj",
      `/CN=${plan.names[0] ?? plan.name}`,
      "-addext",
      `subjectAltName=${[...names, ...addresses].join(",")}`,
      "-addext",
      "basicConstraints=critical,CA:FALSE",
      "-addext",
      "extendedKeyUsage=serverAuth",
    ],
    { timeoutMs: 10_000, env },
  );
  writeFileSync(`${dir}/ca.pem`, readFileSync(authority.certificate));
  // Servers need the key to make certificates that are expired or for another name. It has no value outside the lab.
  writeFileSync(`${dir}/ca.key`, readFileSync(authority.key), { mode: 0o600 });
}
