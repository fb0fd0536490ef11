/** Sends one registration request and returns its outcome. Never throws for an error of the controller or the network. */
import { NethsecError } from "@nethsec/host/error";
import { HttpError, httpRequest, type HttpHost } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import type { PlugConfig } from "../config.ts";
import type { Credentials } from "./credentials.ts";
import { readRegistration, type Registration } from "./registration.ts";

const timeoutMs = 20_000;
/** A valid answer, which holds three certificates, is far below this limit. */
const maxAnswerBytes = 256 * 1024;

export interface Unit {
  readonly server: string;
  readonly unitId: string;
  readonly token: string;
}

/** The three options without which nothing can be registered; the exit codes are the contract's (section 1, step 1). */
export function requireUnit({ controller }: PlugConfig): Unit {
  const missing = (option: string, exitCode: number): NethsecError =>
    new NethsecError({
      code: `missing_${option}`,
      message: `ns-plug.config.${option} is not set`,
      advice: `Set it: uci set ns-plug.config.${option}=… ; uci commit ns-plug ; /etc/init.d/ns-plug restart`,
      exitCode,
    });
  if (controller.server === undefined) throw missing("server", 1);
  if (controller.unitId === undefined) throw missing("unit_id", 2);
  if (controller.token === undefined) throw missing("token", 3);
  return { server: controller.server, unitId: controller.unitId, token: controller.token };
}

export async function register(
  host: HttpHost & Pick<Host, "system">,
  config: PlugConfig,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<Registration> {
  const unit = requireUnit(config);
  // Without TLS the token and the password could be read on the network.
  if (!/^https:\/\//i.test(unit.server))
    return { kind: "failed", reason: "ns-plug.config.server must be an https:// address; nothing was sent" };
  try {
    const response = await httpRequest(
      {
        url: `${unit.server}/api/units/register`,
        method: "POST",
        headers: { RegistrationToken: unit.token },
        body: {
          json: {
            unit_id: unit.unitId,
            username: credentials.username,
            password: credentials.password,
            unit_name: config.controller.unitName ?? host.system.hostname(),
            version: host.system.osRelease()["VERSION_ID"] ?? "",
            subscription_type: config.subscription?.plan ?? "",
            system_id: config.subscription?.systemId ?? "",
          },
        },
        timeoutMs,
        retries: 0,
        maxBytes: maxAnswerBytes,
        maxRedirects: 0,
        accept: "any",
        tlsVerify: config.controller.tlsVerify,
        secrets: [unit.token, credentials.password],
        signal,
      },
      host,
    );
    return readRegistration(response.status, parse(response.text()));
  } catch (error) {
    if (error instanceof HttpError && error.kind !== "aborted") {
      // Include the advice: a certificate that is "not yet valid" mostly means that this machine's clock is wrong.
      const advice = error.kind === "tls" && error.advice !== undefined ? `. ${error.advice}` : "";
      return { kind: "failed", reason: `${error.message}${advice}` };
    }
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
