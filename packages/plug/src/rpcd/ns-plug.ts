/** rpcd plugin `ns.plug`: the controller connection, for NethSecurity's web interface, which defines the names (test-data/contracts/webui.json). */
import type { RunCommand } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import { rpcdMethod, runRpcd } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { readPlugConfig, writePlugOptions } from "../config.ts";
import { resetController } from "../controller/reset.ts";
import { controllerStatus } from "../controller/status.ts";
import { ensureTunnelZone, leaveForeignZones } from "../controller/tunnel-zone.ts";
import { receiversView, setReceivers, testReceivers } from "../alerts/edit-receivers.ts";
import { isMailAddress } from "@nethsec/host/process/send-mail";
import { isWebhookUrl, readReceivers, secretMinLength } from "../alerts/receivers.ts";
import { asWord } from "./as-word.ts";

const text = v.pipe(v.string(), v.maxLength(253));
/** Content of a join code, which is base64 of this JSON. */
const joinSchema = v.object({
  fqdn: v.pipe(v.string(), v.regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/)),
  token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,512}$/)),
  unit_id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/)),
});

function readJoinCode(code: string): v.InferOutput<typeof joinSchema> {
  try {
    return v.parse(joinSchema, JSON.parse(Buffer.from(code.trim(), "base64").toString("utf8")));
  } catch (cause) {
    throw new NethsecError({
      code: "join_code_decode_failed",
      message: "The join code is not one that a controller gave: base64 of JSON with fqdn, token and unit_id.",
      advice: "Copy it again from the controller.",
      cause,
    });
  }
}

/** Time within which procd must report a just started service as running. */
const startTimeoutMs = 5000;

async function restartClient({ services, clock }: Host): Promise<void> {
  await services.call("ns-plug", "restart");
  const deadline = clock.monotonic() + startTimeoutMs;
  while (!(await services.running("ns-plug"))) {
    if (clock.monotonic() > deadline)
      throw new NethsecError({
        code: "service_not_running",
        message: "The service ns-plug does not run after its restart.",
        advice: "`logread -e ns-plug` says why.",
      });
    await clock.sleep(100);
  }
}

async function reloadFirewall({ services }: Host): Promise<void> {
  if (services.exists("firewall")) await services.call("firewall", "reload");
}

/** The web interface's error code for the service that could not be stopped or restarted. */
function unregisterFailure(error: unknown): string {
  const script = error instanceof RunError ? error.argv[0] : "";
  if (script.endsWith("/rsyslog")) return "failed_to_restart_rsyslog";
  return script.endsWith("/firewall") ? "failed_to_reload_firewall" : "failed_to_restart_ns-plug";
}

const secretMissing = (): NethsecError =>
  new NethsecError({ code: "webhook_secret_missing", message: "The webhook has no secret yet, and none was given." });

const plugin = {
  name: "ns.plug",
  methods: [
    rpcdMethod({
      name: "register",
      example: { join_code: "eyJm...", tls_verify: true, unit_name: "fw", description: "" },
      args: v.object({
        join_code: v.string(),
        tls_verify: v.boolean(),
        // Callers other than the page may omit it: the host name is used.
        unit_name: v.nullish(text),
        description: v.nullish(text),
      }),
      run: async ({ join_code, tls_verify, unit_name, description }, { host }) => {
        const join = readJoinCode(join_code);
        host.uci.change((transaction) =>
          writePlugOptions(transaction, {
            server: `https://${join.fqdn}`,
            token: join.token,
            unit_id: join.unit_id,
            unit_name: unit_name || host.system.hostname(),
            tls_verify: tls_verify ? "1" : "0",
            description: description || undefined,
          }),
        );
        await asWord("failed_to_restart_ns-plug", async () => {
          await host.services.call("ns-plug", "enable");
          await restartClient(host);
        });
        ensureTunnelZone(host);
        await asWord("failed_to_reload_firewall", () => reloadFirewall(host));
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "unregister",
      example: {},
      args: v.object({}),
      run: async (_, { host }) => {
        try {
          await resetController(host, true);
          leaveForeignZones(host);
          await reloadFirewall(host);
        } catch (error) {
          await asWord(unregisterFailure(error), () => Promise.reject(error));
        }
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "status",
      example: {},
      args: v.object({}),
      run: (_, { host }) => {
        const status = controllerStatus(host);
        const pushes = status.status !== "unregistered" && readPlugConfig(host.uci).subscription !== undefined;
        return {
          status: status.status,
          address: status.address ?? null,
          server: status.server === "" ? null : status.server,
          unit_name: status.unitName,
          unit_id: status.unitId,
          tls_verify: status.tlsVerify,
          // Whether pushing reports is enabled, not the result of the last push.
          push_status: pushes ? "enabled" : "disabled",
          push_last_sent: !pushes || status.push.lastSent === undefined ? -1 : Math.floor(status.push.lastSent / 1000),
          description: status.description,
          reason: status.reason ?? "",
        };
      },
    }),
    rpcdMethod({ name: "alerts", example: {}, args: v.object({}), run: (_, { host }) => ({ ...receiversView(host) }) }),
    rpcdMethod({
      name: "set-alerts",
      example: {
        mail: ["admin@example.org"],
        webhook_url: "https://example.org/alerts",
        webhook_secret: "0123456789abcdef",
      },
      args: v.object({
        mail: v.optional(v.pipe(v.array(v.pipe(v.string(), v.check(isMailAddress, "invalid"))), v.maxLength(50))),
        // Without a secret the present one stays.
        webhook_url: v.optional(
          v.pipe(
            v.string(),
            v.check((url) => url === "" || isWebhookUrl(url), "invalid"),
          ),
        ),
        webhook_secret: v.optional(v.pipe(v.string(), v.minLength(secretMinLength, "too_short"))),
      }),
      run: async ({ mail, webhook_url: url, webhook_secret: secret }, { host }) => {
        const known = secret ?? readReceivers(host.uci).webhook?.secret;
        if (url !== undefined && url !== "" && known === undefined) throw secretMissing();
        await setReceivers(host, {
          ...(mail === undefined ? {} : { mail }),
          ...(url === undefined
            ? {}
            : { webhook: url === "" || known === undefined ? undefined : { url, secret: known } }),
        });
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "test-alert",
      example: {},
      args: v.object({}),
      run: async (_, { host }) => ({ results: await testReceivers(host) }),
    }),
    rpcdMethod({
      name: "restart",
      example: {},
      args: v.object({}),
      run: async (_, { host }) => {
        await asWord("restart_failed", () => host.services.call("ns-plug", "restart"));
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "update",
      example: { description: "" },
      args: v.object({ description: text }),
      run: ({ description }, { host }) => {
        host.uci.change((transaction) =>
          writePlugOptions(transaction, { description: description === "" ? undefined : description }),
        );
        return { result: "success" };
      },
    }),
  ],
};

export const run: RunCommand = (call) => runRpcd(plugin, call);
