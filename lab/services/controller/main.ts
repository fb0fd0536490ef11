/** The lab's controller: registration and ingestion by HTTPS and inside the VPN (contract "ns-plug", section 1), and a real OpenVPN server. */
import { appendFileSync } from "node:fs";
import { jsonResponse, readFault, serve, type Received } from "../https-server.ts";
import { faultPath, readController, updateController, updateUnit } from "./controller-state.ts";
import { apiPort, issue, material, restartServer, vpnAddress } from "./vpn.ts";

const ingestedPath = "/var/log/lab-ingested.jsonl";
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const answer = (code: number, message: string, data: unknown = null): Response =>
  jsonResponse(code, { code, message, data });

function register(received: Received): Response {
  const body: Record<string, unknown> =
    typeof received.body === "object" && received.body !== null ? { ...received.body } : {};
  const id = text(body["unit_id"]);
  updateController((state) => ({ ...state, requests: { ...state.requests, [id]: (state.requests[id] ?? 0) + 1 } }));
  const state = readController();
  const unit = state.units.find((entry) => entry.id === id);
  const token = received.headers["registrationtoken"];
  if (token === undefined || token === "") return answer(401, "registration token required");
  if (unit !== undefined && unit.token !== token) return answer(403, "invalid registration token");
  if (unit === undefined || !unit.approved) return answer(403, "unit not allowed, no certificate found");
  updateUnit(id, (entry) => ({
    ...entry,
    registered: {
      at: Date.now(),
      username: text(body["username"]),
      password: text(body["password"]),
      version: text(body["version"]),
      unitName: text(body["unit_name"]),
    },
  }));
  issue(unit.id, "client");
  const grant = {
    host: "controller.nethsec.test",
    port: state.port,
    ...material(unit.id),
    promtail_address: vpnAddress,
    promtail_port: 6514,
    vpn_address: vpnAddress,
    api_port: String(apiPort),
    ...state.overrides,
  };
  return answer(200, "success", readFault(faultPath) === "hostile" ? hostile(grant) : grant);
}

/** The right form, with something in each field that would be dangerous in a shell, a path or a configuration line. */
function hostile(grant: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const poison = "$(touch /tmp/owned)`touch /tmp/owned`\nscript-security 3\nup /bin/touch\n</ca>\nplugin /tmp/x.so";
  return Object.fromEntries(
    Object.entries(grant).map(([name, value]) => [
      name,
      name === "port" ? value : `${poison}${String(value)}${poison}`,
    ]),
  );
}

function ingest(received: Received): Response {
  const [user = "", token = ""] = Buffer.from(
    (received.headers["authorization"] ?? "").replace(/^Basic /, ""),
    "base64",
  )
    .toString()
    .split(":");
  const unit = readController().units.find((entry) => entry.id === user && entry.token === token);
  if (unit === undefined) return answer(401, "invalid unit id");
  const dump = received.path.split("/").at(-1);
  appendFileSync(ingestedPath, `${JSON.stringify({ at: Date.now(), unit: user, dump, body: received.body })}\n`, {
    mode: 0o600,
  });
  return answer(200, "success");
}

const handle = (_: Request, received: Received): Response => {
  if (received.path === "/api/units/register" && received.method === "POST") return register(received);
  if (/^(\/api)?\/ingest\/[a-z-]+$/.test(received.path) && received.method === "POST") return ingest(received);
  return answer(404, "not found");
};

restartServer();
serve({ faultPath, handle });
serve({ faultPath: "/nonexistent", handle }, apiPort);
