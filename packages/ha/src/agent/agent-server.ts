/**
 * The agent's socket: routes requests to handlers by the table of endpoints (cluster/agent-endpoints.ts), validates them, and answers in the
 * format of the endpoint's kind. The parts of the agent supply the routes.
 * Invariants: one request never blocks another; a NethsecError is answered as a refusal; any other error of a plain endpoint is a 500 without details.
 */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import type { Endpoint, Question, Stream } from "../cluster/agent-endpoints.ts";
import { jsonLines } from "./json-lines.ts";

/** An endpoint with its handler. Made by `answers` and `streams`. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly respond: (request: Request) => Promise<Response>;
}

/** A route whose handler gives one value. */
export function answers<Asked, Answer>(
  endpoint: Question<Asked, Answer>,
  handle: (asked: Asked) => Answer | Promise<Answer>,
): Route {
  return route(endpoint, (asked, signal) => {
    if (endpoint.kind === "plain") return Promise.resolve(handle(asked)).then((answer) => Response.json(answer));
    return jsonLines(async (send) => send(await handle(asked)), refused, signal);
  });
}

/** A route whose handler sends values until its promise settles; the signal aborts when the caller disconnects. */
export function streams<Asked, Answer>(
  endpoint: Stream<Asked, Answer>,
  handle: (asked: Asked, send: (value: Answer) => void, signal: AbortSignal) => Promise<void>,
): Route {
  return route(endpoint, (asked, signal) => jsonLines((send) => handle(asked, send, signal), refused, signal));
}

function route<Asked>(
  endpoint: Endpoint<Asked, unknown>,
  respond: (asked: Asked, signal: AbortSignal) => Response | Promise<Response>,
): Route {
  const { method, path } = endpoint;
  return { method, path, respond: async (request) => respond(await askedOf(endpoint, request), request.signal) };
}

/** Dispatches a request to its route. Rethrows any error other than a NethsecError. */
export async function handleAgentRequest(routes: readonly Route[], request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const found = routes.find(({ method, path }) => method === request.method && path === pathname);
  if (found === undefined) {
    const message = `The agent does not know ${request.method} ${pathname}.`;
    return Response.json({ error: "no_such_path", message }, { status: 404 });
  }
  try {
    return await found.respond(request);
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    return Response.json(refusal(error), { status: 409 });
  }
}

async function askedOf<Asked>(endpoint: Endpoint<Asked, unknown>, request: Request): Promise<Asked> {
  const given = endpoint.method === "GET" ? queryOf(request) : await request.json().catch(() => undefined);
  const parsed = v.safeParse(endpoint.request, given);
  if (parsed.success) return parsed.output;
  throw new NethsecError({
    code: "bad_request",
    message: `The agent does not understand this request for ${endpoint.path}.`,
    advice: "Is the command of the same version as the agent? To restart the agent: /etc/init.d/ns-ha restart",
  });
}

function queryOf(request: Request): unknown {
  try {
    return Object.fromEntries([...new URL(request.url).searchParams].map(([name, text]) => [name, JSON.parse(text)]));
  } catch {
    return undefined; // a value is not JSON: the schema refuses it
  }
}

function refusal({ code, message, advice }: NethsecError): { error: string; message: string; advice?: string } {
  return { error: code, message, ...(advice === undefined ? {} : { advice }) };
}

function refused(error: unknown): { refused: { error: string; message: string; advice?: string } } {
  if (error instanceof NethsecError) return { refused: refusal(error) };
  return { refused: { error: "ha_agent_failed", message: messageOf(error) } };
}
