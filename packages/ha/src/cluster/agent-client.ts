/**
 * How commands talk to the resident agent: HTTP over its UNIX socket (mode 0600). This file is the protocol: the agent serves these
 * paths and shapes, `ns-ha-config` and the rpcd plugin read them.
 *
 *   GET  /status                    AgentStatus
 *   GET  /history?limit=N&follow=1  HistoryEntry, one JSON object a line, oldest first; with follow the stream stays open
 *   GET  /diff                      { entries: DiffEntry[] }, slowly
 *   GET  /drill                     { checks: DrillCheck[] }, slowly
 *   POST /sync  { wait }            SyncEvent, one JSON object a line; the last one has kind "result"
 *   POST /switch { to }             SwitchResult, slowly
 *   POST /changed                   204: "configuration changed, look again"
 *   POST /apply { id? }             ApplyAnswer, slowly: restores the staging area (backup); without an id whatever is complete there
 *   GET  /facts                     Facts: what the other node asks for in `drill` and `history`
 *   GET  /held                      { entries }, slowly: what this node holds of the staging area's list, for `diff`
 *   POST /planned { planned }       204: the other node hands over on purpose within the next moment, or did not after all
 *
 * Errors are answered with status 4xx/5xx and { error: code, message, advice }; where it says "slowly", with status 200 and { refused: … },
 * since the answer has begun: empty lines keep the connection open until there is something to say.
 * Invariant: no call waits longer than its deadline, except the streams, which end when the caller's signal aborts.
 */
import { NethsecError } from "@nethsec/host/error";
import { nobodyListens, unixRequest } from "@nethsec/host/http/unix-request";
import * as v from "valibot";
import { haPaths } from "./config.ts";

export const vrrpStateSchema = v.picklist(["init", "backup", "master", "fault", "unknown"]);
export type VrrpState = v.InferOutput<typeof vrrpStateSchema>;

const conditionSchema = v.object({
  code: v.string(),
  severity: v.picklist(["info", "warning", "error"]),
  /** Wall clock, milliseconds since 1970. */
  since: v.number(),
  text: v.string(),
});

export const agentStatusSchema = v.object({
  role: v.picklist(["primary", "backup", "unknown"]),
  state: vrrpStateSchema,
  /** Milliseconds since 1970 of the last transition; undefined when there was none since the agent started. */
  stateSince: v.optional(v.number()),
  /** True when the plan is empty: everything on this node is as its state wants it. */
  converged: v.boolean(),
  /** Steps that are still to be done, e.g. "start openvpn". */
  pending: v.array(v.string()),
  /** As in the documentation: "Successful", "SSH Connection Failed", …; undefined before the first one. */
  lastSyncStatus: v.optional(v.string()),
  /** Milliseconds since 1970. */
  lastSyncTime: v.optional(v.number()),
  conditions: v.array(conditionSchema),
  /** keepalived's counters: advert_rcvd, advert_sent, become_master, … as in its JSON dump. Empty when keepalived does not run. */
  keepalivedStats: v.record(v.string(), v.number()),
});
export type AgentStatus = v.InferOutput<typeof agentStatusSchema>;

export const historyEntrySchema = v.object({
  /** Wall clock, milliseconds since 1970. */
  at: v.number(),
  node: v.picklist(["primary", "backup"]),
  kind: v.picklist(["transition", "sync", "fault", "switch", "agent"]),
  text: v.string(),
  /** How long it took, milliseconds; absent for what has no duration. */
  tookMs: v.optional(v.number()),
});
export type HistoryEntry = v.InferOutput<typeof historyEntrySchema>;

export const diffEntrySchema = v.object({
  path: v.string(),
  change: v.picklist(["missing", "different", "extra", "mode", "owner"]),
  /** One line more, e.g. sizes or modes on both sides. */
  detail: v.optional(v.string()),
});
export type DiffEntry = v.InferOutput<typeof diffEntrySchema>;

