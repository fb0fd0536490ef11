/**
 * Detects a tunnel that no longer carries packets. The controller sends one at least every 20 s (keepalive 20 120), so a longer silence triggers a
 * probe of the controller's API inside the VPN; only if that times out as well is the tunnel dead. One lost packet costs one probe.
 */
import { NethsecError } from "@nethsec/host/error";
import { HttpError, httpRequest, type HttpHost } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { tunnelStatusPath } from "./client-conf.ts";
import type { Grant } from "./registration.ts";

/** Interval at which OpenVPN's byte counter is read; OpenVPN writes it at the same interval. */
const everyMs = 2000;
const silenceMs = 21_000;
const probeMs = 4000;

/** Returns false when no answer comes back through the tunnel. `apiProbe` returns undefined if the controller gave no API address to probe. */
export type Probe = (signal: AbortSignal) => Promise<boolean>;

export function apiProbe(host: HttpHost, { vpnAddress, apiPort }: Grant): Probe | undefined {
  if (vpnAddress === undefined || apiPort === undefined) return undefined;
  const address = vpnAddress.includes(":") ? `[${vpnAddress}]` : vpnAddress;
  const url = `http://${address}:${apiPort}/health`;
  return async (signal) => {
    try {
      await httpRequest({ url, timeoutMs: probeMs, retries: 0, maxRedirects: 0, accept: "any", signal }, host);
    } catch (error) {
      // Even a refused connection or an invalid answer came through the tunnel.
      if (error instanceof HttpError) return error.kind !== "timeout";
      throw error;
    }
    return true;
  };
}

export interface SilenceWatch {
  /** Probe now: a "connection refused" indicates that the server is not running. */
  ask(): void;
}

/** Calls `dead` each time the tunnel is found dead, until the signal aborts. Checks only while `isUp`. */
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
      try {
        if (!(await probe(signal)) && isUp()) await dead();
      } catch (error) {
        // A program that did not end in time, for example: the next silence is another chance.
        if (signal.aborted || !(error instanceof NethsecError)) throw error;
      }
      heard = { bytes, at: host.clock.monotonic() };
    }
  };
  watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return { ask: () => (isAsked = true) };
}

/** Bytes received from the network, pings included, from OpenVPN's status file (`--status`, openvpn(8)). */
export const receivedBytes = (status: string | undefined): string | undefined =>
  /^TCP\/UDP read bytes,(\d+)$/m.exec(status ?? "")?.[1];
