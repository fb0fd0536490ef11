/**
 * `ns-plug-alert-proxy`: the HTTP receiver for vmalert's alerts. They are handled like all others: queued on disk, each state sent once, retried with
 * each heartbeat. The request is answered without waiting for the portal.
 */
import { serveHttp, type HttpServer } from "@nethsec/host/http/http-server";
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import { deliverAlerts, holdAlert } from "./deliver.ts";
import { isStandby } from "./standby.ts";
import { hasMwanSpoken } from "./mwan.ts";
import { alertOfVmalert, readAlertsBody, type VmAlert } from "./vmalert.ts";

/** Limit of a request body: vmalert posts all firing alerts in one request, each about 1 KiB. */
const maxBytes = 1024 * 1024;

/** Starts listening; `port` 0 is any free one. Throws NethsecError "listen_failed". */
export function serveAlerts(host: Host, port: number): Promise<HttpServer> {
  let delivering = Promise.resolve();
  const deliver = (): void => {
    delivering = delivering
      .then(() => deliverAlerts(host))
      .then(() => undefined)
      .catch((error: unknown) => host.log("err", `alerts are not delivered: ${messageOf(error)}`));
  };
  return serveHttp({
    listen: { kind: "tcp", address: "127.0.0.1", port },
    maxRequestBytes: maxBytes,
    failed: (error) => host.log("err", `ns-plug-alert-proxy: ${messageOf(error)}`),
    handle: async (request) => {
      if (request.method !== "POST") return new Response(null);
      const alerts = readAlertsBody(await jsonOf(request));
      if (alerts === undefined) return new Response("not a list of alerts", { status: 400 });
      if (alerts.map((alert) => take(host, alert)).includes(true)) deliver();
      return new Response(null);
    },
  });
}

async function jsonOf(request: Request): Promise<unknown> {
  try {
    const body: unknown = await request.json();
    return body;
  } catch {
    return undefined;
  }
}

/** Queues an alert; true when it is to be delivered now. The standby node of a pair keeps its alerts until it becomes active. */
function take(host: Host, alert: VmAlert): boolean {
  const known = alertOfVmalert(alert, host.clock.now());
  // mwan3's hook reports a WAN minutes earlier. Where it runs, ignore vmalert: its late alert could raise a failure that is already over.
  if (known === undefined || (known.wan !== undefined && hasMwanSpoken(host, known.wan))) return false;
  return holdAlert(host, known.id, known.status) === "queued" && !isStandby(host);
}
