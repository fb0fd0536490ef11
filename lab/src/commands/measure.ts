/** `lab probe` and `lab scenario`. */
import { UsageError } from "@nethsec/host/error";
import type { RunCommand } from "@nethsec/host/command/command";
import { Lab } from "../lab.ts";
import { orAborted } from "../or-aborted.ts";
import { describeReport } from "../probe.ts";
import { play, scenarioNamed } from "../scenario.ts";
import { nodeName } from "../topology.ts";
import { labName, labOf, typed } from "./lab-of-call.ts";

export const probe: RunCommand = async ({ options, io, json, signal }) => {
  const lab = labOf(io.env);
  const from = nodeName(text(options["from"]) ?? "client1");
  const to = text(options["to"]);
  const seconds = text(options["seconds"]);
  if (seconds !== undefined && !(Number(seconds) > 0))
    throw new UsageError(
      `--seconds wants a number greater than 0, not "${seconds}".`,
      `${typed(io.env)} probe --seconds 20`,
    );
  await using running = await lab.probe({ from, ...(to === undefined ? {} : { to }) }, []);
  if (!json)
    io.err(
      `Asking from ${running.from} to ${running.to} ${seconds === undefined ? "until Ctrl-C" : `for ${seconds} s`}.\n`,
    );
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const timer = seconds === undefined ? undefined : setTimeout(resolve, Number(seconds) * 1000);
  signal.addEventListener("abort", () => resolve());
  await ended;
  clearTimeout(timer);
  const found = await running.stop();
  io.out(json ? `${JSON.stringify(found)}\n` : describeReport(found));
  return 0;
};

/** Plays the scenario on the running lab, or else starts one and takes it down afterwards. */
export const scenario: RunCommand = async ({ args, io, json, signal }) => {
  const chosen = await scenarioNamed(args["scenario"] ?? "");
  const name = labName(io.env);
  const began = performance.now();
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    if (!json) io.out(`${((performance.now() - began) / 1000).toFixed(2).padStart(7)} s  ${line}\n`);
  };
  const isUp = Lab.list().includes(name);
  const lab = isUp ? labOf(io.env) : await Lab.up({ name, say, signal });
  try {
    // On a lab that keeps running, play to the end even after Ctrl-C: the scenario heals its own faults at its end.
    await (isUp ? play(chosen, lab, say) : orAborted(play(chosen, lab, say), signal));
  } finally {
    if (!isUp) await lab.down();
  }
  if (json) io.out(`${JSON.stringify({ scenario: chosen.name, passed: true, steps: lines })}\n`);
  else io.out(`Scenario ${chosen.name}: passed.\n`);
  return 0;
};

function text(option: string | true | undefined): string | undefined {
  return typeof option === "string" ? option : undefined;
}
