/** The certificate authorities that this machine trusts, as curl and OpenSSL find them. */
import type { Files } from "../host.ts";

/** Debian and OpenWrt's ca-bundle; then where OpenWrt links it. */
const places = ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"];

export interface CaBundle {
  readonly path: string;
  /** PEM */
  readonly text: string;
  readonly empty: boolean;
}

/** Read at each call, so that an authority installed later counts at once. undefined: the machine has no bundle. */
export function caBundle(files: Files): CaBundle | undefined {
  for (const path of places) {
    const text = files.readText(path);
    if (text !== undefined) return { path, text, empty: !text.includes("-----BEGIN CERTIFICATE-----") };
  }
  return undefined;
}
