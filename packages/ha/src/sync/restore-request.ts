/** Input of a restore. */
import type { Manifest } from "./manifest.ts";

/** Intended difference of this node's copy of a file from the primary's (e.g. cron lines suspended): text → text; undefined: none. */
export type Transforms = (path: string) => ((text: string) => string) | undefined;

export interface RestoreRequest {
  readonly manifest: Manifest;
  readonly stagingDir: string;
  /** This node's own exclude list. */
  readonly exclude: readonly string[];
  readonly transforms: Transforms;
  /** True for paths that the other node may write and remove here. */
  readonly inScope: (path: string) => boolean;
}
