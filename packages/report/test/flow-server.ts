/** A stand-in for netifyd's socket in tests: accepts clients and sends the test's data. Listens on its own UNIX socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until as untilDeadline } from "@nethsec/host/testing/until";

export interface FlowServer extends AsyncDisposable {
  readonly path: string;
  /** Clients connected since the start. */
  readonly accepted: number;
  /** The next client that connects. */
  next(): Promise<Socket>;
}

export async function flowServer(): Promise<FlowServer> {
  const folder = mkdtempSync(join(tmpdir(), "flow-server-"));
  const path = join(folder, "netifyd.sock");
  const waiting: ((socket: Socket) => void)[] = [];
  const ready: Socket[] = [];
  const all = new Set<Socket>();
  let accepted = 0;
  const server: Server = createServer((socket) => {
    accepted++;
    all.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => all.delete(socket));
    const taker = waiting.shift();
    if (taker === undefined) ready.push(socket);
    else taker(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(path, resolve);
  });
  return {
    path,
    get accepted() {
      return accepted;
    },
    next: () => {
      const socket = ready.shift();
      return socket === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(socket);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of all) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Writes all bytes, waiting for the reader when needed. */
export function send(socket: Socket, bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve())));
}

/** Waits for a condition; fails with `what` after `timeoutMs`, scaled by the machine's speed. */
export async function until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  await untilDeadline(condition, { what, timeoutMs, everyMs: 5 });
}
