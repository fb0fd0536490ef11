/**
 * Answers of my.nethesis.it, my.nethserver.com, backupd.nethesis.it and distfeed.nethesis.it (test-data/contracts/portal.json; portal.test.ts checks
 * this imitation against it). The form of a refusal is not public: clients accept any 4xx.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { jsonResponse, type Received } from "../https-server.ts";
import type { PortalStore, PortalSystem } from "./portal-store.ts";

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const fields = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? { ...value } : {};
const unauthorized = (): Response => jsonResponse(401, { error: "unauthorized" });

export type Answer = (request: Request, received: Received) => Promise<Response>;

/** `sendFile` sends a backup; the lab replaces it to simulate a broken download. */
export function portalAnswers(store: PortalStore, sendFile = (file: Blob): Response => new Response(file)): Answer {
  return async (request, received) =>
    machine(store, received) ??
    reports(store, received) ??
    (await backups(store, request, received, sendFile)) ??
    (await secondPortal(store, request, received)) ??
    repository(store, received) ??
    jsonResponse(404, { error: "not found" });
}

/** Whether a request's body is streamed: true for backup uploads. */
export const isUpload = (path: string): boolean => backupPath.test(path) || path === "/proxy/backup";

/** The system whose secret is in the `Authorization: token …` header. */
const tokenOf = (store: PortalStore, { headers }: Received): PortalSystem | undefined => {
  const secret = /^token (.+)$/.exec(headers["authorization"] ?? "")?.[1];
  return store.read().systems.find((system) => system.secret === secret);
};

/** The system whose id and secret are in the Basic authorization header. */
const basicOf = (store: PortalStore, { headers }: Received): PortalSystem | undefined => {
  const encoded = (headers["authorization"] ?? "").replace(/^Basic /, "");
  const [user, secret] = Buffer.from(encoded, "base64").toString().split(":");
  return store.read().systems.find((system) => system.uuid === user && system.secret === secret);
};

const info = (system: PortalSystem): Response =>
  jsonResponse(200, {
    id: system.id,
    uuid: system.uuid,
    subscription: {
      valid_until: system.plan === "enterprise" ? "2099-12-31T00:00:00.000000Z" : null,
      status: "valid",
      subscription_plan: { name: `Lab ${system.plan}` },
    },
  });

function machine(store: PortalStore, received: Received): Response | undefined {
  const body = fields(received.body);
  if (received.path === "/api/systems/info" && received.method === "POST") {
    const secret = text(body["secret"]);
    const system = store.read().systems.find((each) => each.plan === "enterprise" && each.secret === secret);
    return system === undefined ? jsonResponse(403, { error: "forbidden" }) : info(system);
  }
  if (received.path === "/api/machine/info" && received.method === "GET") {
    const system = tokenOf(store, received);
    return system?.plan === "community" ? info(system) : unauthorized();
  }
  if (received.path === "/api/Utils/freekey") {
    store.update((state) => ({ ...state, freed: [...state.freed, text(body["secret"])] }));
    return jsonResponse(200, {});
  }
  return undefined;
}

const storePath = /^\/(?:isa|api\/machine)\/(heartbeats\/store|alerts\/store|inventory\/store\/|inventories\/store\/)$/;

function reports(store: PortalStore, received: Received): Response | undefined {
  const kind = storePath.exec(received.path)?.[1];
  if (kind === undefined) return undefined;
  if (tokenOf(store, received) === undefined) return unauthorized();
  const body = fields(received.body);
  const at = Date.now();
  if (kind === "heartbeats/store")
    store.update((state) => ({ ...state, heartbeats: [...state.heartbeats, { at, lk: text(body["lk"]) }] }));
  else if (kind === "alerts/store") {
    const alert = { at, lk: text(body["lk"]), alert_id: text(body["alert_id"]), status: text(body["status"]) };
    store.update((state) => ({ ...state, alerts: [...state.alerts, alert] }));
  } else {
    const sent = fields(body["data"]);
    const inventory = { at, lk: text(sent["lk"]), data: sent["data"] };
    store.update((state) => ({ ...state, inventories: [...state.inventories, inventory] }));
  }
  return jsonResponse(200, {});
}

const backupPath = /^\/(community|enterprise)\/api\/v2\/backup\/([^/]*)$/;

async function backups(
  store: PortalStore,
  request: Request,
  received: Received,
  sendFile: (file: Blob) => Response,
): Promise<Response | undefined> {
  const match = backupPath.exec(received.path);
  if (match === null) return undefined;
  const system = basicOf(store, received);
  if (system === undefined || system.plan !== match[1]) return unauthorized();
  const handle = decodeURIComponent(match[2] ?? "");
  if (received.method === "GET" && handle === "") return jsonResponse(200, { backups: store.backups(system) });
  if (received.method === "PUT") {
    if (!/^[^/\\]+$/.test(handle)) return jsonResponse(400, { error: "bad name" });
    const whole = await store.saveBackup(system, handle, request);
    return whole ? jsonResponse(201, { result: "success" }) : jsonResponse(400, { error: "truncated" });
  }
  const path = store.backupFile(system, handle);
  if (path === undefined) return jsonResponse(404, { error: "not found" });
  if (received.method !== "DELETE") return sendFile(Bun.file(path));
  store.deleteBackup(path);
  return jsonResponse(200, { result: "success" });
}

async function secondPortal(store: PortalStore, request: Request, received: Received): Promise<Response | undefined> {
  const what = /^\/proxy\/(heartbeat|inventory|backup)$/.exec(received.path)?.[1];
  if (what === undefined || received.method !== "POST") return undefined;
  const system = basicOf(store, received);
  if (system === undefined) return unauthorized();
  const data: unknown = what === "backup" ? (await request.bytes()).length : received.body;
  const copy = { at: Date.now(), lk: system.uuid, what, name: received.headers["x-filename"] ?? "", data };
  store.update((state) => ({ ...state, copies: [...state.copies, copy] }));
  return jsonResponse(200, {});
}

const latestRelease = "8.7.2";

/** /repository/<type>/nethsecurity/…: needs credentials. `sha256sums` is generated from the files in its folder. */
function repository(store: PortalStore, received: Received): Response | undefined {
  const match = /^\/repository\/(community|enterprise)\/nethsecurity\/(.+)$/.exec(received.path);
  if (match === null) return undefined;
  if (basicOf(store, received)?.plan !== match[1]) return unauthorized();
  const path = decodeURIComponent(match[2] ?? "");
  const file = store.repositoryFile(path);
  if (file !== undefined) return new Response(Bun.file(file));
  if (path === "latest_release") return new Response(`${latestRelease}\n`);
  const folder = store.repositoryFile(path.replace(/sha256sums$/, ""));
  if (basename(path) !== "sha256sums" || folder === undefined) return undefined;
  const lines = readdirSync(folder).map(
    (name) =>
      `${createHash("sha256")
        .update(readFileSync(`${folder}/${name}`))
        .digest("hex")} *${name}\n`,
  );
  return new Response(lines.join(""));
}
