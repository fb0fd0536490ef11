/** Records all command lines and environments of some nodes for a while, to check that they contain no secrets. */
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

  /** Starts watching; the nodes must stay on. */
  static start(lab: Lab, nodes: readonly NodeName[]): ProcessWatch {
    const inits = nodes.map((node) => String(lab.node(node).init()?.pid));
    return new ProcessWatch(
      run.spawn(["nice", "-n", "-10", process.execPath, `${import.meta.dir}/process-watch-worker.ts`, ...inits], {
        stderr: "inherit",
      }),
    );
  }

  /** Stops, and returns each distinct command line and environment, parts separated by blanks. */
  async stop(): Promise<string[]> {
    await this.#worker.kill("SIGTERM", 1000);
    const lines = (await this.#reading).split("\n").filter((line) => line !== "");
    return lines.map((line): string => JSON.parse(line));
  }
}

/** Runs programs on the node for three milliseconds, each with a unique argument: the number that a watch sees shows its quality. */
export async function canaries(lab: Lab, node: NodeName, count: number): Promise<void> {
  await lab.sh(node, `i=0; while [ $i -lt ${count} ]; do i=$((i + 1)); CANARY=canary-$i sleep 0.003; done`);
}
