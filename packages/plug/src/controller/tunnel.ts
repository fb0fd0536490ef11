/**
 * Runs the OpenVPN process of the tunnel to the controller: starts it, watches it, and ends it when it cannot connect, so that the caller can
 * register again.
 * Invariant: no OpenVPN process is left behind when `runTunnel` settles.
 */
import { FileError } from "@nethsec/host/files/file-error";
import type { Host } from "@nethsec/host/host";
import { streamLines } from "@nethsec/host/process/stream-lines";
import { clientConfPath } from "./client-conf.ts";
import { watchSilence, type Probe } from "./silence.ts";

const command = ["openvpn", "--config", clientConfPath] as const;
/** Between SIGTERM and SIGKILL. */
const graceMs = 5000;
/** How long a tunnel may take to come up the first time. Longer than OpenVPN's TLS window (hand-window in `client-conf.ts`). */
const patienceMs = 40_000;

export interface TunnelOptions {
  /** How long OpenVPN may try to restore a lost tunnel before it is ended; milliseconds. */
  readonly lostPatienceMs: number;
  readonly probe: Probe | undefined;
}

export interface TunnelEnd {
  readonly reason: string;
  /** True when a tunnel was up, was lost, and OpenVPN could not restore it within `lostPatienceMs`. */
  readonly waited: boolean;
  /** Total time that the tunnel was up, in milliseconds. */
  readonly connectedMs: number;
}

/** Interprets a line of OpenVPN's log (verb 3). */
export function readLine(
  line: string,
): { readonly event: "up" | "down" } | { readonly event: "trouble"; readonly text: string } | undefined {
  if (line.includes("Initialization Sequence Completed")) return { event: "up" };
  const trouble =
    /(VERIFY ERROR.*|AUTH_FAILED.*|TLS Error: .*|Cannot resolve host address.*|Connection refused.*|Inactivity timeout.*|certificate.*revoked.*)/i.exec(
      line,
    )?.[1];
  if (trouble !== undefined) return { event: "trouble", text: trouble.slice(0, 160) };
  return /SIGUSR1\[|SIGHUP\[|Restart pause/.test(line) ? { event: "down" } : undefined;
}

/** Runs until the tunnel is given up, OpenVPN ends, or the signal aborts. Calls `changed` each time the tunnel comes up or goes down. */
export async function runTunnel(
  host: Pick<Host, "run" | "clock" | "log" | "files">,
  { lostPatienceMs, probe }: TunnelOptions,
  changed: (up: boolean, trouble: string | undefined) => void,
  signal: AbortSignal,
): Promise<TunnelEnd> {
  await endLeftOver(host, signal);
  const openvpn = host.run.spawn(command, { signal, stderr: "ignore" });
  const log = host.log.tagged("openvpn(nsplug)");
  let upSince: number | undefined;
  let connectedMs = 0;
  let trouble: string | undefined;
  let patience = new AbortController();
  const gaveUp = Promise.withResolvers<"gave up">();

  const waitForTunnel = (ms: number): void => {
    patience = new AbortController();
    host.clock.sleep(ms, AbortSignal.any([patience.signal, signal])).then(
      () => gaveUp.resolve("gave up"),
      () => undefined,
    );
  };
  const goDown = (): void => {
    if (upSince === undefined) return;
    connectedMs += host.clock.monotonic() - upSince;
    upSince = undefined;
    changed(false, trouble);
    waitForTunnel(lostPatienceMs);
  };
  waitForTunnel(patienceMs);
  const ending = new AbortController();
  const isUp = (): boolean => upSince !== undefined;
  const reconnect = async (): Promise<void> => {
    trouble = "nothing comes through the tunnel";
    // SIGUSR1 makes OpenVPN reconnect (openvpn(8)); it logs the restart, which `readLine` takes as "down".
    await host.run(["kill", "-USR1", String(openvpn.pid)], { timeoutMs: graceMs, ok: "any", signal });
  };
  const silence =
    probe === undefined
      ? undefined
      : watchSilence(host, probe, isUp, reconnect, AbortSignal.any([ending.signal, signal]));
  const reading = (async () => {
    for await (const line of streamLines(openvpn.stdout)) {
      log("info", line);
      const said = readLine(line);
      if (said?.event === "trouble") {
        trouble = said.text;
        if (/refused/i.test(said.text)) silence?.ask();
      }
      if (said?.event === "down") goDown();
      else if (said?.event === "up" && upSince === undefined) {
        patience.abort();
        [upSince, trouble] = [host.clock.monotonic(), undefined];
        changed(true, undefined);
      }
    }
  })();
  const ended = await Promise.race([openvpn.exited, gaveUp.promise]);
  ending.abort();
  await openvpn.kill();
  patience.abort();
  await reading;
  const waited = ended === "gave up" && connectedMs > 0;
  if (upSince !== undefined) connectedMs += host.clock.monotonic() - upSince;
  const why =
    ended === "gave up"
      ? `no tunnel for ${Math.round((waited ? lostPatienceMs : patienceMs) / 1000)} s`
      : `OpenVPN ended (${ended.code ?? "by a signal"})`;
  return { reason: trouble === undefined ? why : `${why}: ${trouble}`, waited, connectedMs };
}

/** Ends the OpenVPN of a client that was killed (out of memory); otherwise it would keep the tunnel device for ever. */
async function endLeftOver(
  { run, clock, files }: Pick<Host, "run" | "clock" | "files">,
  signal: AbortSignal,
): Promise<void> {
  const leftOver = (): readonly string[] =>
    files.list("/proc").filter((pid) => /^\d+$/.test(pid) && commandLine(files, pid) === `${command.join("\0")}\0`);
  const deadline = clock.monotonic() + graceMs;
  for (let pids = leftOver(); pids.length > 0; pids = leftOver()) {
    const how = clock.monotonic() < deadline ? "-TERM" : "-KILL";
    await run(["kill", how, ...pids], { timeoutMs: graceMs, ok: "any", signal });
    await clock.sleep(200, signal);
  }
}

function commandLine(files: Host["files"], pid: string): string | undefined {
  try {
    return files.readText(`/proc/${pid}/cmdline`);
  } catch (error) {
    // The process ended while its file was read.
    if (error instanceof FileError) return undefined;
    throw error;
  }
}
