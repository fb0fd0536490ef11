/** The backup's side of fetch-state.ts: sends its state files. Runs in the process of `ns-ha sync-receive`, not in the agent, since it may be much data. */
import type { Io } from "@nethsec/host/command/command";
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import type { AgentClient } from "../cluster/agent-client.ts";
import { carriedSince } from "../cluster/carried.ts";
import { stateFiles } from "../cluster/state-files.ts";
import { stateLines, stateQuestionSchema } from "./state-stream.ts";

const questionBytesMax = 4 * 1024 * 1024;
/** How long to wait for services that still write state while being stopped. */
const settleMs = 2000;
const pollMs = 50;

export async function giveState(host: Host, io: Io, agent: Pick<AgentClient, "status">): Promise<void> {
  const question = v.parse(v.pipe(v.string(), v.parseJson(), stateQuestionSchema), await io.readAll(questionBytesMax));
  const carried = carriedSince(host.files) !== undefined;
  if (carried && question.final) await settled(host, agent);
  const encoder = new TextEncoder();
  for (const line of stateLines(host, carried, question.have)) await io.write(encoder.encode(line));
}

/** Waits until this node has released the site and no service writes state any more. Never throws; returns at once when the agent does not answer. */
async function settled(host: Pick<Host, "files" | "uci" | "clock">, agent: Pick<AgentClient, "status">): Promise<void> {
  const names = new Set(stateFiles(host).flatMap(({ services }) => services));
  const end = host.clock.monotonic() + settleMs;
  while (host.clock.monotonic() < end) {
    const status = await agent.status().catch(() => undefined);
    if (status === undefined) return;
    const writes = status.pending.some((step) => names.has(step.replace(/^stop /, "")));
    if (status.state !== "master" && !writes) return;
    await host.clock.sleep(pollMs);
  }
}
