/**
 * Scenarios: short sequences of steps on a lab, shared by tests, benches and the demo. Each is a file in lab/scenarios that exports
 * `scenario`. A failing step ends the scenario with a timeline of all nodes' logs.
 */
import { readdirSync } from "node:fs";
import { NethsecError } from "@nethsec/host/error";
import { paced } from "@nethsec/host/testing/pace";
import { failedStory } from "./failed-story.ts";
import { checkout } from "./layer.ts";
import type { Lab } from "./lab.ts";

export interface Scenario {
  /** As typed: `lab/lab scenario NAME`. */
  readonly name: string;
  readonly summary: string;
  /** Milliseconds, stretched by the machine's pace; default 120,000. */
  readonly timeoutMs?: number;
  /** Plays the scenario on a running lab; `say` reports steps and measurements. Throws if an expectation fails. */
  readonly run: (lab: Lab, say: (text: string) => void) => Promise<void>;
}

/** All scenarios, by name. */
export async function allScenarios(): Promise<Scenario[]> {
  const folder = `${checkout}/lab/scenarios`;
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  const found = await Promise.all(
    files.map(async (file) => ((await import(`${folder}/${file}`)) as { scenario: Scenario }).scenario),
  );
  return found.toSorted((a, b) => a.name.localeCompare(b.name));
}

export async function scenarioNamed(name: string): Promise<Scenario> {
  const known = await allScenarios();
  const found = known.find((each) => each.name === name);
  if (found === undefined)
    throw new NethsecError({
      code: "unknown_scenario",
      message: `There is no scenario "${name}".`,
      advice: `Scenarios: ${known.map((each) => each.name).join(", ")}.`,
      exitCode: 2,
    });
  return found;
}

/** Plays a scenario; on failure the error includes the logs of all nodes since it began. */
export async function play(scenario: Scenario, lab: Lab, say: (text: string) => void = () => undefined): Promise<void> {
  const began = Date.now();
  const timeoutMs = paced(scenario.timeoutMs ?? 120_000);
  try {
    await within(scenario.run(lab, say), timeoutMs);
  } catch (cause) {
    throw failedStory(`Scenario ${scenario.name} failed`, cause, lab, began);
  }
}

/** Runs a test's steps on a lab like a scenario: a failure prints the timeline. */
export function story(lab: Lab, name: string, steps: () => Promise<unknown>): Promise<void> {
  const run = async (): Promise<void> => void (await steps());
  return play({ name, summary: name, run }, lab);
}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      late.reject(
        new NethsecError({ code: "deadline_passed", message: `It did not end within ${timeoutMs / 1000} s.` }),
      ),
    timeoutMs,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
