/** Forwards a loopback port of this machine to a loopback port of a node, to open a node's web pages in a browser. */
import { spawn } from "node:child_process";
import type { Argv } from "@nethsec/host/host";
import { paced } from "@nethsec/host/testing/pace";
import type { Lab } from "./lab.ts";
import { inNetwork, labEnvironment } from "./namespace.ts";
import { stateRoot } from "./state.ts";
import type { NodeName } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

/** Forwards until the lab goes down (two processes of the lab). Returns the URL once a page answers. Throws if the port is in use. */
export async function forward(lab: Lab, node: NodeName, port: number, localPort = port): Promise<string> {
  const init = lab.node(node).init();
  if (init === undefined) throw new Error(`${node} is off`);
  const url = `http://127.0.0.1:${localPort}/`;
  // A UNIX socket connects the two network namespaces.
  const socket = `${stateRoot}/${lab.name}/forward-${localPort}`;
  const inside = inNetwork(init, ["socat", `UNIX-LISTEN:${socket},fork,mode=600`, `TCP:127.0.0.1:${port}`]);
  const outside: Argv = ["socat", `TCP-LISTEN:${localPort},bind=127.0.0.1,reuseaddr,fork`, `UNIX-CONNECT:${socket}`];
  const ended = new AbortController();
  for (const [program, ...args] of [inside, outside]) {
    // Detached: the command returns to the prompt, and Ctrl-C in that terminal does not end the forwarding.
    const child = spawn(program, args, { detached: true, env: labEnvironment(lab.name), stdio: "ignore" });
    child.once("exit", () => ended.abort(new Error(`port ${localPort} of this machine is taken`)));
    child.unref();
  }
  await until(() => answers(url), { what: `${node} answers on ${url}`, timeoutMs: 10_000, signal: ended.signal });
  return url;
}

function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(paced(2000)) }).then(
    () => true,
    () => false,
  );
}
