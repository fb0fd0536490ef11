/** The lab's controller: the API by HTTPS and inside the VPN, and a real OpenVPN server. */
import { appendFileSync } from "node:fs";
import { jsonResponse, readFault, serve, type Received } from "../https-server.ts";
import type { ApiRequest } from "./answers.ts";
import { handle, handlePublic } from "./api.ts";
import type { Controller } from "./controller.ts";
import { diskState, faultPath, type Unit } from "./controller-state.ts";
import { MemoryReports } from "./memory-reports.ts";
import { RateLimit } from "./rate-limit.ts";
import { apiPort } from "./vpn-addresses.ts";
import { authority, disconnect, nextAddress, releaseAddress, reserveAddress, restartServer } from "./vpn.ts";

/** One JSON line per stored dump; read by tests. */
const ingestedPath = "/var/log/lab-ingested.jsonl";
const askTimeoutMs = 10_000;

/** Like the real reverse proxy: HTTPS without verifying the certificate, with the caller's Host header. */
async function askUnit(unit: Unit, path: string, body: unknown, token?: string): Promise<Uint8Array | undefined> {
  if (unit.vpnAddress === null) return undefined;
  try {
    const response = await fetch(`https://${unit.vpnAddress}:9090${path}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "User-Agent": "Go-http-client/1.1",
        Host: "localhost:8080",
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      tls: { rejectUnauthorized: false },
      signal: AbortSignal.timeout(askTimeoutMs),
    });
    return await response.bytes();
  } catch {
    return undefined;
  }
}

const controller: Controller = {
  state: diskState,
  authority: {
    has: (id) => authority.has(id),
    issue: (id, vpnAddress) => {
      authority.issue(id);
      reserveAddress(id, vpnAddress);
    },
    revoke: (id) => {
      authority.revoke(id);
      releaseAddress(id);
    },
    disconnect,
    material: (id) => authority.material(id),
  },
  reports: new MemoryReports(),
  limit: new RateLimit(),
  accepted: (unit, dump, body) =>
    appendFileSync(
      ingestedPath,
      `${JSON.stringify({ at: Date.now(), unit, dump, body: JSON.parse(Buffer.from(body).toString()) })}\n`,
      { mode: 0o600 },
    ),
  askUnit,
  now: Date.now,
  nextAddress,
};

/** Turns a valid answer into a hostile one of the same form: each field holds text that is dangerous in a shell, a path or a configuration line. */
async function hostile(response: Response): Promise<Response> {
  const { data, ...rest }: { data: Record<string, unknown> } = JSON.parse(await response.text());
  const poison = "$(touch /tmp/owned)`touch /tmp/owned`\nscript-security 3\nup /bin/touch\n</ca>\nplugin /tmp/x.so";
  const spoilt = Object.entries(data).map(([name, value]) => [
    name,
    name === "port" ? value : `${poison}${String(value)}${poison}`,
  ]);
  return jsonResponse(200, { ...rest, data: Object.fromEntries(spoilt) });
}

const asked = (received: Received): ApiRequest => ({
  method: received.method,
  path: new URL(received.path, "http://controller").pathname,
  headers: received.headers,
  body: received.bytes,
  address: received.address,
});

restartServer(diskState.read().port);
serve({
  faultPath,
  handle: async (_, received) => {
    const request = asked(received);
    if (request.path !== "/api/units/register" || readFault(faultPath) !== "hostile")
      return handlePublic(controller, request);
    const { "accept-encoding": _encoding, ...headers } = request.headers;
    const response = await handlePublic(controller, { ...request, headers });
    return response.ok ? hostile(response) : response;
  },
});
serve({ faultPath: "/nonexistent", handle: (_, received) => handle(controller, asked(received)) }, apiPort);
