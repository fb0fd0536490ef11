/**
 * rpcd plugins: executables in /usr/libexec/rpcd that answer `list` and `call METHOD` with JSON (OpenWrt's rpcd, "exec" plugins).
 * One declaration per method gives the signature for `list`, the validation of its arguments, and the error objects that NethSecurity's
 * web interface understands: `{"validation": {"errors": [{"parameter", "value", "message"}]}}` and `{"error": "snake_case_reason"}`.
 *
 * Invariants: stdout holds exactly one JSON document, and a call writes nothing to stderr: NethSecurity's API server reads both as one document
 * (test-data/contracts/webui.json, transport). Input and answer are bounded; a method runs only with arguments that its schema accepts; a
 * programming error is never answered as success.
 */
import * as v from "valibot";
import type { Call } from "./command/command.ts";
import { NethsecError } from "./error.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** The form of every method that `rpcdMethod` returns, independent of its argument type. */
export interface RpcdMethod {
  readonly name: string;
  /** As in `ubus -v list`: argument name → a value of its type. */
  readonly example: JsonObject;
  readonly call: (input: JsonObject, call: Call) => Promise<JsonObject>;
  /** Runs after the answer was printed and the method succeeded: for actions that cut the connection to the caller (a reboot). */
  readonly afterwards?: ((call: Call) => Promise<void>) | undefined;
}

export interface RpcdPlugin {
  /** e.g. "ns.plug" */
  readonly name: string;
  readonly methods: readonly RpcdMethod[];
}

interface InvalidArgument {
  readonly parameter: string;
  readonly value: unknown;
  /** The snake_case word that the web interface translates. */
  readonly message: string;
}

/** Thrown by a method for arguments that are well-formed but wrong, e.g. a virtual IP outside the subnet. Answered as a validation error. */
export class ValidationError extends NethsecError {
  readonly errors: readonly InvalidArgument[];
  constructor(errors: readonly InvalidArgument[]) {
    super({ code: "validation", message: errors.map((error) => `${error.parameter}: ${error.message}`).join("; ") });
    this.errors = errors;
  }
}

/** Larger arguments are refused; backups and images are passed by file name. */
const maxInput = 1024 * 1024;
/** An answer of more than 1 MiB makes rpcd lose all of its objects: an answer near that limit becomes an error. */
const maxAnswer = 1_000_000;

/**
 * Declares a method. `args` is a valibot object schema; the message of a failed check is the word that the web interface translates
 * (snake_case), default "invalid" (missing: "required"). `example` is what `list` shows.
 */
export function rpcdMethod<Args>(declaration: {
  readonly name: string;
  readonly args: v.GenericSchema<unknown, Args>;
  readonly example: JsonObject;
  readonly run: (args: Args, call: Call) => Promise<JsonObject> | JsonObject;
  readonly afterwards?: (call: Call) => Promise<void>;
}): RpcdMethod {
  return {
    name: declaration.name,
    example: declaration.example,
    call: async (input, call) => {
      const result = v.safeParse(declaration.args, input);
      if (!result.success) throw new ValidationError(result.issues.map(invalidArgument));
      return declaration.run(result.output, call);
    },
    afterwards: declaration.afterwards,
  };
}

function invalidArgument(issue: v.BaseIssue<unknown>): InvalidArgument {
  const missing = issue.received === "undefined" || issue.received === "null";
  const own = /^[a-z0-9]+(_[a-z0-9]+)*$/.test(issue.message);
  return {
    parameter: v.getDotPath(issue) ?? "",
    value: missing ? "" : plainValue(issue.input),
    message: own ? issue.message : missing ? "required" : "invalid",
  };
}

/** The value to repeat in the error answer; objects become "". */
function plainValue(value: unknown): unknown {
  return typeof value === "object" && value !== null ? "" : value;
}

/**
 * Answers `list` or `call METHOD` (in `call.rest`) and returns the exit code: 0 also for error objects, as rpcd requires; 2 for a wrong command line;
 * 1 for a programming error, which is answered by `{"error": "internal_error"}` and logged.
 */
export async function runRpcd(plugin: RpcdPlugin, call: Call): Promise<number> {
  const [verb, name] = call.rest;
  if (verb === "list") {
    print(call, Object.fromEntries(plugin.methods.map((method) => [method.name, method.example])));
    return 0;
  }
  if (verb !== "call" || name === undefined) {
    call.io.err(
      `${plugin.name}: an rpcd plugin; usage: ${plugin.name} list, or: echo '{}' | ${plugin.name} call METHOD\n`,
    );
    return 2;
  }
  const method = plugin.methods.find((candidate) => candidate.name === name);
  if (method === undefined) {
    print(call, { error: "method_not_found" });
    return 0;
  }
  try {
    print(call, await method.call(await readArguments(call), call));
    await method.afterwards?.(call);
    return 0;
  } catch (thrown) {
    return answerError(plugin, name, thrown, call);
  }
}

function print(call: Call, answer: JsonObject): void {
  const text = JSON.stringify(answer);
  if (Buffer.byteLength(text) > maxAnswer) {
    throw new NethsecError({
      code: "answer_too_large",
      message: `The answer is larger than ${maxAnswer} bytes.`,
      advice: "Ask for less: a shorter list, a narrower selection.",
    });
  }
  call.io.out(`${text}\n`);
}

/** rpcd sends one object. Empty input, and the `null` that the API server sends for a request without payload, count as an empty object. */
async function readArguments(call: Call): Promise<JsonObject> {
  const text = await call.io.readAll(maxInput);
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : (JSON.parse(text) ?? {});
  } catch (cause) {
    throw new NethsecError({ code: "invalid_json", message: "The arguments are not JSON", cause });
  }
  if (isJsonObject(value)) return value;
  throw new NethsecError({ code: "invalid_json", message: "The arguments are not a JSON object" });
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function answerError(plugin: RpcdPlugin, method: string, thrown: unknown, call: Call): number {
  if (thrown instanceof ValidationError) {
    print(call, { validation: { errors: thrown.errors } });
    return 0;
  }
  if (thrown instanceof NethsecError) {
    call.host.log("warning", `${plugin.name} ${method}: ${thrown.message}`);
    print(call, {
      error: thrown.code,
      message: thrown.message,
      ...(thrown.advice === undefined ? {} : { advice: thrown.advice }),
    });
    return 0;
  }
  call.host.log(
    "err",
    `${plugin.name} ${method}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
  );
  print(call, { error: "internal_error" });
  return 1;
}
