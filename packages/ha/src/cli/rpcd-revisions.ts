/** The recorded changes of this node's configuration as methods of `ns.ha`: `log`, `show`, `rollback`. All are additive to the contract. */
import { type RpcdMethod, rpcdMethod } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { agentClient } from "../cluster/agent-client.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { haPaths } from "../cluster/config.ts";
import { onPrimary } from "../cluster/on-primary.ts";

/** Characters of all differences in one answer: far below the 1 MiB that rpcd can carry. */
const diffBytes = 256 * 1024;

/** The newest first; an answer stays far below the 1 MiB that rpcd can carry. */
const log = rpcdMethod({
  name: "log",
  example: { limit: 20 },
  args: v.object({ limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(200)), 20) }),
  run: async ({ limit }, { host }) => ({ revisions: (await import("./revisions.ts")).newest(host, limit) }),
});

const show = rpcdMethod({
  name: "show",
  example: { id: 12 },
  args: v.object({ id: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
  run: async ({ id }, { host }) => ({ ...(await import("./revisions.ts")).shown(host, id, diffBytes) }),
});

const rollback = rpcdMethod({
  name: "rollback",
  example: { id: 12, paths: ["/etc/config/firewall"], dry_run: false },
  args: v.object({
    id: v.pipe(v.number(), v.integer(), v.minValue(0)),
    paths: v.optional(v.pipe(v.array(v.pipe(v.string(), v.startsWith("/"), v.maxLength(4096))), v.maxLength(1000)), []),
    dry_run: v.optional(v.boolean(), false),
  }),
  run: async ({ id, paths, dry_run: dryRun }, { host }) => {
    onPrimary(host, `rollback ${id}`);
    const { changed, left, trouble, revision } = await agentClient(host.files.real(haPaths.agentSocket)).ask(
      agentEndpoints.rollback,
      { id, paths, dryRun },
    );
    return { success: true, changed, left, trouble: trouble ?? null, revision: revision ?? null };
  },
});

export const revisionMethods: readonly RpcdMethod[] = [log, show, rollback];
