/** The command as procd runs it: on a signal it writes everything and exits; invalid settings end it with a message. */
import { afterAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { flowServer, send, until } from "../../test/flow-server.ts";
import { readStatus } from "../store/daemon-status.ts";
import { readDay } from "../store/read-day.ts";
import { listDays, listHours } from "../store/hour-store.ts";

const program = new URL("../../test/dpireport-main.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "dpireport-command-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const files = localFiles("/");

function start(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [program], { env: { ...process.env, ...env } });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(child, "close").then(([code]: unknown[]) => ({ code, err }));
  return { child, ended };
}

test.each(["SIGTERM", "SIGINT"] as const)("%s: exit code 0, and the last bytes are on disk", async (signal) => {
  const base = join(folder, signal);
  await using server = await flowServer();
  const { child, ended } = start({ NETIFYD_SOCKET: server.path, DUMP_PATH: base });
  try {
    const socket = await server.next();
    await until(() => readStatus(files, base)?.connected === true, "the connection");
    const began = Date.now() + 1;
    const flow = (type: string, rest: object): string =>
      `${JSON.stringify({ type, interface: "br-lan", internal: true, flow: { digest: "a".repeat(40), ...rest } })}\n`;
    await send(
      socket,
      flow("flow", { first_seen_at: began, local_ip: "10.0.0.1", detected_protocol_name: "TLS" }) +
        flow("flow_stats", { last_seen_at: began, local_bytes: 1, other_bytes: 2, total_bytes: 3 }),
    );
    // end() completes after all data was read; the next regular dump would be two minutes away.
    socket.end();
    await until(() => readStatus(files, base)?.events === 2, "the events");
    child.kill(signal);
    expect(await ended).toEqual({ code: 0, err: "" });
  } finally {
    child.kill("SIGKILL");
  }
  const sum = listDays(files, base).reduce(
    (bytes, day) => readDay(files, base, day).totals.reduce((a, b) => a + b, bytes),
    0,
  );
  expect(sum).toBe(3);
});

test("hours are local ones also where the zone is a POSIX text, as in the option timezone", async () => {
  const base = join(folder, "zone");
  await using server = await flowServer();
  const { child, ended } = start({ NETIFYD_SOCKET: server.path, DUMP_PATH: base, TZ: "IST-5:30" });
  const hourInIndia = (): number => new Date(Date.now() + 5.5 * 3_600_000).getUTCHours();
  const before = hourInIndia();
  try {
    const socket = await server.next();
    const now = Date.now() + 1;
    const flow = {
      digest: "b".repeat(40),
      local_ip: "192.168.1.10",
      first_seen_at: now,
      detected_protocol_name: "TLS",
    };
    const head = { interface: "br-lan", internal: true };
    await send(socket, `${JSON.stringify({ type: "flow", ...head, flow })}\n`);
    const purge = { digest: flow.digest, last_seen_at: now, total_bytes: 1000 };
    await send(socket, `${JSON.stringify({ type: "flow_purge", ...head, flow: purge })}\n`);
    socket.end();
    await until(() => readStatus(files, base)?.events === 2, "the events");
    child.kill("SIGTERM");
    await ended;
  } finally {
    child.kill("SIGKILL");
  }
  const [day] = listDays(files, base);
  const hours = day === undefined ? [] : listHours(files, base, day, "192.168.1.10");
  expect([before, hourInIndia()]).toContain(hours[0] ?? -1);
});

test("on a terminal it says what it does", async () => {
  const child = spawn("script", ["--quiet", "--command", `${process.execPath} ${program}`, "/dev/null"], {
    env: { ...process.env, NETIFYD_SOCKET: join(folder, "none"), DUMP_PATH: join(folder, "terminal") },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  try {
    await until(() => said.includes("warning: No connection to"), "a word about the socket");
  } finally {
    child.kill("SIGTERM");
  }
});

test("a setting that is wrong ends the start with its name", async () => {
  const { code, err } = await start({ DUMP_TIMEOUT: "0", DUMP_PATH: folder }).ended;
  expect(code).toBe(1);
  expect(err).toContain("DUMP_TIMEOUT");
});
