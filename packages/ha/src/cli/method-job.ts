/**
 * Methods of the plugin that may take long run in a separate process (a job): rpcd kills a plugin after 30 s (its option timeout), and only that
 * process, which must not leave the node half changed. The call waits for the job and returns its result. If the job takes longer, it continues;
 * repeating the call, or calling the method `job`, returns the result.
 * Invariants: one job of a method at a time; a job that died without a result is rolled back before the call returns; arguments (passwords) are
 * in no argv and no file.
 */
import type { Call } from "@nethsec/host/command/command";
import { sha256 } from "@nethsec/host/files/digests";
import { tryLock } from "@nethsec/host/files/file-lock";
import { readJson } from "@nethsec/host/files/read-json";
import type { Host } from "@nethsec/host/host";
import { isJsonObject, type JsonObject, type RpcdMethod, type RpcdPlugin, runRpcd } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { recoverNode } from "../change/node-changes.ts";

/** Accessible to root only. */
const folder = "/var/run/ns-ha-jobs";
const pluginPath = "/usr/libexec/rpcd/ns.ha";
/** Seconds to wait for the job, below rpcd's 30 s. Over SSH the environment variable NS_HA_WAIT sets a longer wait. */
const waitSeconds = 25;
const attachedPollMs = 200;
/** How long a result that was not fetched yet is returned to a repeated call. */
const resultAgeMaxMs = 600_000;

const recordSchema = v.object({
  id: v.string(),
  method: v.string(),
  /** Hash of the arguments, keyed with a secret of this boot: recognises a repeated call. */
  digest: v.string(),
  /** Wall clock, milliseconds. */
  at: v.number(),
  /** The method's output; undefined: not finished. */
  answer: v.optional(v.string()),
  fetched: v.optional(v.boolean(), false),
});
type JobRecord = v.InferOutput<typeof recordSchema>;

const recordPath = (method: string): string => `${folder}/${method}.json`;
const lockPath = (method: string): string => `${folder}/${method}.lock`;

/** Wraps a method so that its work is done in a job. */
export function inJob(method: RpcdMethod): RpcdMethod {
  return { ...method, call: (input, call) => callInJob(method.name, input, call) };
}

/** `PLUGIN job METHOD ID`: runs the job itself; arguments on stdin. */
export async function runJob(plugin: RpcdPlugin, call: Call): Promise<number> {
  const { host, io } = call;
  const [, method = "", id = ""] = call.rest;
  const input = await io.readAll();
  using lock = tryLock(host.files, lockPath(method));
  if (lock === undefined) return 1;
  const digest = digestOf(host, input);
  const save = (rest: Partial<JobRecord>): void =>
    host.files.write(recordPath(method), JSON.stringify({ id, method, digest, at: host.clock.now(), ...rest }), {
      mode: 0o600,
    });
  forgetOthers(host, method);
  save({});
  let answer = "";
  const quiet = { ...io, readAll: () => Promise.resolve(input), out: (text: string) => void (answer += text) };
  const code = await runRpcd(plugin, { ...call, rest: ["call", method], io: quiet });
  save({ answer });
  return code;
}

/** The state of a job, for a caller that got `still_running`. */
export function jobState(host: Pick<Host, "files">, id: string): JsonObject {
  const found = recordsOf(host).find((record) => record.id === id);
  if (found === undefined) return { state: "unknown" };
  if (found.answer === undefined) return { state: isRunning(host, found.method) ? "running" : "ended" };
  return { state: "done", answer: answerOf(found.answer) };
}

