/** A small tmpfs fills up and is freed: the daemon reports the error, keeps the counters, and writes them when there is space. Needs root (mount). */
import { expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { localClock } from "@nethsec/host/local/local-clock";
import { localFiles } from "@nethsec/host/files/local-files";
import type { Log } from "@nethsec/host/host";
import { flowServer, send, until } from "../../test/flow-server.ts";
import { readDay } from "../store/read-day.ts";
import { listDays } from "../store/hour-store.ts";
import { runDaemon } from "./daemon.ts";
import { netifydSource } from "./flow-source.ts";

setDefaultTimeout(paced(60_000));

test("disk full, then read-only, then free again: nothing is lost", async () => {
  const root = mkdtempSync(join(tmpdir(), "disk-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root]);
  const abort = new AbortController();
  try {
    await using server = await flowServer();
    const files = localFiles(root);
    const said: string[] = [];
    const log: Log = Object.assign((_: string, text: string) => void said.push(text), { tagged: () => log });
    const done = runDaemon(
      {
        host: { files, clock: localClock, log },
        settings: {
          source: { kind: "netifyd", socket: server.path },
          staleSeconds: 3600,
          dumpSeconds: 0.05,
          base: "/reports",
          group: undefined,
          maxDayPercent: 10,
          debug: false,
        },
        source: netifydSource(server.path, localClock),
        pid: 1,
        ownAddresses: async () => [],
        devices: async () => new Map(),
        dayBytes: () => Number.POSITIVE_INFINITY,
        memory: () => 0,
      },
      abort.signal,
    );
    const socket = await server.next();
    const began = Date.now();
    let total = 0;
    const grow = async (): Promise<void> => {
      total += 1000;
      const lines = Array.from({ length: 20 }, (_, index) => {
        const digest = index.toString(16).padStart(40, "0");
        const identity = {
          type: "flow",
          interface: "br-lan",
          internal: true,
          flow: {
            digest,
            first_seen_at: began,
            last_seen_at: began,
            local_ip: `10.0.0.${index}`,
            detected_protocol_name: "X",
            detected_application_name: "Y",
          },
        };
        const counters = {
          type: "flow_stats",
          interface: "br-lan",
          internal: true,
          flow: { digest, last_seen_at: Date.now(), local_bytes: 1000, other_bytes: 0, total_bytes: total },
        };
        return `${JSON.stringify(identity)}\n${JSON.stringify(counters)}\n`;
      });
      await send(socket, lines.join(""));
    };
    const onDisk = (): number =>
      listDays(files, "/reports").reduce(
        (sum, day) => sum + readDay(files, "/reports", day).totals.reduce((a, b) => a + b, 0),
        0,
      );
    await grow();
    await until(() => onDisk() === 20_000, "the first dump");

    try {
      writeFileSync(join(root, "filler"), new Uint8Array(1024 * 1024));
    } catch {
      // Expected: filling the file system is the purpose.
    }
    await grow();
    await until(() => said.some((text) => text.includes("no space left")), "the trouble is told");
    expect(onDisk()).toBeLessThan(40_000);
    rmSync(join(root, "filler"));
    await until(() => onDisk() === 40_000, "what was kept is written");
    expect(said).toContain("The reports can be written again; nothing was lost.");

    execFileSync("mount", ["-o", "remount,ro", root]);
    await grow();
    expect(onDisk()).toBe(40_000);
    execFileSync("mount", ["-o", "remount,rw", root]);
    await until(() => onDisk() === 60_000, "what was kept is written after the disk was read-only");
    abort.abort();
    await done;
    expect(onDisk()).toBe(60_000);
  } finally {
    abort.abort();
    execFileSync("umount", ["-l", root]);
    rmSync(root, { recursive: true, force: true });
  }
});
