/** The certificate authorities that this machine trusts, from the same files as curl and OpenSSL. */
import type { Files } from "../host.ts";

/** Path of Debian and of OpenWrt's ca-bundle; then the path of OpenWrt's link to it. */
const places = ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"];

export interface CaBundle {
  readonly path: string;
  /** PEM */
  readonly text: string;
  readonly empty: boolean;
}

/** Read at each call, so that a newly installed authority takes effect at once. undefined: the machine has no bundle. */
export function caBundle(files: Files): CaBundle | undefined {
  for (const path of places) {
    const text = files.readText(path);
    if (text !== undefined) return { path, text, empty: !text.includes("-----BEGIN CERTIFICATE-----") };
  }
  return undefined;
}
