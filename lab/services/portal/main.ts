/**
 * The lab's subscription portal and backup storage: what my.nethesis.it, my.nethserver.com and backupd.nethesis.it answer (contract "ns-plug", sections 2 to 4).
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { jsonResponse, readFault, serve, type Received } from "../https-server.ts";
import { receiveFile } from "./receive-file.ts";
import { backupDir, faultPath, readPortal, updatePortal, type PortalSystem } from "./portal-state.ts";

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const fields = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? { ...value } : {};

const bySecret = (plan: PortalSystem["plan"], secret: string): PortalSystem | undefined =>
  readPortal().systems.find((system) => system.plan === plan && system.secret === secret);

/** The system that a `Authorization: token …` header names. */
function tokenOf({ headers }: Received): PortalSystem | undefined {
  const secret = /^token (.+)$/.exec(headers["authorization"] ?? "")?.[1];
  return readPortal().systems.find((system) => system.secret === secret);
}

const info = (system: PortalSystem): Response =>
  jsonResponse(200, {
    id: 42,
    uuid: system.uuid,
    subscription: {
      valid_until: "2099-12-31T00:00:00Z",
      status: "valid",
      subscription_plan: { name: `Lab ${system.plan}` },
    },
  });

function machine(received: Received): Response | undefined {
  const body = fields(received.body);
  if (received.path === "/api/systems/info") {
    const system = bySecret("enterprise", text(body["secret"]));
    return system === undefined ? jsonResponse(403, { error: "forbidden" }) : info(system);
  }
  if (received.path === "/api/machine/info") {
    const system = tokenOf(received);
    return system?.plan === "community" ? info(system) : jsonResponse(401, { error: "unauthorized" });
  }
  if (received.path === "/api/Utils/freekey") {
    updatePortal((state) => ({ ...state, freed: [...state.freed, text(body["secret"])] }));
    return jsonResponse(200, {});
  }
  const store =
    /^\/(?:isa|api\/machine)\/(heartbeats\/store|alerts\/store|inventory\/store\/|inventories\/store\/)$/.exec(
      received.path,
    )?.[1];
  if (store === undefined) return undefined;
  if (tokenOf(received) === undefined) return jsonResponse(401, { error: "unauthorized" });
  const at = Date.now();
  if (store === "heartbeats/store")
    updatePortal((state) => ({ ...state, heartbeats: [...state.heartbeats, { at, lk: text(body["lk"]) }] }));
  else if (store === "alerts/store") {
    const alert = { at, lk: text(body["lk"]), alert_id: text(body["alert_id"]), status: text(body["status"]) };
    updatePortal((state) => ({ ...state, alerts: [...state.alerts, alert] }));
  } else {
    const inventory = fields(body["data"]);
    updatePortal((state) => ({
      ...state,
      inventories: [...state.inventories, { at, lk: text(inventory["lk"]), data: inventory["data"] }],
    }));
  }
  return jsonResponse(200, {});
}

const backupPath = /^\/(community|enterprise)\/api\/v2\/backup\/([^/]*)$/;

/** Basic authentication by system id and secret; a folder for each system. */
async function backups(request: Request, received: Received): Promise<Response | undefined> {
  const match = backupPath.exec(new URL(request.url).pathname);
  if (match === null) return undefined;
  const [user = "", secret = ""] = Buffer.from(
    (received.headers["authorization"] ?? "").replace(/^Basic /, ""),
    "base64",
  )
    .toString()
    .split(":");
  const system = readPortal().systems.find(
    (entry) => entry.plan === match[1] && entry.uuid === user && entry.secret === secret,
  );
  if (system === undefined) return jsonResponse(401, { error: "unauthorized" });
  const dir = `${backupDir}/${system.uuid}`;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const name = decodeURIComponent(match[2] ?? "");
  if (name.includes("/") || name.startsWith(".")) return jsonResponse(400, { error: "bad name" });
  if (request.method === "GET" && name === "") return jsonResponse(200, list(dir));
  const path = `${dir}/${name}`;
  if (request.method === "PUT") {
    const whole = await receiveFile(request, path);
    return whole ? jsonResponse(201, {}) : jsonResponse(400, { error: "truncated" });
  }
  if (!existsSync(path)) return jsonResponse(404, { error: "not found" });
  if (request.method === "DELETE") {
    rmSync(path);
    return jsonResponse(200, {});
  }
  const file = Bun.file(path);
  const fault = readFault(faultPath);
  return fault === "cut" || fault === "stall" ? endInTheMiddle(file, fault) : new Response(file);
}

/** Half of what was announced; then the connection is closed, or nothing comes any more. */
function endInTheMiddle(file: Blob, how: "cut" | "stall"): Response {
  const half = file.slice(0, Math.floor(file.size / 2)).stream();
  const reader = half.getReader();
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const part = await reader.read();
      if (!part.done) controller.enqueue(part.value);
      else if (how === "cut") controller.error(new Error("cut"));
      else await new Promise<never>(() => undefined);
    },
  });
  return new Response(body, { headers: { "Content-Length": String(file.size) } });
}

function list(dir: string): unknown[] {
  return readdirSync(dir)
    .filter((name) => !name.endsWith(".part"))
    .map((name) => ({
      file: name,
      name,
      size: statSync(`${dir}/${name}`).size,
      mtime: statSync(`${dir}/${name}`).mtimeMs,
    }))
    .toSorted((a, b) => b.mtime - a.mtime);
}

serve({
  faultPath,
  streams: (path) => backupPath.test(path),
  handle: async (request, received) =>
    machine(received) ?? (await backups(request, received)) ?? jsonResponse(404, { error: "not found" }),
});
