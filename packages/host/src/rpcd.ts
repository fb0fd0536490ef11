/**
 * rpcd plugins: executables in /usr/libexec/rpcd that answer `list` and `call METHOD` with JSON (OpenWrt's rpcd, "exec" plugins).
 * One declaration per method gives the signature for `list`, the validation of its arguments, and the error objects that NethSecurity's
 * web interface understands: `{"validation": {"errors": [{"parameter", "value", "message"}]}}` and `{"error": "snake_case_reason"}`.
 *
 * Invariants: stdout holds exactly one JSON document; stdin is bounded; a programming error is never answered as success.
 */
import * as v from "valibot";
import type { Call } from "./command.ts";
import { NethsecError } from "./error.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** What `rpcdMethod` makes of a declaration: the same for every argument type. */
export interface RpcdMethod {
  readonly name: string;
  /** As in `ubus -v list`: argument name → a value of its type. */
  readonly example: JsonObject;
  readonly call: (input: JsonObject, call: Call) => Promise<JsonObject>;
}

export interface RpcdPlugin {
  /** e.g. "ns.plug" */
  readonly name: string;
  readonly methods: readonly RpcdMethod[];
}

/** Thrown by a method for arguments that are well-formed but wrong, e.g. a virtual IP outside the subnet. Answered as a validation error. */
export class ValidationError extends NethsecError {
  readonly errors: readonly { readonly parameter: string; readonly value: unknown; readonly message: string }[];
  constructor(errors: readonly { readonly parameter: string; readonly value: unknown; readonly message: string }[]) {
    super({ code: "validation", message: errors.map((e) => `${e.parameter}: ${e.message}`).join("; ") });
    this.errors = errors;
  }
}

/**
 * Declares a method. `args` is a valibot object schema; the message of a failed check is the word that the web interface translates
 * (snake_case), default "invalid" (missing: "required"). `example` is what `list` shows.
 */
export function rpcdMethod<Args>(declaration: {
  readonly name: string;
  readonly args: v.GenericSchema<unknown, Args>;
  readonly example: JsonObject;
  readonly run: (args: Args, call: Call) => Promise<JsonObject> | JsonObject;
}): RpcdMethod {
  return {
    name: declaration.name,
    example: declaration.example,
    call: async (input, call) => declaration.run(v.parse(declaration.args, input), call),
  };
}

/** Answers `list` or `call METHOD` (in `call.rest`); returns the exit code: 0 also for error objects, as rpcd wants. */
export async function runRpcd(_plugin: RpcdPlugin, _call: Call): Promise<number> {
  throw new Error("being written");
}
