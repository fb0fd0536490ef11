/**
 * The endpoints of the agent's socket, as one table: the client (agent-client.ts) and the server (agent/agent-server.ts) both derive from it,
 * so that a new endpoint is one entry here and one handler in the part that answers.
 *
 * How they travel: HTTP over a UNIX socket (mode 0600). The request's members go into the query of a GET, each as JSON, and as a JSON object into
 * the body of a POST. Kinds of answers:
 *   plain   one JSON value; refused with status 409 and { error: code, message, advice? }
 *   slow    one JSON line; empty lines before it keep the connection open (json-lines.ts)
 *   stream  one JSON line for each value, until the work is done or the caller goes away; empty lines as above
 * The answer of the last two has begun, with status 200, before the work is done: a refusal is a last line { refused: { error, message, advice? } }.
 */
import * as v from "valibot";
import {
  agentStatusSchema,
  applyAnswerSchema,
  diffEntrySchema,
  drillCheckSchema,
  factsSchema,
  historyEntrySchema,
  meetingSchema,
  switchResultSchema,
  syncEventSchema,
} from "./agent-schemas.ts";

export interface Endpoint<Request, Answer> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly request: v.GenericSchema<unknown, Request>;
  readonly answer: v.GenericSchema<unknown, Answer>;
  /** How long the client waits for the whole answer, milliseconds; undefined for streams, which their caller ends. */
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
  /** The last value has kind "result". Without `wait` it comes at once, with status "started". */
  /** `force`: paths that are sent though their content looks lost. */
  sync: stream("POST /sync", v.object({ wait: v.boolean(), force: v.array(v.string()) }), syncEventSchema),
  switch: question("slow", "POST /switch", 90_000, v.object({ to: node }), switchResultSchema),
  /** The configuration was changed: read it again. */
  changed: question("plain", "POST /changed", 2000, nothing, nothing),
  /** Backup: restores the staging area; without an id whatever is complete there. Errors of the restore are answers. */
  apply: question("slow", "POST /apply", 120_000, v.object({ id: v.optional(v.string()) }), applyAnswerSchema),
  /** What the other node asks for in `drill` and `history`. */
  facts: question("plain", "GET /facts", 10_000, nothing, factsSchema),
  /** Backup: what this node holds of the staging area's list, for `diff`. The primary checks the entries. */
  held: question("slow", "GET /held", 60_000, nothing, v.object({ entries: v.array(v.unknown()) })),
  /** Backup: the primary introduces itself, and is answered with the same of this node. */
  meet: question("plain", "POST /meet", 2000, meetingSchema, meetingSchema),
  /** The other node hands over on purpose within the next moment; false: it did not after all. */
  planned: question("plain", "POST /planned", 2000, v.object({ planned: v.boolean() }), nothing),
} as const;
