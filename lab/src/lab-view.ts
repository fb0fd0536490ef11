/** What measuring and telling need of a running lab; `Lab` fits. It keeps these files below the lab itself. */
import type { ExecOptions, Node } from "./node.ts";
import type { NodeName, NodePlan } from "./topology.ts";

export interface LabView {
  readonly name: string;
  /** Wall clock, milliseconds since 1970. */
  readonly started: number;
  readonly plans: readonly NodePlan[];
  /** What was done to the lab; `at` like `started`. */
  readonly steps: readonly { readonly at: number; readonly text: string }[];
  node(name: NodeName): Node;
  /** Runs a shell script in a node and returns what it printed, without the last newline. */
  sh(name: NodeName, script: string, options?: ExecOptions): Promise<string>;
}
