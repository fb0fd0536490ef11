/** `lab up`, `down`, `kill`, `boot`. */
import { NethsecError, UsageError } from "@nethsec/host/error";
import type { RunCommand } from "@nethsec/host/command/command";
import { labsWithKeptLogs } from "../kept-logs.ts";
import { Lab } from "../lab.ts";
import { installMissingPackages } from "../prerequisites.ts";
import { nodeName, vip } from "../topology.ts";
import { labName, labOf, tell, typed } from "./lab-of-call.ts";

export const up: RunCommand = async ({ options, io, json, signal }) => {
  const wan = options["wan"];
  if (wan !== undefined && wan !== "static" && wan !== "dhcp")
    throw new UsageError(`--wan is static or dhcp, not "${String(wan)}".`, `${typed(io.env)} up --wan dhcp`);
  const name = labName(io.env);
  const began = performance.now();
  const say = (text: string): void =>
    json ? undefined : io.err(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${text}\n`);
  await installMissingPackages(say);
  const lab = await Lab.up({
    name,
    say,
    signal,
    keep: options["keep"] === true,
    ...(wan === undefined ? {} : { wan }),
  });
  const seconds = Math.round(performance.now() - began) / 1000;
  if (json) io.out(`${JSON.stringify({ name: lab.name, wan: lab.wan, seconds })}\n`);
  else
    io.out(
      `Lab "${lab.name}" is up after ${seconds.toFixed(1)} s, WAN ${lab.wan}. The primary is 192.168.100.238, the backup .239; ${vip} waits for high availability.\nNext: ${typed(io.env)} shell primary, ${typed(io.env)} status, ${typed(io.env)} down\n`,
    );
  return 0;
};

export const down: RunCommand = async ({ options, io, json }) => {
  const names = options["all"] === true ? [...new Set([...Lab.list(), ...labsWithKeptLogs()])] : [labName(io.env)];
  const ended: string[] = [];
  for (const name of names) if (await Lab.down(name)) ended.push(name);
  if (json) io.out(`${JSON.stringify({ ended })}\n`);
  else io.out(ended.length === 0 ? "There was no such lab.\n" : `Ended: ${ended.join(", ")}. Nothing of it is left.\n`);
  return 0;
};

export const kill: RunCommand = async (call) => {
  const { args, io } = call;
  const lab = labOf(io.env);
  const node = nodeName(args["node"] ?? "");
  const program = args["process"];
  if (program === undefined) {
    if (!lab.isOn(node))
      throw new NethsecError({
        code: "node_is_off",
        message: `${node} is off already.`,
        advice: `Start it: ${typed(io.env)} boot ${node}`,
      });
    await lab.kill(node);
    tell(call, `${node} has no power any more. On again: ${typed(io.env)} boot ${node}`);
  } else {
    const count = lab.signal(node, program, "SIGKILL");
    tell(call, `Killed ${count} ${count === 1 ? "process" : "processes"} "${program}" on ${node}.`);
  }
  return 0;
};

export const boot: RunCommand = async (call) => {
  const { args, io } = call;
  const node = nodeName(args["node"] ?? "");
  const lab = labOf(io.env);
  if (lab.isOn(node)) {
    tell(call, `${node} is on already.`);
    return 0;
  }
  const began = performance.now();
  await lab.boot(node);
  tell(call, `${node} is on, booted in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
  return 0;
};
