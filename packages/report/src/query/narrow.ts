/** What a question about reports is narrowed to. */
import type { ClientGroup } from "../groups/client-groups.ts";
import type { SectionName } from "../store/hour-counters.ts";

export interface Narrow {
  /** An address, or a device (MAC address). */
  readonly client?: string;
  readonly group?: ClientGroup;
  /** 0 to 23. */
  readonly hour?: number;
  readonly section?: SectionName;
  /** With `section`: a name as in the hour files, in lower case. */
  readonly value?: string;
}
