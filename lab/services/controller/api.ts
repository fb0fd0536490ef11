/**
 * An imitation of the controller's API that gives the recorded answers of the real one (test-data/contracts/controller-http.json, all replayed by
 * `api.test.ts`). The same paths are served by HTTPS below /api and by plain HTTP inside the VPN.
 */
import { administer, isAdministrator, targets } from "./administrator.ts";
import { answer, json, type ApiRequest } from "./answers.ts";
import type { Controller } from "./controller.ts";
import { ingest } from "./ingest.ts";
import { register } from "./register.ts";

export async function handle(controller: Controller, request: ApiRequest): Promise<Response> {
  const response = controller.limit.take(request.address, controller.now())
    ? await route(controller, request)
    : answer(429, "too many requests");
  return /\bgzip\b/.test(request.headers["accept-encoding"] ?? "") ? zipped(response) : response;
}

/** Requests at the public address: the reverse proxy strips /api, and lets addresses outside the administrator's allow list only register. */
export async function handlePublic(controller: Controller, request: ApiRequest): Promise<Response> {
  const { allowList } = controller.state.read();
  const isAllowed = allowList === null || allowList.includes(request.address) || request.path === "/api/units/register";
  if (!isAllowed) return new Response(null, { status: 403 });
  if (!request.path.startsWith("/api/")) return new Response("the administrator's page", { status: 404 });
  return handle(controller, { ...request, path: request.path.slice("/api".length) });
}

async function zipped(response: Response): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length === 0) return new Response(null, response);
  const headers = new Headers(response.headers);
  headers.set("Content-Encoding", "gzip");
  headers.set("Vary", "Accept-Encoding");
  return new Response(Bun.gzipSync(bytes), { status: response.status, headers });
}

async function route(controller: Controller, request: ApiRequest): Promise<Response> {
  const { method, path } = request;
  const notFound = answer(404, "API not found");
  if (path === "/health" && method === "GET") return json(200, { status: "ok" });
  if (path === "/units/register" && method === "POST") return register(controller, request);
  if (path === "/units/register/" && method === "POST")
    return new Response(null, { status: 307, headers: { Location: "/units/register" } });
  if (path.startsWith("/ingest/")) return method === "POST" ? ingest(controller, request) : notFound;
  if (path === "/prometheus/targets" && method === "GET") return targets(controller, request);
  if (path === "/login" && method === "POST") return answer(401, "incorrect Username or Password");
  // /units/register with a method other than GET is no path of the administrator's, so it is not answered with 401.
  if (path.startsWith("/units") && !(path === "/units/register" && method !== "GET")) {
    if (!isAdministrator(controller, request)) {
      const refused = answer(401, "auth header is empty");
      refused.headers.set("WWW-Authenticate", "JWT realm=nethserver");
      return refused;
    }
    return (await administer(controller, request)) ?? notFound;
  }
  return notFound;
}
