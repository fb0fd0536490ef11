/** `POST /ingest/…`: the dumps and the facts that units push (recorded: names beginning with "ingest"). */
import { answer, basicOf, type ApiRequest } from "./answers.ts";
import type { Controller } from "./controller.ts";
import { updateUnit } from "./controller-state.ts";
import { bind, decodeFirst, DecodeError, isObject, member, type Fields, type GoJson } from "./go-json.ts";
import { tables } from "./tables.ts";

const maxBodyBytes = 8 * 1024 * 1024;
const infoShape = {
  unit_name: "string",
  version: "string",
  version_update: "string",
  scheduled_update: "int",
  subscription_type: "string",
  system_id: "string",
  ssh_port: "int",
  fqdn: "string",
  api_version: "string",
  description: "string",
} as const;

export async function ingest(controller: Controller, request: ApiRequest): Promise<Response> {
  const { state, authority } = controller;
  const [unit, token] = basicOf(request);
  if (unit === "" || token === "") return answer(400, "missing unit or token");
  if (token !== state.read().token) return answer(401, "invalid registration token");
  if (!authority.has(unit)) return answer(401, "invalid unit id");
  const dump = request.path.slice("/ingest/".length);
  if (dump === "info") return info(controller, unit, request);
  if (dump === "dump-nsplug-config") return nsplugConfig(controller, unit, request);
  const table = tables[dump];
  if (table === undefined) {
    const unread = request.body.length > maxBodyBytes ? { Connection: "close" } : {};
    const response = answer(400, "metric not found", null, 404);
    for (const [name, value] of Object.entries(unread)) response.headers.set(name, value);
    return response;
  }
  let entries: readonly Fields[];
  try {
    const body = decodeFirst(request.body, maxBodyBytes);
    const data = isObject(body) ? member(body, "data") : undefined;
    if (!isList(data)) return answer(400, "invalid request");
    entries = data.map((entry) => bind(entry, table.name, table.entry));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return answer(400, "invalid request");
  }
  if (!state.read().units.some(({ id }) => id === unit)) return answer(400, "unit not found", null, 404);
  if (!(await controller.reports.ingest(table, unit, entries))) return answer(400, "error inserting data", null, 500);
  controller.accepted(unit, dump, request.body);
  return answer(200, "success");
}

const isList = (value: GoJson | undefined): value is readonly GoJson[] => Array.isArray(value);

function nsplugConfig(controller: Controller, unit: string, request: ApiRequest): Response {
  let name: string;
  try {
    name = String(bind(decodeFirst(request.body, maxBodyBytes), "NsPlugConfig", { name: "string" })["name"]);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return answer(400, "invalid request");
  }
  if (name === "") return answer(400, "invalid request");
  if (name.includes("\0"))
    return answer(
      400,
      'error updating unit name: ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)',
      null,
      500,
    );
  const { state } = controller;
  if (state.read().units.some(({ id }) => id === unit)) updateUnit(state, unit, (row) => ({ ...row, name }));
  else
    state.update((before) => ({
      ...before,
      units: [...before.units, { id: unit, name, info: null, vpnAddress: null }],
    }));
  controller.accepted(unit, "dump-nsplug-config", request.body);
  return answer(200, "success");
}

/** Like the real controller, answers success even when the database refuses the facts or has no row for the unit. */
function info(controller: Controller, unit: string, request: ApiRequest): Response {
  let fields: Fields;
  try {
    fields = bind(decodeFirst(request.body, maxBodyBytes), "UnitInfo", infoShape);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return answer(400, "request fields malformed", error.message);
  }
  storeInfo(controller, unit, fields);
  controller.accepted(unit, "info", request.body);
  return answer(200, "unit info retrieved successfully");
}

export function storeInfo({ state }: Pick<Controller, "state">, unit: string, fields: Fields): void {
  if (Object.values(fields).some((value) => typeof value === "string" && value.includes("\0"))) return;
  const facts = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "bigint" ? Number(value) : value,
  ]);
  updateUnit(state, unit, (row) => ({
    ...row,
    name: String(fields["unit_name"]),
    info: Object.fromEntries(facts),
  }));
}
