/** Which lab a call is about: main.ts has put the name into the environment. */
import type { Call } from "@nethsec/host/command/command";
import { labCommand } from "../lab-name.ts";
import { Lab } from "../lab.ts";

export function labName(env: Readonly<Record<string, string | undefined>>): string {
  return env["LAB_NAME"] ?? "lab";
}

export function labOf(env: Readonly<Record<string, string | undefined>>): Lab {
  return Lab.attach(labName(env));
}

/** What was done, in a sentence. */
export function tell({ io, json }: Pick<Call, "io" | "json">, text: string): void {
  io.out(`${json ? JSON.stringify({ text }) : text}\n`);
}

/** How the command for this lab is typed, for hints. */
export function typed(env: Readonly<Record<string, string | undefined>>): string {
  return labCommand(labName(env));
}
