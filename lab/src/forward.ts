/** A port of this machine's loopback that leads to a port of a node's loopback: for opening a node's web pages in a browser. */
import { connect } from "node:net";
import type { Lab } from "./lab.ts";
import { inNetwork, labEnvironment, run } from "./namespace.ts";
import type { NodeName } from "./topology.ts";
import { until } from "./until.ts";

/** Lasts until the lab goes down (it is one of its processes). Returns the URL. Throws when the port is taken. */
export async function forward(lab: Lab, node: NodeName, port: number, localPort = port): Promise<string> {
  const init = lab.node(node).init();
  if (init === undefined) throw new Error(`${node} is off`);
  const inside = inNetwork(init, ["socat", "-", `TCP:127.0.0.1:${port}`]).join(" ");
  const child = run.spawn(["socat", `TCP-LISTEN:${localPort},bind=127.0.0.1,reuseaddr,fork`, `EXEC:${inside}`], {
    env: labEnvironment(lab.name),
    stdout: "ignore",
    stderr: "ignore",
  });
  const ended = new AbortController();
  void child.exited.then(() => ended.abort(new Error(`port ${localPort} of this machine is taken`)));
  await until(() => answers(localPort), { what: `port ${localPort} is open`, timeoutMs: 5000, signal: ended.signal });
  return `http://127.0.0.1:${localPort}/`;
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