export const drillCheckSchema = v.object({
  /** snake_case, e.g. "peer_reachable". */
  code: v.string(),
  verdict: v.picklist(["ok", "warning", "fail"]),
  /** A sentence for the administrator. */
  text: v.string(),
});
export type DrillCheck = v.InferOutput<typeof drillCheckSchema>;

export const syncEventSchema = v.variant("kind", [
  v.object({ kind: v.literal("progress"), text: v.string() }),
  v.object({
    kind: v.literal("result"),
    /** As in the documentation: "Successful", "SSH Connection Failed", … */
    status: v.string(),
    ok: v.boolean(),
    /** Paths that were changed on the backup, and packages reloaded; only with wait. */
    changed: v.array(v.string()),
    tookMs: v.number(),
    /** What to do when it failed. */
    advice: v.optional(v.string()),
  }),
]);
export type SyncEvent = v.InferOutput<typeof syncEventSchema>;

export const switchResultSchema = v.object({
  /** The node that is master now. */
  master: v.picklist(["primary", "backup"]),
  /** Milliseconds between the old master's last and the new master's first word, as seen by this node. */
  outageMs: v.number(),
  /** Milliseconds until every service was where it belongs. */
  convergedMs: v.optional(v.number()),
});
export type SwitchResult = v.InferOutput<typeof switchResultSchema>;

export const applyAnswerSchema = v.variant("ok", [
  /** Paths that changed here, and services that were reloaded. */
  v.object({ ok: v.literal(true), changed: v.array(v.string()), reloaded: v.array(v.string()) }),
  v.object({ ok: v.literal(false), error: v.string(), message: v.string(), advice: v.optional(v.string()) }),
]);
export type ApplyAnswer = v.InferOutput<typeof applyAnswerSchema>;

export const factsSchema = v.object({
  version: v.string(),
  role: v.picklist(["primary", "backup"]),
  state: vrrpStateSchema,
  converged: v.boolean(),
  /** Wall clock of that node, milliseconds since 1970. */
  now: v.number(),
  /** Of the file system that receives; bytes. */
  freeBytes: v.number(),
  /** Network devices that exist. */
  devices: v.array(v.string()),
  /** Entries of conntrackd's caches; undefined when it does not answer. */
  connections: v.optional(v.object({ internal: v.number(), external: v.number() })),
  /** Milliseconds since 1970 of the last restore; undefined before the first one. */
  appliedAt: v.optional(v.number()),
  history: v.array(historyEntrySchema),
});
export type Facts = v.InferOutput<typeof factsSchema>;

export interface AgentClient {
  /** undefined when the agent does not run. */
  status(): Promise<AgentStatus | undefined>;
  history(options: { limit: number; follow: boolean; signal: AbortSignal }): AsyncGenerator<HistoryEntry>;
  diff(): Promise<DiffEntry[]>;
  drill(): Promise<DrillCheck[]>;
  sync(options: { wait: boolean; signal: AbortSignal }): AsyncGenerator<SyncEvent>;
  switchTo(to: "primary" | "backup"): Promise<SwitchResult>;
  /** Tells the agent to read the configuration again; without an agent nothing happens. */
  changed(): Promise<void>;
  /** Errors of the restore are answers, not exceptions. Used by `ns-ha sync-receive` and the hotplug script. */
  apply(id: string | undefined): Promise<ApplyAnswer>;
  facts(): Promise<Facts>;
  /** Answered as it came: the primary checks it. */
  held(): Promise<unknown>;
  planned(planned: boolean): Promise<void>;
}

