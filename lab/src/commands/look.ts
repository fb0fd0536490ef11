/** `lab status`, `list`, `logs`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync } from "node:fs";
import type { RunCommand } from "@nethsec/host/command/command";
import { Lab } from "../lab.ts";
import { allScenarios } from "../scenario.ts";
import { describeTimeline, timeline } from "../timeline.ts";
import { nodeName } from "../topology.ts";
import { labOf, typed } from "./lab-of-call.ts";

export const status: RunCommand = async ({ io, json }) => {
  const lab = labOf(io.env);
  const nodes = await Promise.all(
    lab.plans.map(async ({ name }) => ({
      node: name,
      on: lab.isOn(name),
      addresses: lab.isOn(name) ? await addresses(lab, name) : [],
    })),
  );
  const faults = lab.faults();
  const memory = await lab.memory();
  if (json) {
    io.out(`${JSON.stringify({ name: lab.name, wan: lab.wan, started: lab.started, memory, nodes, faults })}\n`);
    return 0;
  }
  io.out(
    `Lab "${lab.name}", WAN ${lab.wan}, up since ${new Date(lab.started).toISOString().slice(0, 19).replace("T", " ")} UTC, ${Math.round(memory / 1024 / 1024)} MB\n\n`,
  );
  for (const { node, on, addresses: found } of nodes)
    io.out(`${node.padEnd(11)}${(on ? "on" : "off").padEnd(5)}${found.join(", ")}\n`);
  const broken = [
    ...faults.cut.map((port) => `cable out: ${port}`),
    ...Object.entries(faults.loss).map(([port, percent]) => `loss ${percent}%: ${port}`),
    ...faults.partitions.map((pair) => `partition: ${pair.join(" | ")}`),
  ];
  io.out(
    `\n${broken.length === 0 ? "All cables are in, nothing is lost." : `Faults:\n${broken.map((text) => `  ${text}\n`).join("")}End them: ${typed(io.env)} heal`}\n`,
  );
  return 0;
};

/** Device and address, e.g. "eth0 192.168.100.238/24", without those of the loopback. */
async function addresses(lab: Lab, name: Parameters<Lab["sh"]>[0]): Promise<string[]> {
  const text = await lab.sh(name, "ip -4 -o address show | awk '$4 != \"127.0.0.1/8\" { print $2, $4 }'");
  return text === "" ? [] : text.split("\n");
}

export const list: RunCommand = async ({ io, json }) => {
  const labs = Lab.list();
  const scenarios = await allScenarios();
  if (json) {
    io.out(`${JSON.stringify({ labs, scenarios: scenarios.map(({ name, summary }) => ({ name, summary })) })}\n`);
    return 0;
  }
  io.out(labs.length === 0 ? "No lab is up.\n" : `Labs: ${labs.join(", ")}\n`);
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  io.out(
    `\nScenarios (${typed(io.env)} scenario NAME):\n${scenarios.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`).join("")}`,
  );
  return 0;
};

export const logs: RunCommand = async ({ args, options, io, json, signal }) => {
  const lab = labOf(io.env);
  if (args["node"] === undefined || json) {
    const of = args["node"] === undefined ? undefined : nodeName(args["node"]);
    const events = timeline(lab).filter(({ who }) => of === undefined || who === of);
    io.out(json ? `${JSON.stringify(events)}\n` : describeTimeline(events));
    return 0;
  }
  const node = lab.node(nodeName(args["node"]));
  const files = options["boot"] === true ? [node.bootLog] : node.logFiles();
  const current = files.at(-1);
  if (current === undefined || !existsSync(current)) {
    io.err(`${node.plan.name} has logged nothing.\n`);
    return 0;
  }
  const follow = options["follow"] === true;
  for (const file of follow ? files.slice(0, -1) : files)
    for await (const chunk of createReadStream(file)) await io.write(chunk as Uint8Array);
  if (follow) {
    const tail = spawn("tail", ["-n", "+1", "-F", current], { stdio: ["ignore", "inherit", "ignore"] });
    signal.addEventListener("abort", () => tail.kill());
    await once(tail, "exit");
  }
  return 0;
};
