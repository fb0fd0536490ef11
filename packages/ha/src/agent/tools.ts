/** Implementation of the agent's commands. Thin: each calls one function of the agent or of the synchronisation and prints. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import { openMetrics } from "@nethsec/host/metrics";
import { agentClient } from "../cluster/agent-client.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { type HaConfig, haPaths, readHaConfig } from "../cluster/config.ts";
import { notConfigured } from "../cluster/ha-error.ts";
import { importExport } from "../sync/import-export.ts";
import { writeExport } from "../sync/export-files.ts";
import { followingInterfaces } from "../cluster/following-interfaces.ts";
import { agentMetrics } from "./metrics.ts";

export async function runAgentCommand({ host, signal }: Call): Promise<number> {
  const { runAgent } = await import("./agent.ts");
  return runAgent(host, signal);
}

export async function runRestore({ host, io, json }: Call): Promise<number> {
  const answer = await agentClient(host.files.real(haPaths.agentSocket)).ask(agentEndpoints.apply, {});
  if (json) io.out(`${JSON.stringify(answer)}\n`);
  else if (answer.ok) {
    io.out(
      answer.changed.length === 0
        ? "Nothing to restore.\n"
        : `Restored:\n${answer.changed.map((path) => `  ${path}\n`).join("")}`,
    );
    if (answer.reloaded.length > 0) io.out(`Reloaded: ${answer.reloaded.join(", ")}\n`);
  }
  if (answer.ok) return 0;
  const { error, message, advice } = answer;
  if (json) return 1;
  throw new NethsecError({ code: error, message, ...(advice === undefined ? {} : { advice }) });
}

export async function runExport({ host, io, json }: Call): Promise<number> {
  demand(readHaConfig(host.uci), "primary");
  const { changed } = await writeExport(host);
  if (json) io.out(`${JSON.stringify({ changed })}\n`);
  return 0;
}

export async function runImport({ host, io, json }: Call): Promise<number> {
  const changed = importExport(host, demand(readHaConfig(host.uci), "backup"));
  if (changed) await host.services.call("network", "reload", { timeoutMs: 60_000 });
  if (json) io.out(`${JSON.stringify({ changed })}\n`);
  return 0;
}

export async function runEnable({ host, io, json }: Call): Promise<number> {
  const config = demand(readHaConfig(host.uci));
  // No agent, or one that hangs: the state is unknown. This command is meant for exactly this case, so go on.
  const status = await agentClient(host.files.real(haPaths.agentSocket))
    .status()
    .catch((error: unknown) => {
      if (error instanceof NethsecError && error.code === "ha_agent_silent") return undefined;
      throw error;
    });
  const state = status?.state;
  if (state !== undefined && state !== "master") {
    throw new NethsecError({
      code: "not_master",
      message: `This node is ${state}, not master: with its interfaces up two nodes would have the same addresses.`,
      advice: "The agent brings them up when this node takes over. Where the site is now: ns-ha-config status",
    });
  }
  const up = new Map((await host.net.interfaces()).map((found) => [found.name, found.up]));
  const wanted = followingInterfaces(host.uci, config.role).filter(
    ({ name, wanted: isWanted }) => isWanted && up.get(name) === false,
  );
  for (const { name } of wanted) await host.net.ifup(name);
  if (json) io.out(`${JSON.stringify({ interfaces: wanted.map(({ name }) => name) })}\n`);
  return 0;
}

export async function runSync({ host, io, json, signal }: Call): Promise<number> {
  const events = agentClient(host.files.real(haPaths.agentSocket)).stream(
    agentEndpoints.sync,
    { wait: true, force: [] },
    signal,
  );
  for await (const event of events) {
    if (event.kind !== "result") continue;
    if (json) io.out(`${JSON.stringify(event)}\n`);
    else io.out(`${event.status}${event.advice === undefined ? "" : `: ${event.advice}`}\n`);
    return event.ok ? 0 : 1;
  }
  return 1;
}

export async function runMetrics({ host, io }: Call): Promise<number> {
  const status = await agentClient(host.files.real(haPaths.agentSocket)).status();
  io.out(openMetrics(agentMetrics(status)));
  return 0;
}

function demand(config: HaConfig | undefined, role?: HaConfig["role"]): HaConfig {
  if (config === undefined) throw notConfigured();
  if (role === undefined || config.role === role) return config;
  throw new NethsecError({
    code: "wrong_node",
    message: `This is the ${config.role} node; it is done on the ${role} node only.`,
  });
}