/** `socket`: real path of the agent's socket. */
export function agentClient(socket: string = haPaths.agentSocket): AgentClient {
  const get = (path: string, timeoutMs: number): Promise<unknown> => json(socket, "GET", path, undefined, timeoutMs);
  const post = (path: string, body: unknown, timeoutMs: number): Promise<unknown> =>
    json(socket, "POST", path, body, timeoutMs);
  const slowly = (method: "GET" | "POST", path: string, body: unknown, timeoutMs: number): Promise<unknown> =>
    lastLine(socket, method, path, body, timeoutMs);
  return {
    async status() {
      const answer = await get("/status", 2000).catch(absent);
      return answer === undefined ? undefined : v.parse(agentStatusSchema, answer);
    },
    async *history({ limit, follow, signal }) {
      const path = `/history?limit=${limit}${follow ? "&follow=1" : ""}`;
      for await (const line of lines(socket, "GET", path, undefined, signal)) yield v.parse(historyEntrySchema, line);
    },
    async diff() {
      return v.parse(v.object({ entries: v.array(diffEntrySchema) }), await slowly("GET", "/diff", undefined, 60_000))
        .entries;
    },
    async drill() {
      return v.parse(v.object({ checks: v.array(drillCheckSchema) }), await slowly("GET", "/drill", undefined, 60_000))
        .checks;
    },
    async *sync({ wait, signal }) {
      for await (const line of lines(socket, "POST", "/sync", { wait }, signal)) yield v.parse(syncEventSchema, line);
    },
    async switchTo(to) {
      return v.parse(switchResultSchema, await slowly("POST", "/switch", { to }, 90_000));
    },
    async changed() {
      await post("/changed", {}, 2000).catch(absent);
    },
    async apply(id) {
      return v.parse(applyAnswerSchema, await slowly("POST", "/apply", id === undefined ? {} : { id }, 120_000));
    },
    async facts() {
      return v.parse(factsSchema, await get("/facts", 10_000));
    },
    held: () => slowly("GET", "/held", undefined, 60_000),
    async planned(planned) {
      await post("/planned", { planned }, 2000);
    },
  };
}

/** "The agent does not run" is an answer for some callers. */
function absent(error: unknown): undefined {
  if (error instanceof NethsecError && error.code === "ha_agent_not_running") return undefined;
  throw error;
}

async function send(
  socket: string,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<Response> {
  const response = await unixRequest({ socket, method, path, body, signal }).catch((cause: unknown) => {
    if (nobodyListens(cause)) {
      throw new NethsecError({
        code: "ha_agent_not_running",
        message: "The agent ns-ha does not run on this node.",
        advice: "Start it: `/etc/init.d/ns-ha start`; why it ended is in /var/log/messages.",
        cause,
      });
    }
    if (signal.aborted || !(cause instanceof Error)) throw cause;
    throw new NethsecError({
      code: "ha_agent_failed",
      message: `The agent ns-ha gave no answer to ${method} ${path}: ${cause.message}`,
      advice: "Look into /var/log/messages (grep ns-ha), then try again.",
      cause,
    });
  });
  if (response.ok) return response;
  throw await refusal(response);
}

const refusalSchema = v.object({ error: v.string(), message: v.string(), advice: v.optional(v.string()) });

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

async function json(socket: string, method: string, path: string, body: unknown, timeoutMs: number): Promise<unknown> {
  return within(timeoutMs, async (signal) => {
    const response = await send(socket, method, path, body, signal);
    return response.status === 204 ? {} : response.json();
  });
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

/** The value that came after a while. */
async function lastLine(
  socket: string,
  method: string,
  path: string,
  body: unknown,
  timeoutMs: number,
): Promise<unknown> {
  const last = await within(timeoutMs, async (signal) => {
    let newest: unknown;
    for await (const line of lines(socket, method, path, body, signal)) newest = line;
    return newest;
  });
  const parsed = v.safeParse(v.object({ refused: refusalSchema }), last);
  if (parsed.success) throw refusalError(parsed.output.refused);
  return last;
}

/** Values of a stream of JSON lines. */
async function* lines(
  socket: string,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): AsyncGenerator {
  const response = await send(socket, method, path, body, signal);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const complete = rest.split("\n");
    rest = complete.pop() ?? "";
    for (const line of complete) if (line !== "") yield JSON.parse(line);
  }
  if (rest.trim() !== "") yield JSON.parse(rest);
}
