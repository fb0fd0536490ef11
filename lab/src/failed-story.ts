/** Wraps an error of a scenario with the logs of all nodes before it. */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import { labCommand } from "./lab-name.ts";
import type { LabView } from "./lab-view.ts";
import { describeTimeline, timeline } from "./timeline.ts";

/** `since`: start of the scenario, milliseconds since 1970. */
export function failedStory(what: string, cause: unknown, lab: LabView, since: number): NethsecError {
  const reason = messageOf(cause);
  return new NethsecError({
    code: "story_failed",
    message: `${what}: ${reason}\n\nWhat happened:\n${describeTimeline(timeline(lab, { since }))}`,
    advice: `While the lab is up: ${labCommand(lab.name)} shell primary`,
    cause,
  });
}
