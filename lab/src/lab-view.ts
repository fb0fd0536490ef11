/** The part of a running lab that probes and timelines need; `Lab` implements it. An interface, so that they need not import `Lab`. */
import type { ExecOptions, Node } from "./node.ts";
import type { NodeName, NodePlan } from "./topology.ts";

export interface LabView {
  readonly name: string;
  /** Wall clock, milliseconds since 1970. */
  readonly started: number;
  readonly plans: readonly NodePlan[];
  /** Actions on the lab; `at` like `started`. */
  readonly steps: readonly { readonly at: number; readonly text: string }[];
  node(name: NodeName): Node;
  /** Runs a shell script in a node and returns what it printed, without the last newline. */
  sh(name: NodeName, script: string, options?: ExecOptions): Promise<string>;
}
