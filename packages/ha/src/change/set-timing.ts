/**
 * Switches both nodes from VRRPv2 to VRRPv3 or back, without a switchover. While only one of them has changed they ignore each other's
 * advertisements, so the backup's keepalived is stopped meanwhile: the primary reloads (which keeps its state), then the backup starts again.
 * If "go" does not arrive within a few seconds, the backup restarts with the old timing, so it takes over should the primary die meanwhile.
 */
import type { RunCommand } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { streamLines } from "@nethsec/host/process/stream-lines";
import * as v from "valibot";
import { agentClient } from "../cluster/agent-client.ts";
import { applyNode, renderFiles } from "../keepalived/apply-node.ts";
import type { ClusterHost } from "./cluster.ts";
import { onPrimary } from "../cluster/on-primary.ts";
import { haPaths, type HaConfig, type Timing } from "../cluster/config.ts";
import { setTiming as editTiming } from "./edit-config.ts";
import { member, type NodeHost } from "./node-changes.ts";
import { changePair } from "./pair.ts";
import { callPeer, reachPeer } from "./peer.ts";
import { configurationFiles, snapshot, withRollback } from "./rollback.ts";
import { sshCommand } from "../ssh/ssh-link.ts";

const goTimeoutMs = 8000;
const answerTimeoutMs = 20_000;

/** Throws `backup_is_master`, and what the link throws; in both cases nothing was changed. */
export async function setTiming(host: ClusterHost, timing: Timing): Promise<void> {
  const config = onPrimary(host, `set-timing ${timing}`);
  const state = (await agentClient(host.files.real(haPaths.agentSocket)).status())?.state;
  if (state !== undefined && state !== "master" && config.enabled) {
    throw new NethsecError({
      code: "primary_is_not_master",
      message: `The primary node is ${state} now: timing is changed while it is master, so that no address moves.`,
      advice: "Wait until ns-ha-config status says master, or bring it back: ns-ha-config switch --to primary",
    });
  }
  await reachPeer(host, config);
  const before = snapshot(host.files, configurationFiles);
  const undo = async (): Promise<void> => {
    before.restore();
    await applyNode(host);
  };
  let holding: Holding | undefined;
  await changePair(host, {
    action: `set-timing ${timing}`,
    first: async () => {
      holding = await hold(host, config, timing);
      try {
        await change(host, timing);
      } catch (error) {
        await holding.release();
        throw error;
      }
    },
    second: async () => {
      if (holding === undefined) await completeInterrupted(host, config, timing);
      else await holding.go();
    },
    undoFirst: async () => {
      await holding?.release();
      await undo();
    },
  });
}

async function change(host: NodeHost, timing: Timing): Promise<void> {
  const work = async (): Promise<void> => {
    host.uci.change((tx) => editTiming(tx, timing));
    await applyNode(host);
  };
  await withRollback(host.files, configurationFiles, work, () => applyNode(host));
}

/** An interrupted run has changed the primary: change the backup too, unless that is done already. */
async function completeInterrupted(host: ClusterHost, config: HaConfig, timing: Timing): Promise<void> {
  if ((await callPeer(host, config, "status", {}))["timing"] === timing) return;
  const holding = await hold(host, config, timing);
  await holding.go();
}

interface Holding {
  /** Makes the backup start with the new timing, and waits until it has. */
  go(): Promise<void>;
  /** Makes the backup restart with the old timing. */
  release(): Promise<void>;
}

/** Returns once the backup's keepalived is stopped. */
async function hold(host: Pick<Host, "files" | "run" | "clock">, config: HaConfig, timing: Timing): Promise<Holding> {
  const { argv, env } = sshCommand(host, config, "admin");
  const process = host.run.spawn([...argv, "/usr/sbin/ns-ha hold-timing"], { env, stdin: "pipe" });
  const words = streamLines(process.stdout);
  const expect = async (word: string): Promise<void> => {
    const next = words.next().then(({ value }) => value ?? undefined);
    const got = await within(host, answerTimeoutMs, next);
    if (got === word) return;
    await process.kill();
    const why = got === undefined ? "it gave no answer in time" : refusalIn(got);
    throw new NethsecError({
      code: "backup_refused",
      message: `The backup node ${config.peer.address} did not change its timing: ${why}.`,
      advice: "Nothing was changed. Check the link between the nodes: ns-ha-config drill",
    });
  };
  await process.stdin.write(`${JSON.stringify({ timing })}\n`);
  await expect("ready");
  return {
    go: async () => {
      await process.stdin.write("go\n");
      await expect("done");
      await process.exited;
    },
    release: async () => {
      await process.stdin.end();
      await within(host, answerTimeoutMs, process.exited);
      await process.kill();
    },
  };
}

/** undefined on timeout. Cancels the timer afterwards: a pending sleep would keep the process alive. */
async function within<T>(
  host: Pick<Host, "clock">,
  timeoutMs: number,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const over = new AbortController();
  const stop = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  try {
    return await Promise.race([
      work,
      host.clock.sleep(timeoutMs, stop).then(
        () => undefined,
        () => undefined,
      ),
    ]);
  } finally {
    over.abort();
  }
}

function refusalIn(line: string): string {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), v.object({ error: v.string() })), line);
  return parsed.success ? parsed.output.error : `it answered ${JSON.stringify(line.slice(0, 200))}`;
}

const requestSchema = v.pipe(v.string(), v.parseJson(), v.object({ timing: v.picklist(["classic", "fast"]) }));

/** `ns-ha hold-timing`, on the backup; stdin and stdout are connected to the primary. */
export const runHoldTiming: RunCommand = async ({ host, io, signal }) => {
  const config = member(host);
  const state = (await agentClient(host.files.real(haPaths.agentSocket)).status())?.state;
  if (config.role !== "backup" || state === "master") {
    io.out(
      `${JSON.stringify({ error: config.role === "backup" ? "it is master at the moment" : "it is not the backup" })}\n`,
    );
    return 1;
  }
  const { timing } = v.parse(requestSchema, await io.readLine());
  const before = snapshot(host.files, configurationFiles);
  const wasRunning = await host.services.running("keepalived");
  if (wasRunning) await host.services.call("keepalived", "stop");
  try {
    io.out("ready\n");
    const word = await within(host, goTimeoutMs, io.readLine(), signal);
    if (word !== "go") throw new Error("no go");
    host.uci.change((tx) => editTiming(tx, timing));
  } catch {
    before.restore();
    await startAgain(host, wasRunning);
    return 1;
  }
  await startAgain(host, wasRunning);
  io.out("done\n");
  return 0;
};

/** Restarts keepalived only if it was running: if the administrator had stopped it, only the files are written. */
async function startAgain(host: NodeHost, wasRunning: boolean): Promise<void> {
  if (wasRunning) await applyNode(host);
  else renderFiles(host);
}
