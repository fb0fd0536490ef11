/**
 * The daemon as a process, killed by SIGKILL at random moments while it dumps continuously: no bytes are counted twice, and no bytes are lost that
 * the engine still reports. SIGKILLS=200 for the full run.
 */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import fc from "fast-check";
import { flowServer, send, until } from "../../test/flow-server.ts";
import { eachRow } from "../store/day-counters.ts";
import { readDay } from "../store/read-day.ts";
import { readStatus } from "../store/daemon-status.ts";
import { listDays } from "../store/hour-store.ts";

const kills = Number(process.env["SIGKILLS"] ?? 4);
/** In CI, the seed of the commit (scripts/seed.ts): a run before submission and the CI run use the same seed. */
const seed = Number(process.env["SIGKILL_SEED"] ?? fc.readConfigureGlobal().seed ?? Date.now() % 1_000_000);
const program = new URL("../../test/run-dpireport.ts", import.meta.url).pathname;

/** Small seeded generator (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const clients = 40;
const flowsPerClient = 3;

interface Flow {
  readonly digest: string;
  readonly client: string;
  readonly host: string;
  total: number;
  /** The part of `total` that the client sent. */
  upload: number;
}

test(
  `${kills} times killed, no byte twice and none lost (seed ${seed})`,
  async () => {
    const random = randomFrom(seed);
    const root = mkdtempSync(join(tmpdir(), "sigkill-"));
    await using server = await flowServer();
    const files = localFiles(root);
    const start = (): ReturnType<typeof spawn> =>
      spawn(process.execPath, [program, root], {
        env: { ...process.env, NETIFYD_SOCKET: server.path, DUMP_PATH: "/reports", DUMP_TIMEOUT: "1", DUMP_MS: "15" },
        stdio: ["ignore", "inherit", "inherit"],
      });
    let daemon = start();
    try {
      // The daemon must be watching before the flows begin.
      let socket = await server.next();
      await until(() => readStatus(files, "/reports")?.connected ?? false, "the first status");
      const began = Date.now() + 1;
      const flows = Array.from({ length: clients * flowsPerClient }, (_, index): Flow => ({
        digest: index.toString(16).padStart(40, "0"),
        client: `10.0.0.${1 + (index % clients)}`,
        host: `host${index}.example`,
        total: 0,
        upload: 0,
      }));
      for (let kill = 0; kill < kills; kill++) {
        await announce(socket, flows, began);
        const killAt = performance.now() + random() * 120;
        while (performance.now() < killAt) {
          await grow(socket, flows, random);
          await new Promise((resolve) => setTimeout(resolve, random() * 4));
        }
        const exited = new Promise((resolve) => daemon.once("exit", resolve));
        daemon.kill("SIGKILL");
        await exited;
        socket.destroy();
        expect(total(root).bytes).toBeLessThanOrEqual(reported(flows));
        expectDirections(root, flows);
        daemon = start();
        socket = await server.next();
      }
      const itSays = (connected: boolean) => (): boolean => {
        const status = readStatus(files, "/reports");
        return status?.pid === daemon.pid && status?.connected === connected;
      };
      await until(itSays(true), "the last daemon's connection");
      await announce(socket, flows, began);
      await grow(socket, flows, random);
      socket.end();
      await until(itSays(false), "the end of the stream");
      const code = new Promise((resolve) => daemon.once("exit", resolve));
      daemon.kill("SIGTERM");
      expect(await code).toBe(0);
      expect(total(root)).toMatchObject({
        bytes: reported(flows),
        hosts: Object.fromEntries(flows.map(({ host, total }) => [host, total])),
        unattributed: 0,
      });
      expectDirections(root, flows);
      expect(total(root).directions.upload).toBeGreaterThan(0);
    } finally {
      daemon.kill("SIGKILL");
      rmSync(root, { recursive: true, force: true });
    }
  },
  20_000 + kills * 4000,
);

/** The directions of growth that a kill took with it are not known any more, since the engine tells only totals of it; but none is counted twice. */
function expectDirections(root: string, flows: readonly Flow[]): void {
  const { download, upload } = total(root).directions;
  const sent = flows.reduce((sum, flow) => sum + flow.upload, 0);
  expect(upload).toBeLessThanOrEqual(sent);
  expect(download).toBeLessThanOrEqual(reported(flows) - sent);
}

function reported(flows: readonly Flow[]): number {
  return flows.reduce((sum, { total }) => sum + total, 0);
}

async function announce(socket: Socket, flows: readonly Flow[], began: number): Promise<void> {
  await tell(
    socket,
    flows.map(({ digest, client, host }) => ({
      type: "flow",
      interface: "br-lan",
      internal: true,
      flow: {
        digest,
        first_seen_at: began,
        last_seen_at: began,
        local_ip: client,
        detected_protocol_name: "TLS",
        detected_application_name: "x",
        host_server_name: host,
      },
    })),
  );
}

async function grow(socket: Socket, flows: Flow[], random: () => number): Promise<void> {
  await tell(
    socket,
    flows.map((flow) => {
      const bytes = Math.floor(random() * 100_000) + 1;
      const upload = Math.floor(bytes * random());
      flow.total += bytes;
      flow.upload += upload;
      return {
        type: "flow_stats",
        interface: "br-lan",
        internal: true,
        flow: {
          digest: flow.digest,
          last_seen_at: Date.now(),
          local_bytes: upload,
          other_bytes: bytes - upload,
          total_bytes: flow.total,
        },
      };
    }),
  );
}

/** Sending to a daemon that was just killed fails; the next daemon receives the totals. */
async function tell(socket: Socket, events: readonly object[]): Promise<void> {
  await send(socket, events.map((event) => `${JSON.stringify(event)}\n`).join("")).catch(() => undefined);
}

function total(root: string) {
  const files = localFiles(root);
  const hosts: Record<string, number> = {};
  let [bytes, unattributed, download, upload] = [0, 0, 0, 0];
  for (const day of listDays(files, "/reports")) {
    const counters = readDay(files, "/reports", day);
    for (const value of counters.totals) bytes += value;
    for (const value of counters.download) download += value;
    for (const value of counters.upload) upload += value;
    for (const value of counters.unattributed) unattributed += value;
    for (const row of eachRow(counters.sections.host)) {
      const key = counters.sections.host.names[row.name] ?? "";
      hosts[key] = (hosts[key] ?? 0) + row.bytes;
    }
  }
  return { bytes, hosts, unattributed, directions: { download, upload } };
}
