/** API requests of the administrator and of the metrics collector (recorded: names beginning with "administrator", "unit facts", "targets"). */
import { answer, basicOf, json, type ApiRequest } from "./answers.ts";
import type { Controller } from "./controller.ts";
import type { Unit } from "./controller-state.ts";
import { bind, decodeFirst, DecodeError, isObject, member, type Fields } from "./go-json.ts";
import { storeInfo } from "./ingest.ts";

const maxBodyBytes = 32_768;
const isUuid = (id: string): boolean => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);

export const isAdministrator = ({ state }: Controller, { headers }: ApiRequest): boolean =>
  headers["authorization"] === `Bearer ${state.read().adminToken}`;

/** Handles the administrator's paths; returns undefined for any other path. */
export async function administer(controller: Controller, request: ApiRequest): Promise<Response | undefined> {
  if (request.path === "/units" && request.method === "POST") return addUnit(controller, request);
  const [, id = "", what] = /^\/units\/([^/]+)(?:\/(token|info))?$/.exec(request.path) ?? [];
  if (id === "") return undefined;
  if (what === undefined && request.method === "DELETE") return removeUnit(controller, id);
  if (request.method !== "GET") return undefined;
  if (what === "token") {
    const token = await unitToken(controller, id);
    return typeof token === "string"
      ? answer(400, `${token} for: ${id}`, "")
      : answer(200, "unit token retrieved successfully", token);
  }
  return what === "info" ? unitInfo(controller, id) : undefined;
}

function addUnit({ state, authority, nextAddress }: Controller, request: ApiRequest): Response {
  let id: string;
  try {
    id = String(bind(decodeFirst(request.body, maxBodyBytes), "AddRequest", { unit_id: "string" })["unit_id"]);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return answer(400, "request fields malformed", error.message);
  }
  if (!isUuid(id))
    return answer(
      400,
      `cannot store unit record inside database for: ${id}`,
      `ERROR: invalid input syntax for type uuid: "${id}" (SQLSTATE 22P02)`,
    );
  const { units, token } = state.read();
  if (units.some((unit) => unit.id === id)) return answer(409, "duplicated unit id", "");
  const vpnAddress = nextAddress(units);
  authority.issue(id, vpnAddress);
  state.update((before) => ({ ...before, units: [...before.units, { id, name: null, info: null, vpnAddress }] }));
  const code = JSON.stringify({ fqdn: "controller.nethsec.test", token, unit_id: id });
  return answer(200, "unit added successfully", { join_code: Buffer.from(code).toString("base64") });
}

function removeUnit({ state, authority }: Controller, id: string): Response {
  if (!state.read().units.some((unit) => unit.id === id))
    return answer(500, `error in deletion unit record for: ${id}`, `no unit deleted with uuid ${id}`);
  // Revoking does not end an open connection: cut it, and the revoked certificate keeps the unit from connecting again.
  authority.disconnect(id);
  authority.revoke(id);
  state.update((before) => {
    const { [id]: _, ...credentials } = before.credentials;
    return { ...before, credentials, units: before.units.filter((unit) => unit.id !== id) };
  });
  return answer(200, "unit deleted successfully", "");
}

/** Logs in at the unit. Returns a string with the reason when that fails. */
async function unitToken(
  { state, askUnit }: Controller,
  id: string,
): Promise<{ readonly expire: string; readonly token: string } | string> {
  const unit = state.read().units.find((row) => row.id === id);
  const { username = "", password = "" } = state.read().credentials[id] ?? {};
  const said = unit === undefined ? undefined : await askUnit(unit, "/api/login", { username, password });
  const login = said === undefined ? undefined : tryDecode(said);
  if (login === undefined) return "cannot convert response to struct";
  const token = String(login["token"]);
  return token === "" ? "invalid token response" : { expire: String(login["expire"]), token };
}

function tryDecode(body: Uint8Array): Fields | undefined {
  try {
    return bind(decodeFirst(body, Infinity), "LoginResponse", { token: "string", expire: "string" });
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

const factsShape = {
  unit_name: "string",
  version: "string",
  subscription_type: "string",
  system_id: "string",
  ssh_port: "int",
  fqdn: "string",
  api_version: "string",
  description: "string",
} as const;

async function unitInfo(controller: Controller, id: string): Promise<Response> {
  const login = await unitToken(controller, id);
  const unit = controller.state.read().units.find((row) => row.id === id);
  const failed = (why: string): Response => answer(400, `can't get unit info for: ${id}`, why);
  if (typeof login === "string") return failed(`${login} for: ${id}`);
  if (unit === undefined) return failed("unit not found");
  const facts = await ubusCall(controller, unit, login.token, "ns.controller", "info", "UnitInfo", factsShape);
  const update = await ubusCall(controller, unit, login.token, "ns.update", "check-system-update", "Update", {
    currentVersion: "string",
    lastVersion: "string",
    scheduledAt: "int",
  });
  if (facts === undefined || update === undefined) return failed("error decoding response");
  const stored = {
    ...facts,
    scheduled_update: update["scheduledAt"] ?? -1n,
    version_update: update["lastVersion"] ?? "",
  };
  storeInfo(controller, id, stored);
  return answer(200, "unit info retrieved successfully", {
    APIVersion: facts["api_version"],
    Description: facts["description"],
    FQDN: facts["fqdn"],
    SSHPort: Number(facts["ssh_port"]),
    ScheduledUpdate: Number(stored.scheduled_update),
    SubscriptionType: facts["subscription_type"],
    SystemID: facts["system_id"],
    UnitName: facts["unit_name"],
    Version: facts["version"],
    VersionUpdate: stored.version_update,
  });
}

async function ubusCall(
  { askUnit }: Controller,
  unit: Unit,
  token: string,
  path: string,
  method: string,
  struct: string,
  shape: Parameters<typeof bind>[2],
): Promise<Fields | undefined> {
  const said = await askUnit(unit, "/api/ubus/call", { path, method, payload: {} }, token);
  if (said === undefined) return undefined;
  try {
    const body = decodeFirst(said, Infinity);
    return bind((isObject(body) ? member(body, "data") : null) ?? null, struct, shape);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Scrape targets for the metrics collector: netdata and telegraf of each unit. */
export function targets({ state }: Controller, request: ApiRequest): Response {
  if (basicOf(request)[1] !== state.read().adminToken) return answer(401, "unauthorized");
  const target = (unit: string, node: string, path: string, type: string, port: number): unknown => ({
    labels: { __metrics_path__: path, metrics_type: type, node, unit },
    targets: [`${node}:${port}`],
  });
  return json(
    200,
    state
      .read()
      .units.flatMap(({ id, vpnAddress: node }) =>
        node === null
          ? []
          : [
              target(id, node, "/api/v1/allmetrics?format=prometheus&help=no", "netdata", 19999),
              target(id, node, "/metrics", "telegraf", 9273),
            ],
      ),
  );
}