async function callInJob(method: string, input: JsonObject, call: Call): Promise<JsonObject> {
  const { host, io } = call;
  host.files.mkdir(folder, { mode: 0o700 });
  const text = JSON.stringify(input);
  const deadline = host.clock.monotonic() + 1000 * Number(io.env["NS_HA_WAIT"] ?? waitSeconds);
  const before = readRecord(host, method);
  const same = before?.digest === digestOf(host, text);
  if (isRunning(host, method)) return same ? attached(host, before.id, method, deadline) : underWay(method);
  if (same && before.answer !== undefined && !before.fetched && host.clock.now() - before.at < resultAgeMaxMs)
    return fetched(host, before);
  const id = host.random.text(20);
  const job = host.run.spawn([pluginPath, "job", method, id], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    outlives: true,
  });
  await job.stdin.write(text);
  await job.stdin.end();
  const over = new AbortController();
  const late = host.clock
    .sleep(Math.max(0, deadline - host.clock.monotonic()), over.signal)
    .then(() => "late" as const);
  const ended = await Promise.race([job.exited, late.catch(() => "late" as const)]);
  over.abort();
  if (ended === "late") return stillRunning(method, id);
  const record = readRecord(host, method);
  if (record?.id === id && record.answer !== undefined) return fetched(host, record);
  // Another caller's job of the same method took the lock first.
  if (isRunning(host, method)) return underWay(method);
  return died(call, method);
}

/** Waits for a job started by an earlier call. */
async function attached(host: Host, id: string, method: string, deadline: number): Promise<JsonObject> {
  while (isRunning(host, method)) {
    if (host.clock.monotonic() >= deadline) return stillRunning(method, id);
    await host.clock.sleep(attachedPollMs);
  }
  const record = readRecord(host, method);
  return record?.id === id && record.answer !== undefined ? fetched(host, record) : underWay(method);
}

async function died({ host }: Call, method: string): Promise<JsonObject> {
  const undone = await recoverNode(host);
  const what = undone
    ? "The node is as it was before."
    : "Nothing was changed, or it is complete: see ns-ha-config status.";
  return {
    error: "job_ended",
    message: `${method} was ended before it was done. ${what}`,
    advice: "Look into /var/log/messages, then try again.",
  };
}

function stillRunning(method: string, id: string): JsonObject {
  return {
    error: "still_running",
    message: `${method} takes longer than usual and goes on by itself.`,
    advice: `Make the same call again for its result, or: ubus call ns.ha job '{"id":"${id}"}'`,
    job: id,
  };
}

function underWay(method: string): JsonObject {
  return {
    error: "change_under_way",
    message: `Another ${method} is under way on this node.`,
    advice: "Wait until it has ended, then try again.",
  };
}

function fetched(host: Pick<Host, "files">, record: JobRecord): JsonObject {
  host.files.write(recordPath(record.method), JSON.stringify({ ...record, fetched: true }), { mode: 0o600 });
  return answerOf(record.answer ?? "");
}

function answerOf(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  return isJsonObject(value) ? value : { error: "internal_error" };
}

function isRunning(host: Pick<Host, "files">, method: string): boolean {
  const lock = tryLock(host.files, lockPath(method));
  lock?.[Symbol.dispose]();
  return lock === undefined;
}

function readRecord(host: Pick<Host, "files">, method: string): JobRecord | undefined {
  return readJson(host.files, recordPath(method), recordSchema);
}

function recordsOf(host: Pick<Host, "files">): JobRecord[] {
  const names = host.files.list(folder).filter((name) => name.endsWith(".json"));
  return names.flatMap((name) => readRecord(host, name.replace(/\.json$/, "")) ?? []);
}

/** Removes the results of other methods: a new change makes them outdated. */
function forgetOthers(host: Pick<Host, "files">, method: string): void {
  for (const record of recordsOf(host))
    if (record.method !== method && record.answer !== undefined) host.files.remove(recordPath(record.method));
}

/** Includes a secret of this boot, so that passwords cannot be guessed from the stored digest. */
function digestOf(host: Pick<Host, "files" | "random">, text: string): string {
  const path = `${folder}/secret`;
  if (!host.files.exists(path)) host.files.write(path, host.random.text(40), { mode: 0o600 });
  return sha256(`${host.files.readText(path) ?? ""}${text}`);
}
