/** rpcd plugin `ns.subscription`: registration with the portal, for NethSecurity's web interface (test-data/contracts/webui.json). */
import type { RunCommand } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { rpcdMethod, runRpcd } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { readPlugConfig, type Subscription } from "../config.ts";
import { sendHeartbeat } from "../subscription/heartbeat.ts";
import { inventoryStatus, sendInventory } from "../subscription/inventory.ts";
import { requestInfo } from "../portal/portal.ts";
import { registerMachine, unregisterMachine } from "../subscription/register.ts";
import { asWord } from "./as-word.ts";

const none = v.object({});
/** portal.json, info_answer. Members that are missing or of another type get a default. */
const infoSchema = v.looseObject({
  id: v.fallback(v.nullable(v.pipe(v.number(), v.integer())), null),
  uuid: v.fallback(v.string(), ""),
  subscription: v.fallback(
    v.looseObject({
      valid_until: v.fallback(v.string(), ""),
      status: v.fallback(v.string(), ""),
      subscription_plan: v.fallback(v.looseObject({ name: v.fallback(v.string(), "") }), { name: "" }),
    }),
    { valid_until: "", status: "", subscription_plan: { name: "" } },
  ),
});

/** Limits when asking each of the two portals about a secret. */
const registerAsk = { timeoutMs: 5000, retries: 1 } as const;
/** Short, because the top bar, the dashboard and the backup pages wait for the answer. The released program allows 1 s and two more attempts. */
const infoAsk = { timeoutMs: 1000, retries: 1 } as const;
/** Limits for requests made before answering: they must end within the web server's timeout of one minute. */
const sendOptions = { timeoutMs: 20_000, retries: 0 } as const;

/** The web interface passes a secret without its plan: tries enterprise first and, after any failure, community. */
async function registerEither(host: Host, secret: string): Promise<void> {
  try {
    await registerMachine(host, "enterprise", secret, registerAsk);
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    await registerMachine(host, "community", secret, registerAsk);
  }
}

/** Asks the portal about this machine; undefined when the portal cannot be reached or answers with an error. */
async function ask(host: Host, subscription: Subscription): Promise<v.InferOutput<typeof infoSchema> | undefined> {
  const { plan, secret, apiUrl } = subscription;
  try {
    const response = await requestInfo(host, plan, secret, { ...infoAsk, apiUrl });
    const parsed = v.safeParse(infoSchema, response.status === 200 ? response.json() : undefined);
    return parsed.success ? parsed.output : undefined;
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    return undefined;
  }
}

async function info(host: Host): Promise<Readonly<Record<string, unknown>>> {
  const { subscription } = readPlugConfig(host.uci);
  if (subscription === undefined)
    return { server_id: null, systemd_id: "", plan: "", expiration: 0, active: false, type: "" };
  const { plan: type, systemId } = subscription;
  const told = await ask(host, subscription);
  if (told === undefined)
    return { server_id: null, systemd_id: systemId, plan: "-", expiration: 0, active: false, type };
  const { valid_until, status, subscription_plan } = told.subscription;
  return {
    server_id: told.id,
    systemd_id: told.uuid === "" ? systemId : told.uuid,
    plan: subscription_plan.name,
    // Milliseconds since 1970; 0: no end. The portal's time has a fraction of a second; a time without one is accepted as well.
    expiration: Date.parse(valid_until) || 0,
    active: status === "valid",
    type,
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
        await asWord("invalid_secret_or_server_not_found", () => registerEither(host, secret));
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "unregister",
      example: {},
      args: none,
      run: async (_, { host }) => {
        await asWord("unregister_failure", () => unregisterMachine(host));
        return { result: "success" };
      },
    }),
    rpcdMethod({ name: "info", example: {}, args: none, run: (_, { host }) => info(host) }),
    rpcdMethod({
      name: "inventory-status",
      example: {},
      args: none,
      run: (_, { host }) => inventoryStatus(host) ?? { status: "not attempted" },
    }),
    rpcdMethod({
      name: "send-inventory",
      example: {},
      args: none,
      // The page asks inventory-status for the outcome.
      run: async (_, { host }) => {
        const { subscription } = readPlugConfig(host.uci);
        if (subscription !== undefined) {
          await logged(host, () => sendInventory(host, subscription, sendOptions));
          await logged(host, () => sendHeartbeat(host, subscription, sendOptions));
        }
        return { status: "success" };
      },
    }),
  ],
};

async function logged(host: Host, send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    host.log("warning", error.message);
  }
}

export const run: RunCommand = (call) => runRpcd(plugin, call);
