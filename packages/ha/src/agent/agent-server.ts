/**
 * The agent's socket: paths and shapes of agent-client.ts. Pure routing: what is answered comes from the `AgentParts`.
 * Invariants: one request never blocks another; errors of the product are answered as { error, message, advice }, others are 500 without details.
 */
import { NethsecError } from "@nethsec/host/error";
import * as v from "valibot";
import type {
  AgentStatus,
  ApplyAnswer,
  DiffEntry,
  DrillCheck,
  Facts,
  HistoryEntry,
  SwitchResult,
  SyncEvent,
} from "../cluster/agent-client.ts";
import type { SyncOutcome } from "../sync/sync-sender.ts";

export interface AgentParts {
  readonly status: () => Promise<AgentStatus>;
  readonly history: (limit: number) => Promise<HistoryEntry[]>;
  readonly follow: (listener: (entry: HistoryEntry) => void, signal: AbortSignal) => void;
  readonly diff: () => Promise<DiffEntry[]>;
  readonly drill: () => Promise<DrillCheck[]>;
  readonly sync: (progress: (text: string) => void) => Promise<SyncOutcome>;
  readonly switchTo: (to: "primary" | "backup") => Promise<SwitchResult>;
  readonly changed: () => void;
  readonly apply: (id: string | undefined) => Promise<ApplyAnswer>;
  readonly facts: () => Promise<Facts>;
  readonly held: () => unknown;
  /** The other node hands over on purpose within the next moment; false: it did not. */
  readonly planned: (planned: boolean) => void;
}

/** A stream must say something before the server's idle timeout; readers skip empty lines. */
const keepAliveMs = 3000;
const historyLimitMax = 5000;

export async function handleAgentRequest(parts: AgentParts, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  try {
    switch (`${request.method} ${pathname}`) {
      case "GET /status":
        return Response.json(await parts.status());
      case "GET /history":
        return await historyStream(parts, searchParams, request.signal);
      case "GET /diff":
        return slowly(async () => ({ entries: await parts.diff() }));
      case "GET /drill":
        return slowly(async () => ({ checks: await parts.drill() }));
      case "GET /facts":
        return Response.json(await parts.facts());
      case "GET /held":
        return slowly(() => Promise.resolve({ entries: parts.held() }));
      case "POST /sync":
        return await syncStream(parts, await body(request, v.object({ wait: v.boolean() })));
      case "POST /switch": {
        const { to } = await body(request, v.object({ to: v.picklist(["primary", "backup"]) }));
        return slowly(() => parts.switchTo(to));
      }
      case "POST /apply": {
        const { id } = await body(request, v.object({ id: v.optional(v.string()) }));
        return slowly(() => parts.apply(id));
      }
      case "POST /planned":
        parts.planned((await body(request, v.object({ planned: v.boolean() }))).planned);
        return new Response(null, { status: 204 });
      case "POST /changed":
        parts.changed();
        return new Response(null, { status: 204 });
      default:
        return Response.json(
          { error: "no_such_path", message: `The agent does not know ${request.method} ${pathname}.` },
          { status: 404 },
        );
    }
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    return Response.json({ error: error.code, message: error.message, advice: error.advice }, { status: 409 });
  }
}

async function body<T>(request: Request, schema: v.GenericSchema<unknown, T>): Promise<T> {
  const parsed = v.safeParse(schema, await request.json().catch(() => undefined));
  if (parsed.success) return parsed.output;
  throw new NethsecError({
    code: "bad_request",
    message: "The agent does not understand this request.",
    advice: "Is the command of the same version as the agent?",
  });
}

async function historyStream(parts: AgentParts, query: URLSearchParams, signal: AbortSignal): Promise<Response> {
  const limit = Math.min(historyLimitMax, Math.max(0, Number(query.get("limit") ?? 50) || 0));
  const entries = await parts.history(limit);
  if (query.get("follow") !== "1") return jsonLines((send) => entries.forEach(send));
  return jsonLines((send) => {
    entries.forEach(send);
    parts.follow(send, signal);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }, signal);
}

async function syncStream(parts: AgentParts, { wait }: { wait: boolean }): Promise<Response> {
  if (!wait) {
    void parts.sync(() => undefined).catch(() => undefined); // its outcome is in the status and the log
    return jsonLines((send) =>
      send({ kind: "result", status: "started", ok: true, changed: [], tookMs: 0 } satisfies SyncEvent),
    );
  }
  const lines: ((event: SyncEvent) => void)[] = [];
  const outcome = parts.sync((text) => lines.forEach((send) => send({ kind: "progress", text })));
  return jsonLines(async (send) => {
    lines.push(send);
    const { status, ok, changed, tookMs, reason, advice } = await outcome;
    const told = [reason, advice].filter((text) => text !== undefined).join(" ");
    send({
      kind: "result",
      status,
      ok,
      changed: [...changed],
      tookMs: Math.round(tookMs),
      ...(told === "" ? {} : { advice: told }),
    });
  });
}

/** One JSON value, whenever it is there: a connection on which nothing is said for ten seconds would be closed. A refusal is `{ refused: … }`. */
function slowly(work: () => Promise<unknown>): Response {
  return jsonLines(async (send) => send(await work().catch(refused)));
}

function refused(error: unknown): { refused: { error: string; message: string; advice?: string | undefined } } {
  if (error instanceof NethsecError)
    return { refused: { error: error.code, message: error.message, advice: error.advice } };
  return { refused: { error: "ha_agent_failed", message: error instanceof Error ? error.message : String(error) } };
}

/** One JSON value a line; ends when `produce` settles. A reader that went away is no error: the rest is said to nobody. */
function jsonLines(produce: (send: (value: unknown) => void) => void | Promise<void>, signal?: AbortSignal): Response {
  const encoder = new TextEncoder();
  let open = true;
  let alive: ReturnType<typeof setInterval> | undefined;
  const end = (): void => {
    open = false;
    clearInterval(alive);
  };
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (text: string): void => {
        if (!open) return;
        try {
          controller.enqueue(encoder.encode(text));
        } catch {
          end(); // the reader is gone, and the runtime did not say so
        }
      };
      signal?.addEventListener("abort", end, { once: true });
      alive = setInterval(() => send("\n"), keepAliveMs);
      send("\n");
      try {
        await produce((value) => send(`${JSON.stringify(value)}\n`));
      } catch (error) {
        const advice = error instanceof Error ? error.message : String(error);
        send(`${JSON.stringify({ kind: "result", status: "Failed", ok: false, changed: [], tookMs: 0, advice })}\n`);
      }
      if (open) controller.close();
      end();
    },
    cancel: end,
  });
  return new Response(stream, { headers: { "content-type": "application/x-ndjson" } });
}
