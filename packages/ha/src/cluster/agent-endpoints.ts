/**
 * The endpoints of the agent's socket, as one table: the client (agent-client.ts) and the server (agent/agent-server.ts) both derive from it,
 * so that a new endpoint is one entry here and one handler in the part that answers.
 *
 * Transport: HTTP over a UNIX socket (mode 0600). The request's members are sent in the query of a GET, each as JSON, or as a JSON object in
 * the body of a POST. Kinds of answers:
 *   plain   one JSON value; refused with status 409 and { error: code, message, advice? }
 *   slow    one JSON line; empty lines before it keep the connection open (json-lines.ts)
 *   stream  one JSON line for each value, until the work is done or the client disconnects; empty lines as above
 * For the last two, status 200 is sent before the work is done, so a refusal is a last line { refused: { error, message, advice? } }.
 */
import * as v from "valibot";
import {
  agentStatusSchema,
  applyAnswerSchema,
  diffEntrySchema,
  drillCheckSchema,
  factsSchema,
  historyEntrySchema,
  maintenanceAnswerSchema,
  meetingSchema,
  rollbackAnswerSchema,
  switchResultSchema,
  syncEventSchema,
} from "./agent-schemas.ts";
import { timedMarkSchema } from "./timed-mark.ts";
import { uplinkAnswerSchema } from "./uplinks.ts";

export interface Endpoint<Request, Answer> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly request: v.GenericSchema<unknown, Request>;
  readonly answer: v.GenericSchema<unknown, Answer>;
  /** Client's timeout for the whole answer, milliseconds; undefined for streams, which the caller ends. */
  readonly deadlineMs: number | undefined;
  /** The server sends it as JSON lines. */
  readonly lines: boolean;
}
/** One answer, at once or after a while. */
export interface Question<Request, Answer> extends Endpoint<Request, Answer> {
  readonly kind: "plain" | "slow";
  readonly deadlineMs: number;
}
export interface Stream<Request, Answer> extends Endpoint<Request, Answer> {
  readonly kind: "stream";
  readonly deadlineMs: undefined;
}

type Place = `${"GET" | "POST"} /${string}`;
type Nothing = Record<string, never>;

const nothing: v.GenericSchema<unknown, Nothing> = v.strictObject({});
const node = v.picklist(["primary", "backup"]);

function split(place: Place): Pick<Endpoint<unknown, unknown>, "method" | "path"> {
  const [method, path = ""] = place.split(" ");
  return { method: method === "POST" ? "POST" : "GET", path };
}

function question<Request, Answer>(
  kind: "plain" | "slow",
  place: Place,
  deadlineMs: number,
  request: v.GenericSchema<unknown, Request>,
  answer: v.GenericSchema<unknown, Answer>,
): Question<Request, Answer> {
  return { ...split(place), kind, deadlineMs, request, answer, lines: kind === "slow" };
}

function stream<Request, Answer>(
  place: Place,
  request: v.GenericSchema<unknown, Request>,
  answer: v.GenericSchema<unknown, Answer>,
): Stream<Request, Answer> {
  return { ...split(place), kind: "stream", deadlineMs: undefined, request, answer, lines: true };
}

export const historyLimitMax = 10_000;

export const agentEndpoints = {
  status: question("plain", "GET /status", 2000, nothing, agentStatusSchema),
  /** The last `limit` entries, oldest first; with `follow` the stream stays open for new ones. */
  history: stream(
    "GET /history",
    v.object({
      limit: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(historyLimitMax)),
      follow: v.boolean(),
    }),
    historyEntrySchema,
  ),
  diff: question("slow", "GET /diff", 60_000, nothing, v.object({ entries: v.array(diffEntrySchema) })),
  drill: question("slow", "GET /drill", 60_000, nothing, v.object({ checks: v.array(drillCheckSchema) })),
  /** The last value has kind "result". Without `wait` it is sent immediately, with status "started". */
  /** `force`: paths that are sent even if their content looks lost. */
  sync: stream("POST /sync", v.object({ wait: v.boolean(), force: v.array(v.string()) }), syncEventSchema),
  switch: question("slow", "POST /switch", 90_000, v.object({ to: node }), switchResultSchema),
  /** `until`: epoch milliseconds of its end, for `on`. `force`: even if nobody carries the site then. */
  maintenance: question(
    "slow",
    "POST /maintenance",
    90_000,
    v.object({ on: v.boolean(), until: v.optional(v.number()), force: v.boolean() }),
    maintenanceAnswerSchema,
  ),
  /** Primary: stops sending, or sends again. Answers with the state afterwards; `until` as above. */
  pause: question(
    "plain",
    "POST /pause",
    2000,
    v.object({ on: v.boolean(), until: v.optional(v.number()) }),
    v.object({ paused: v.optional(timedMarkSchema) }),
  ),
  /** Primary: ends the pause and sends; events as of `sync` with `wait`. */
  resume: stream("POST /resume", nothing, syncEventSchema),
  /** Primary: takes the configuration back (revisions/roll-back.ts). */
  rollback: question(
    "slow",
    "POST /rollback",
    120_000,
    v.object({ id: v.pipe(v.number(), v.integer(), v.minValue(0)), paths: v.array(v.string()), dryRun: v.boolean() }),
    rollbackAnswerSchema,
  ),
  /** The configuration was changed: read it again. */
  changed: question("plain", "POST /changed", 2000, nothing, nothing),
  /** Backup: restores the staging area; without an id, whichever complete manifest is there. Errors of the restore are returned as answers. */
  apply: question("slow", "POST /apply", 120_000, v.object({ id: v.optional(v.string()) }), applyAnswerSchema),
  /** Facts of this node that the other one needs for `drill` and `history`. */
  facts: question("plain", "GET /facts", 10_000, nothing, factsSchema),
  /** Backup: the entries of this node for the paths in the staging area's list, for `diff`. The primary validates them. */
  held: question("slow", "GET /held", 60_000, nothing, v.object({ entries: v.array(v.unknown()) })),
  /** Backup: receives the primary's facts about itself, and returns the same facts of this node. */
  meet: question("plain", "POST /meet", 2000, meetingSchema, meetingSchema),
  /** Whether this node could take the site because the other's uplinks are dead: tries the carrier of its WAN devices. */
  uplinks: question("plain", "POST /uplinks", 10_000, nothing, uplinkAnswerSchema),
  /** Announces a planned switchover by the other node within the next moment; false: it was called off. */
  planned: question("plain", "POST /planned", 2000, v.object({ planned: v.boolean() }), nothing),
} as const;
