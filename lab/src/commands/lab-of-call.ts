/** Selects the lab of a call: main.ts sets LAB_NAME in the environment. */
import type { Call } from "@nethsec/host/command/command";
import { labCommand } from "../lab-name.ts";
import { Lab } from "../lab.ts";

export function labName(env: Readonly<Record<string, string | undefined>>): string {
  return env["LAB_NAME"] ?? "lab";
}

export function labOf(env: Readonly<Record<string, string | undefined>>): Lab {
  return Lab.attach(labName(env));
}

/** Prints the result of a command: one sentence, or JSON. */
export function tell({ io, json }: Pick<Call, "io" | "json">, text: string): void {
  io.out(`${json ? JSON.stringify({ text }) : text}\n`);
}

/** The command line that addresses this lab, for hints. */
export function typed(env: Readonly<Record<string, string | undefined>>): string {
  return labCommand(labName(env));
}
