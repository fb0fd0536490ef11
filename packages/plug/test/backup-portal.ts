/** For tests of transfers: a backup storage with HTTPS on the loopback, and a TCP relay ("wire") to it that breaks connections at a given byte. */
import * as v from "valibot";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

const alertSchema = v.object({ alert_id: v.string(), status: v.string() });

/** Where a connection breaks: after so many bytes to ("up") or from ("down") the server. `reset`: the client gets an RST, else a FIN. */
export interface Break {
  readonly direction: "up" | "down";
  readonly after: number;
  readonly reset: boolean;
}

export interface BackupPortal extends AsyncDisposable {
  /** Through the relay, without a trailing slash. */
  readonly url: string;
  /** Directly to the server, not through the relay. */
  readonly directUrl: string;
  /** Complete uploads, by name. */
  readonly files: Map<string, Uint8Array>;
  /** Alerts in the order of their arrival: "name STATUS". */
  readonly alerts: string[];
  /** Sets the break for subsequent connections. */
  breakAt(where: Break | undefined): void;
  /** Bytes of the last connection that was not broken. */
  readonly carried: { readonly up: number; readonly down: number };
}

export async function backupPortal(tls: { cert: string; key: string } | undefined): Promise<BackupPortal> {
  const files = new Map<string, Uint8Array>();
  const alerts: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    fetch: async (request) => {
      const name = new URL(request.url).pathname.split("/").at(-1) ?? "";
      if (request.method === "POST") {
        const { alert_id, status } = v.parse(alertSchema, await request.json());
        alerts.push(`${alert_id} ${status}`);
        return Response.json({});
      }
      if (request.method === "PUT") {
        const bytes = await request.bytes();
        if (bytes.length !== Number(request.headers.get("content-length"))) return new Response("", { status: 400 });
        files.set(name, bytes);
        return Response.json({}, { status: 201 });
      }
      const bytes = files.get(name);
      return bytes === undefined ? new Response("", { status: 404 }) : new Response(Uint8Array.from(bytes));
    },
    // Thrown when a body ends too early.
    error: () => new Response("", { status: 400 }),
  });
  const wire = await breakingWire(server.port ?? 0);
  const scheme = tls === undefined ? "http" : "https";
  return {
    url: `${scheme}://localhost:${wire.port}`,
    directUrl: `${scheme}://localhost:${server.port}`,
    files,
    alerts,
    breakAt: wire.breakAt,
    carried: wire.carried,
    [Symbol.asyncDispose]: async () => {
      wire.close();
      await server.stop(true);
    },
  };
}

async function breakingWire(
  to: number,
): Promise<Pick<BackupPortal, "breakAt" | "carried"> & { readonly port: number; close(): void }> {
  const carried = { up: 0, down: 0 };
  const open = new Set<Socket>();
  let broken: Break | undefined;
  const server = createServer((client) => {
    const where = broken;
    const upstream = connect(to, "127.0.0.1");
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => open.delete(socket));
    }
    const cut = (): void => {
      upstream.destroy();
      if (where?.reset === true) client.resetAndDestroy();
      else client.destroySoon();
    };
    const carry = (from: Socket, into: Socket, direction: Break["direction"]): void => {
      let seen = 0;
      from.on("data", (data: Buffer) => {
        const room = where?.direction === direction ? where.after - seen : Infinity;
        seen += data.length;
        if (where === undefined) carried[direction] = seen;
        if (data.length <= room) into.write(data);
        else if (room > 0) into.write(data.subarray(0, room), cut);
        else cut();
      });
      from.on("end", () => into.end());
    };
    if (where?.after === 0) return cut();
    carry(client, upstream, "up");
    carry(upstream, client, "down");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    carried,
    breakAt: (where) => (broken = where),
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
