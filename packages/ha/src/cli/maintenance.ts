/** `maintenance on|off`, `pause`, `resume`: what an administrator sets on this node, with an optional end. The agent does it. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { formatDuration, parseDuration } from "@nethsec/host/units";
import { agentClient, type AgentClient } from "../cluster/agent-client.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { haPaths } from "../cluster/config.ts";
import { inCluster, onPrimary } from "../cluster/on-primary.ts";
import { markText } from "../cluster/timed-mark.ts";
import { reportSync } from "./agent-actions.ts";
import { argument, asTyped, changing, succeed } from "./answer.ts";
import { markJson } from "./status.ts";

const agent = (call: Call): AgentClient => agentClient(call.host.files.real(haPaths.agentSocket));

export async function maintenance(call: Call): Promise<number> {
  const what = argument(call, "what");
  if (what !== "on" && what !== "off") throw new UsageError(`"${what}" is neither on nor off`);
  const { role } = inCluster(call.host);
  if (what === "off") return endMaintenance(call, role);
  const force = call.options["force"] === true;
  const asked = { on: true, force, ...untilOf(call) };
  const { maintenance: mark, outageMs } = await changing(call, "Taking this node out of service…", () =>
    agent(call).ask(agentEndpoints.maintenance, asked),
  );
  const handedOver =
    outageMs === undefined ? "" : ` The site was handed over, measured outage ${formatDuration(outageMs)}.`;
  const text = `The ${role} node is in maintenance${mark === undefined ? "" : ` ${markText(mark)}`}, also after a reboot.`;
  return succeed(call, [`${text}${handedOver}`, "To end it: ns-ha-config maintenance off"], {
    maintenance: mark === undefined ? null : markJson(mark),
    outage_ms: outageMs ?? null,
  });
}

async function endMaintenance(call: Call, role: "primary" | "backup"): Promise<number> {
  if (call.options["for"] !== undefined || call.options["force"] !== undefined)
    throw new UsageError("--for and --force belong to `maintenance on`");
  await agent(call).ask(agentEndpoints.maintenance, { on: false, force: false });
  const next =
    role === "primary"
      ? "It takes the site back as soon as it has fetched what the backup node learnt."
      : "It is ready to take over.";
  return succeed(call, [`The ${role} node is not in maintenance. ${next}`], { maintenance: null });
}

export async function pause(call: Call): Promise<number> {
  onPrimary(call.host, asTyped(call, "pause"));
  const { paused } = await agent(call).ask(agentEndpoints.pause, { on: true, ...untilOf(call) });
  const text = `The synchronisation is paused${paused === undefined ? "" : ` ${markText(paused)}`}. A failover works with what the backup node has.`;
  return succeed(
    call,
    [text, "What waits: ns-ha-config status, in full: ns-ha-config diff. To send it: ns-ha-config resume"],
    {
      sync_paused: paused === undefined ? null : markJson(paused),
    },
  );
}

/** Sends what waited, and lists it as `sync --wait` does. A primary that is not master has nothing to send to. */
export async function resume(call: Call): Promise<number> {
  onPrimary(call.host, asTyped(call, "resume"));
  try {
    return await reportSync(call, agent(call).stream(agentEndpoints.resume, {}, call.signal), true);
  } catch (error) {
    if (!(error instanceof NethsecError) || error.code !== "sync_not_here") throw error;
    return succeed(call, ["The synchronisation is not paused any more.", error.message]);
  }
}

/** The end given by --for; nothing without it. */
function untilOf(call: Call): { readonly until?: number } {
  const given = call.options["for"];
  if (given === undefined) return {};
  const ms = typeof given === "string" ? parseDuration(given) : undefined;
  if (ms === undefined || ms <= 0)
    throw new UsageError(`"${String(given)}" is no duration`, "For example 90m, 2h, 1d or 1h30m.");
  return { until: call.host.clock.now() + ms };
}
