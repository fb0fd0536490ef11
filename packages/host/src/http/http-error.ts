/** HTTP errors in terms an administrator can act on; they contain no secret of the request. */
import { NethsecError } from "../error.ts";
import { errnoOf } from "../files/file-error.ts";

export type HttpErrorKind =
  | "bad_url"
  | "bad_header"
  | "dns"
  | "connect"
  | "tls"
  | "timeout"
  | "status"
  | "too_large"
  | "truncated"
  | "redirect"
  | "not_json"
  | "aborted"
  | "write";

export type TlsReason = "expired" | "not_yet_valid" | "unknown_ca" | "host_name" | "other";

export interface HttpFacts {
  readonly kind: HttpErrorKind;
  readonly message: string;
  readonly advice?: string;
  readonly tls?: TlsReason;
  readonly status?: number;
  readonly body?: string;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** `code` is "http_" + kind. */
export class HttpError extends NethsecError {
  readonly kind: HttpErrorKind;
  /** With kind "tls". */
  readonly tls: TlsReason | undefined;
  /** With kind "status". */
  readonly status: number | undefined;
  /** With kind "status": the beginning of the answer's body, at most 4 KiB, secrets masked. */
  readonly body: string | undefined;
  /** With kind "status": the delay that the server requested by Retry-After. */
  readonly retryAfterMs: number | undefined;
  constructor(facts: HttpFacts) {
    super({
      code: `http_${facts.kind}`,
      message: facts.message,
      ...(facts.advice === undefined ? {} : { advice: facts.advice }),
      ...(facts.cause === undefined ? {} : { cause: facts.cause }),
    });
    this.kind = facts.kind;
    this.tls = facts.tls;
    this.status = facts.status;
    this.body = facts.body;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Certificate error names of the runtime and OpenSSL. */
const certificateTroubles: Readonly<Record<string, TlsReason>> = {
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not_yet_valid",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown_ca",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown_ca",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown_ca",
  CERT_UNTRUSTED: "unknown_ca",
  ERR_TLS_CERT_ALTNAME_INVALID: "host_name",
  EPROTO: "other",
};

const certificateWords: Readonly<Record<TlsReason, readonly [text: string, advice: string]>> = {
  expired: [
    "the server's certificate has expired",
    "Check this machine's clock (`date`); if it is right, the server's certificate must be renewed.",
  ],
  not_yet_valid: ["the server's certificate is not valid yet", "Check this machine's clock (`date`)."],
  unknown_ca: [
    "the server's certificate is signed by an authority that this machine does not trust",
    "Install the authority's certificate on this machine, or give the server a certificate from a public one.",
  ],
  host_name: [
    "the server's certificate is for another host name",
    "Use the name that the certificate was made for, or check what the name resolves to.",
  ],
  other: [
    "the TLS connection could not be set up",
    "Check that the server speaks HTTPS on this port, and that nothing in between intercepts it.",
  ],
};

/** A failure thrown by fetch before the response headers arrived. `what` names the call: "POST https://host/path". */
export function connectionError(what: string, thrown: unknown): HttpError {
  const name = errnoOf(thrown) ?? "";
  const tls =
    certificateTroubles[name] ?? (/^(CERT_|CRL_|ERR_TLS|ERR_SSL)|_CERT|CERTIFICATE/.test(name) ? "other" : undefined);
  if (tls !== undefined) {
    const [text, advice] = certificateWords[tls];
    return new HttpError({ kind: "tls", tls, message: `${what}: ${text} (${name})`, advice });
  }
  if (name === "ENOTFOUND" || name.startsWith("EAI_") || name.startsWith("DNS_")) {
    return new HttpError({
      kind: "dns",
      message: `${what}: the host name cannot be resolved`,
      advice: "Check the name, and this machine's DNS servers.",
    });
  }
  const closed =
    name === "ECONNRESET" || name === "ConnectionClosed"
      ? "the server closed the connection without an answer"
      : "no connection to the server";
  const suffix = name === "" ? "" : ` (${name})`;
  return new HttpError({
    kind: "connect",
    message: `${what}: ${closed}${suffix}`,
    advice: "Check the address, the route to it, and that the server is running.",
  });
}
