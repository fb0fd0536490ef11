/** What is asked of a restore. */
import type { Manifest } from "./manifest.ts";

/** How this node's copy of a file differs on purpose from the primary's (e.g. cron lines suspended): text → text, or undefined. */
export type Transforms = (path: string) => ((text: string) => string) | undefined;

export interface RestoreRequest {
  readonly manifest: Manifest;
  readonly stagingDir: string;
  /** This node's own exclude list. */
  readonly exclude: readonly string[];
  readonly transforms: Transforms;
  /** What this node lets the other one write and remove. */
  readonly inScope: (path: string) => boolean;
}
