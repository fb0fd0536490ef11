/**
 * Requests to the controller's reports API (contract ns-plug 1): through the VPN if the controller announced its address there, else by HTTPS.
 * The controller refuses bodies over 8 MiB; `batches` stays well below.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { httpRequest, type HttpHost } from "@nethsec/host/http/http";
import type { ControllerConfig } from "../config.ts";
import { tunnelDevice } from "../controller/client-conf.ts";

export interface IngestLimits {
  /** Limit of one attempt, milliseconds. */
  readonly timeoutMs: number;
  /** Further attempts, also after a 429: units behind one address share 25 requests a second. */
  readonly retries: number;
}
const dumpLimits: IngestLimits = { timeoutMs: 60_000, retries: 3 };
/** For requests that a user or another program waits for. */
export const shortLimits: IngestLimits = { timeoutMs: 10_000, retries: 1 };
export const maxBodyBytes = 6 * 1024 * 1024;

/** `path`: e.g. "info" or "dump-dpi-stats". Throws HttpError. */
export async function ingest(
  host: HttpHost & Pick<Host, "net">,
  controller: ControllerConfig,
  path: string,
  body: unknown,
  { timeoutMs, retries }: IngestLimits = dumpLimits,
): Promise<void> {
  const { server, unitId, token, vpnAddress, apiPort, tlsVerify } = controller;
  if (server === undefined || unitId === undefined || token === undefined) {
    throw new NethsecError({
      code: "no_controller",
      message: "This machine belongs to no controller.",
      advice: "Set server, unit_id and token in /etc/config/ns-plug.",
    });
  }
  const inside = vpnAddress !== undefined && apiPort !== undefined;
  if (inside && !(await isTunnelUp(host))) {
    throw new NethsecError({
      code: "no_tunnel",
      message: "The tunnel to the controller is down; what is to be told waits.",
      advice: "`ns-plug status` names the reason.",
    });
  }
  const base = inside
    ? `http://${vpnAddress.includes(":") ? `[${vpnAddress}]` : vpnAddress}:${apiPort}`
    : `${server}/api`;
  await httpRequest(
    {
      url: `${base}/ingest/${path}`,
      method: "POST",
      basic: { user: unitId, password: token },
      body: { json: body },
      timeoutMs,
      retries,
      maxRedirects: 0,
      tlsVerify,
    },
    host,
  );
}

/** Checked first: without the tunnel, the unencrypted request with its token would leave by another route. */
const isTunnelUp = async ({ net }: Pick<Host, "net">): Promise<boolean> =>
  (await net.addresses()).some(({ device, addresses }) => device === tunnelDevice && addresses.length > 0);

/** Splits items so that each batch stays below the controller's limit; a single item above the limit is left out. */
export function* batches<Item>(items: readonly Item[], maxBytes = maxBodyBytes): Generator<readonly Item[]> {
  let batch: Item[] = [];
  let size = 0;
  for (const item of items) {
    const bytes = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes > maxBytes) continue;
    if (size + bytes > maxBytes) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(item);
    size += bytes;
  }
  if (batch.length > 0) yield batch;
}
