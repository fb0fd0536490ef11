/**
 * Parses a controller's answer to `POST /api/units/register`. Pure.
 * Invariant: no text from the network leaves this file unchecked: values used in a configuration line, a path or a log have a known form.
 */
import * as v from "valibot";

export type Registration =
  | { readonly kind: "registered"; readonly grant: Grant }
  | { readonly kind: "waiting"; readonly cause: WaitingCause; readonly text: string }
  | { readonly kind: "duplicate" }
  | { readonly kind: "limited" }
  | { readonly kind: "failed"; readonly reason: string };

/** Reason of a 403 (or 401), recognized by the answer's message (contract ns-plug 1). */
export type WaitingCause = "approval" | "token" | "subscription_required" | "subscription_not_allowed" | "other";

/** What a registered unit needs for the VPN and the reports. */
export interface Grant {
  readonly host: string;
  readonly port: number;
  /** PEM blocks only, each ending in a newline. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly promtail: { readonly address: string; readonly port: number } | undefined;
  readonly vpnAddress: string | undefined;
  readonly apiPort: number | undefined;
}

const answerSchema = v.looseObject({
  code: v.optional(v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{3}$/), v.transform(Number))])),
  message: v.optional(v.string()),
  data: v.optional(v.unknown()),
});

/** A DNS name, an IPv4 or an IPv6 address; no character that could end a word or a line. */
const hostName = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(253),
  v.regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/, "not a host name"),
);
const port = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,5}$/, "not a port"), v.transform(Number))]),
  v.integer(),
  v.minValue(1, "not a port"),
  v.maxValue(65535, "not a port"),
);

/** The PEM blocks of a text, normalized. Text around them is dropped and cannot reach a configuration file. */
function pemBlocks(label: RegExp, text: string): string | undefined {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/g)].filter(
    (match) => label.test(match[1] ?? ""),
  );
  if (blocks.length === 0) return undefined;
  return blocks
    .map(([, kind = "", body = ""]) => {
      const lines = body.replaceAll(/\s+/g, "").match(/.{1,64}/g) ?? [];
      return `-----BEGIN ${kind}-----\n${lines.join("\n")}\n-----END ${kind}-----\n`;
    })
    .join("");
}

const pem = (what: string, label: RegExp) =>
  v.pipe(
    v.string(),
    v.maxLength(65536, `${what} is too long`),
    v.transform((text) => pemBlocks(label, text) ?? ""),
    v.nonEmpty(`${what} has no PEM block`),
  );

const empty = v.union([v.literal(""), v.null()]);
const optional = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.optional(
    v.union([
      v.pipe(
        empty,
        v.transform(() => undefined),
      ),
      schema,
    ]),
  );

const grantSchema = v.pipe(
  v.looseObject({
    host: hostName,
    port,
    ca: pem("ca", /^(TRUSTED |X509 )?CERTIFICATE$/),
    cert: pem("cert", /^(TRUSTED |X509 )?CERTIFICATE$/),
    key: pem("key", /PRIVATE KEY$/),
    promtail_address: optional(hostName),
    promtail_port: optional(port),
    vpn_address: optional(hostName),
    api_port: optional(port),
  }),
  v.transform((data): Grant => ({
    host: data.host,
    port: data.port,
    ca: data.ca,
    cert: data.cert,
    key: data.key,
    promtail:
      data.promtail_address !== undefined && data.promtail_port !== undefined
        ? { address: data.promtail_address, port: data.promtail_port }
        : undefined,
    vpnAddress: data.vpn_address,
    apiPort: data.api_port,
  })),
);

const causes: readonly (readonly [RegExp, WaitingCause, string])[] = [
  [/no certificate found|not allowed, no/i, "approval", "waiting for approval in the controller"],
  [/registration token/i, "token", "the controller does not accept the registration token: check ns-plug.config.token"],
  [
    /subscription is required/i,
    "subscription_required",
    "the controller accepts only units with a subscription: register this machine first",
  ],
  [
    /with subscription is not allowed/i,
    "subscription_not_allowed",
    "the controller accepts only units without a subscription",
  ],
];

/** `body` is the parsed JSON, or undefined when the answer is not JSON. Its member `code` takes precedence over the HTTP status. */
export function readRegistration(status: number, body: unknown): Registration {
  const parsed = v.safeParse(answerSchema, body);
  const answer = parsed.success ? parsed.output : undefined;
  const code = answer?.code ?? status;
  if (code === 403 || code === 401) return waiting(answer?.message ?? "");
  if (code === 409) return { kind: "duplicate" };
  if (code === 429) return { kind: "limited" };
  if (code === 404) return { kind: "failed", reason: "the controller answers 404: check ns-plug.config.server" };
  if (code !== 200) return { kind: "failed", reason: `the controller answers ${code}` };
  if (answer === undefined) return { kind: "failed", reason: "the controller's answer is not JSON" };
  const grant = v.safeParse(grantSchema, answer.data);
  if (!grant.success) {
    const issue = grant.issues[0];
    const where = v.getDotPath(issue) ?? "data";
    return {
      kind: "failed",
      reason: `the controller's answer cannot be used: ${where}: ${issue.message.slice(0, 120)}`,
    };
  }
  return { kind: "registered", grant: grant.output };
}

function waiting(message: string): Registration {
  const known = causes.find(([pattern]) => pattern.test(message));
  if (known !== undefined) return { kind: "waiting", cause: known[1], text: known[2] };
  const shown = message
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, 120);
  return {
    kind: "waiting",
    cause: "other",
    text: shown === "" ? "waiting for approval in the controller" : `the controller says: ${shown}`,
  };
}
