/**
 * Notices a tunnel that carries nothing any more. The controller sends a packet at least every 20 s (keepalive 20 120), so longer silence is a reason
 * to ask; only when the controller's API in the VPN does not answer either is the tunnel called dead. One lost packet costs one question.
 */
import { HttpError, httpRequest, type HttpHost } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { tunnelStatusPath } from "./client-conf.ts";
import type { Grant } from "./registration.ts";

/** Between two looks at OpenVPN's counter, which it writes as often. */
const everyMs = 2000;
const silenceMs = 21_000;
const probeMs = 4000;

/** False: nothing comes back through the tunnel. undefined: the controller did not say where its API is, so nobody can be asked. */
export type Probe = (signal: AbortSignal) => Promise<boolean>;

export function apiProbe(host: HttpHost, { vpnAddress, apiPort }: Grant): Probe | undefined {
  if (vpnAddress === undefined || apiPort === undefined) return undefined;
  const address = vpnAddress.includes(":") ? `[${vpnAddress}]` : vpnAddress;
  const url = `http://${address}:${apiPort}/health`;
  return async (signal) => {
    try {
      await httpRequest({ url, timeoutMs: probeMs, retries: 0, maxRedirects: 0, accept: "any", signal }, host);
    } catch (error) {
      // A refused connection or a strange answer came through the tunnel all the same.
      if (error instanceof HttpError) return error.kind !== "timeout";
      throw error;
    }
    return true;
  };
}

export interface SilenceWatch {
  /** Ask at once: the network says that nobody listens at the other end. */
  ask(): void;
}

/** Calls `dead` each time the tunnel is found dead, until the signal aborts. `isUp`: only then is anything expected. */
export function watchSilence(
  host: Pick<Host, "clock" | "files">,
  probe: Probe,
  isUp: () => boolean,
  dead: () => Promise<void>,
  signal: AbortSignal,
): SilenceWatch {
  let isAsked = false;
  const watch = async (): Promise<void> => {
    let heard: { readonly bytes: string | undefined; readonly at: number } | undefined;
    while (!signal.aborted) {
      await host.clock.sleep(everyMs, signal);
      const bytes = receivedBytes(host.files.readText(tunnelStatusPath));
      if (!isUp() || heard === undefined || bytes !== heard.bytes) {
        heard = { bytes, at: host.clock.monotonic() };
        isAsked = false;
        continue;
      }
      if (!isAsked && host.clock.monotonic() - heard.at < silenceMs) continue;
      isAsked = false;
      if (!(await probe(signal)) && isUp()) await dead();
      heard = { bytes, at: host.clock.monotonic() };
    }
  };
  watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return { ask: () => (isAsked = true) };
}

/** Of the counters that OpenVPN writes (`--status`, openvpn(8)): bytes received from the network, pings included. */
export const receivedBytes = (status: string | undefined): string | undefined =>
  /^TCP\/UDP read bytes,(\d+)$/m.exec(status ?? "")?.[1];
