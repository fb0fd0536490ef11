/**
 * The client of the resident agent, over its UNIX socket. The endpoints are in agent-endpoints.ts.
 * Invariant: no request waits longer than its endpoint's deadline; a stream ends when the caller's signal aborts.
 */
import { NethsecError } from "@nethsec/host/error";
import { nobodyListens, unixRequest } from "@nethsec/host/http/unix-request";
import { streamLines } from "@nethsec/host/process/stream-lines";
import * as v from "valibot";
import { agentEndpoints, type Endpoint, type Question, type Stream } from "./agent-endpoints.ts";
import type { AgentStatus } from "./agent-schemas.ts";
import { haPaths } from "./config.ts";

/** Maximum length of one value in characters. The longest answer is `held`: some 300 for each synchronised file. */
const lineMax = 16 * 1024 * 1024;

export class AgentClient {
  readonly #socket: string;
  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Throws `ha_agent_not_running`, `ha_agent_silent`, `ha_agent_failed`, and the agent's refusal. */
  async ask<Request, Answer>(endpoint: Question<Request, Answer>, request: Request): Promise<Answer> {
    return within(endpoint.deadlineMs, async (signal) => {
      if (!endpoint.lines) {
        const response = await this.#send(endpoint, request, signal);
        return v.parse(endpoint.answer, await response.json());
      }
      for await (const value of this.#values(endpoint, request, signal)) return value;
      throw new NethsecError({
        code: "ha_agent_failed",
        message: `The agent ns-ha ended before it answered ${endpoint.method} ${endpoint.path}.`,
        advice: "Look into /var/log/messages (grep ns-ha), then try again.",
      });
    });
  }

  /** Yields the values as they arrive. Throws like {@link ask}. */
  stream<Request, Answer>(
    endpoint: Stream<Request, Answer>,
    request: Request,
    signal: AbortSignal,
  ): AsyncGenerator<Answer> {
    return this.#values(endpoint, request, signal);
  }

  /** undefined when the agent does not run. */
  status(): Promise<AgentStatus | undefined> {
    return this.ask(agentEndpoints.status, {}).catch(absent);
  }

  /** Makes the agent read the configuration again; does nothing when no agent runs. */
  async changed(): Promise<void> {
    await this.ask(agentEndpoints.changed, {}).catch(absent);
  }

  async *#values<Request, Answer>(
    endpoint: Endpoint<Request, Answer>,
    request: Request,
    signal: AbortSignal,
  ): AsyncGenerator<Answer> {
    const response = await this.#send(endpoint, request, signal);
    if (response.body === null) return;
    for await (const line of streamLines(response.body, lineMax)) {
      if (line === "") continue;
      const value: unknown = JSON.parse(line);
      const refused = v.safeParse(refusedSchema, value);
      if (refused.success) throw refusalError(refused.output.refused);
      yield v.parse(endpoint.answer, value);
    }
  }

  async #send<Request>(
    { method, path }: Endpoint<Request, unknown>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response> {
    const where = method === "GET" ? { path: `${path}${queryOf(request)}` } : { path, body: request };
    const response = await unixRequest({ socket: this.#socket, method, signal, ...where }).catch((cause: unknown) => {
      throw failure(cause, `${method} ${path}`, signal);
    });
    if (response.ok) return response;
    throw await refusal(response);
  }
}

/** `socket`: real path of the agent's socket. */
export function agentClient(socket: string = haPaths.agentSocket): AgentClient {
  return new AgentClient(socket);
}

/** Encodes each member as JSON. */
function queryOf(request: unknown): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request ?? {})) query.set(name, JSON.stringify(value));
  return query.size === 0 ? "" : `?${query.toString()}`;
}

/** Error handler for callers that accept a missing agent: returns undefined for it, rethrows anything else. */
function absent(error: unknown): undefined {
  if (error instanceof NethsecError && error.code === "ha_agent_not_running") return undefined;
  throw error;
}

function failure(cause: unknown, what: string, signal: AbortSignal): unknown {
  if (nobodyListens(cause)) {
    return new NethsecError({
      code: "ha_agent_not_running",
      message: "The agent ns-ha does not run on this node.",
      advice: "Start it: `/etc/init.d/ns-ha start`; why it ended is in /var/log/messages.",
      cause,
    });
  }
  if (signal.aborted || !(cause instanceof Error)) return cause;
  return new NethsecError({
    code: "ha_agent_failed",
    message: `The agent ns-ha gave no answer to ${what}: ${cause.message}`,
    advice: "Look into /var/log/messages (grep ns-ha), then try again.",
    cause,
  });
}

const refusalSchema = v.object({ error: v.string(), message: v.string(), advice: v.optional(v.string()) });
const refusedSchema = v.object({ refused: refusalSchema });

async function refusal(response: Response): Promise<NethsecError> {
  const parsed = v.safeParse(refusalSchema, await response.json().catch(() => undefined));
  if (parsed.success) return refusalError(parsed.output);
  return new NethsecError({
    code: "ha_agent_failed",
    message: `The agent ns-ha answered with status ${response.status}.`,
  });
}

function refusalError({ error, message, advice }: v.InferOutput<typeof refusalSchema>): NethsecError {
  return new NethsecError({ code: error, message, ...(advice === undefined ? {} : { advice }) });
}

/** Throws `ha_agent_silent` when the work is not done in time. */
async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await work(AbortSignal.timeout(timeoutMs));
  } catch (cause) {
    if (!(cause instanceof DOMException) || cause.name !== "TimeoutError") throw cause;
    throw new NethsecError({
      code: "ha_agent_silent",
      message: `The agent ns-ha of this node runs but did not answer for ${timeoutMs / 1000} s.`,
      advice: "If it stays silent: /etc/init.d/ns-ha restart; addresses and connections stay as they are meanwhile.",
      cause,
    });
  }
}
