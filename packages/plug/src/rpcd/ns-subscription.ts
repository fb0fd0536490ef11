/** rpcd plugin `ns.subscription`: registration with the portal, for NethSecurity's web interface (contract ns-plug 1). */
import type { RunCommand } from "@nethsec/host/command/command";
import type { Host } from "@nethsec/host/host";
import { NethsecError } from "@nethsec/host/error";
import { rpcdMethod, runRpcd } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { readPlugConfig } from "../config.ts";
import { inventoryStatus, sendInventory } from "../subscription/inventory.ts";
import { requestInfo } from "../portal/portal.ts";
import { registerMachine, unregisterMachine } from "../subscription/register.ts";

const none = v.object({});
const infoSchema = v.looseObject({
  id: v.optional(v.union([v.string(), v.number()])),
  uuid: v.optional(v.string()),
  subscription: v.optional(
    v.looseObject({
      valid_until: v.optional(v.nullable(v.string())),
      status: v.optional(v.string()),
      subscription_plan: v.optional(v.looseObject({ name: v.optional(v.string()) })),
    }),
  ),
});

/** The web interface gives a secret without its plan: enterprise is tried first, then community. */
async function registerEither(host: Host, secret: string): Promise<void> {
  try {
    await registerMachine(host, "enterprise", secret);
  } catch (error) {
    if (!(error instanceof NethsecError) || error.code === "portal_unreachable") throw error;
    await registerMachine(host, "community", secret);
  }
}

async function info(host: Host): Promise<Readonly<Record<string, unknown>>> {
  const { subscription } = readPlugConfig(host.uci);
  if (subscription === undefined)
    return { server_id: "", systemd_id: "", plan: "", expiration: 0, active: false, type: "" };
  const base = { systemd_id: subscription.systemId, type: subscription.plan };
  const response = await requestInfo(host, subscription.plan, subscription.secret, 10_000, subscription.apiUrl);
  const parsed = v.safeParse(infoSchema, response.status === 200 ? response.json() : {});
  const known = parsed.success ? parsed.output : {};
  const until = known.subscription?.valid_until ?? undefined;
  const expiration = until === undefined ? 0 : Math.floor(Date.parse(until) / 1000) || 0;
  return {
    ...base,
    server_id: String(known.id ?? ""),
    plan: known.subscription?.subscription_plan?.name ?? "",
    expiration,
    active:
      response.status === 200 &&
      (known.subscription?.status ?? "valid") === "valid" &&
      (expiration === 0 || expiration * 1000 > host.clock.now()),
  };
}

const plugin = {
  name: "ns.subscription",
  methods: [
    rpcdMethod({
      name: "register",
      example: { secret: "1234" },
      args: v.object({ secret: v.pipe(v.string(), v.nonEmpty("required")) }),
      run: async ({ secret }, { host }) => {
        await registerEither(host, secret);
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "unregister",
      example: {},
      args: none,
      run: async (_, { host }) => {
        await unregisterMachine(host);
        return { result: "success" };
      },
    }),
    rpcdMethod({ name: "info", example: {}, args: none, run: (_, { host }) => info(host) }),
    rpcdMethod({
      name: "inventory-status",
      example: {},
      args: none,
      run: (_, { host }) => inventoryStatus(host) ?? { status: "", last_attempt: "" },
    }),
    rpcdMethod({
      name: "send-inventory",
      example: {},
      args: none,
      run: async (_, { host }) => {
        const { subscription } = readPlugConfig(host.uci);
        if (subscription === undefined)
          throw new NethsecError({ code: "not_registered", message: "This machine has no subscription." });
        await sendInventory(host, subscription);
        return { result: "success" };
      },
    }),
  ],
};

export const run: RunCommand = (call) => runRpcd(plugin, call);
