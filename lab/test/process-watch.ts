/** Everything that stood in a process list of some nodes for a while: secrets must not. */
import type { Process } from "@nethsec/host/host";
import type { Lab } from "../src/lab.ts";
import { run } from "../src/namespace.ts";
import type { NodeName } from "../src/topology.ts";

export class ProcessWatch {
  readonly #worker: Process;
  readonly #reading: Promise<string>;

  private constructor(worker: Process) {
    this.#worker = worker;
    this.#reading = new Response(worker.stdout).text();
  }

  /** Begins; the nodes must stay on. */
  static start(lab: Lab, nodes: readonly NodeName[]): ProcessWatch {
    const inits = nodes.map((node) => String(lab.node(node).init()?.pid));
    return new ProcessWatch(
      run.spawn(["nice", "-n", "-10", process.execPath, `${import.meta.dir}/process-watch-worker.ts`, ...inits], {
        stderr: "inherit",
      }),
    );
  }

  /** Ends, and returns each command line and environment once, parts separated by blanks. */
  async stop(): Promise<string[]> {
    await this.#worker.kill("SIGTERM", 1000);
    const lines = (await this.#reading).split("\n").filter((line) => line !== "");
    return lines.map((line): string => JSON.parse(line));
  }
}

/** Programs on the node that live for three milliseconds, each with a word of its own: how many of them a watch sees tells what it is worth. */
export async function canaries(lab: Lab, node: NodeName, count: number): Promise<void> {
  await lab.sh(node, `i=0; while [ $i -lt ${count} ]; do i=$((i + 1)); CANARY=canary-$i sleep 0.003; done`);
}
