/** rpcd plugin `ns.plug`: the controller connection, for NethSecurity's web interface (contract ns-plug 1; the names are its own). */
import type { RunCommand } from "@nethsec/host/command/command";
import { rpcdMethod, runRpcd, ValidationError } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { writePlugOptions } from "../config.ts";
import { resetController } from "../controller/reset.ts";
import { controllerStatus } from "../controller/status.ts";

const text = v.pipe(v.string(), v.maxLength(253));
/** What a join code holds: base64 of this JSON. */
const joinSchema = v.object({
  fqdn: v.pipe(v.string(), v.regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/)),
  token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,512}$/)),
  unit_id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/)),
});

function readJoinCode(code: string): v.InferOutput<typeof joinSchema> {
  try {
    return v.parse(joinSchema, JSON.parse(Buffer.from(code.trim(), "base64").toString("utf8")));
  } catch {
    throw new ValidationError([{ parameter: "join_code", value: code, message: "invalid_join_code" }]);
  }
}

const plugin = {
  name: "ns.plug",
  methods: [
    rpcdMethod({
      name: "register",
      example: { join_code: "eyJm...", tls_verify: true, unit_name: "fw", description: "" },
      args: v.object({
        join_code: v.string(),
        tls_verify: v.boolean(),
        unit_name: v.pipe(text, v.nonEmpty()),
        description: v.optional(text, ""),
      }),
      run: async ({ join_code, tls_verify, unit_name, description }, { host }) => {
        const join = readJoinCode(join_code);
        host.uci.change((transaction) =>
          writePlugOptions(transaction, {
            server: `https://${join.fqdn}`,
            token: join.token,
            unit_id: join.unit_id,
            unit_name,
            tls_verify: tls_verify ? "1" : "0",
            description: description === "" ? undefined : description,
          }),
        );
        await host.services.call("ns-plug", "enable");
        await host.services.call("ns-plug", "restart");
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "unregister",
      example: {},
      args: v.object({}),
      run: async (_, { host }) => {
        await resetController(host);
        return { result: "success" };
      },
    }),
    rpcdMethod({
      name: "status",
      example: {},
      args: v.object({}),
      run: (_, { host }) => {
        const status = controllerStatus(host);
        return {
          status: status.status,
          address: status.address ?? "",
          server: status.server,
          unit_name: status.unitName,
          unit_id: status.unitId,
          tls_verify: status.tlsVerify,
          push_status: status.push.status,
          push_last_sent: status.push.lastSent === undefined ? -1 : Math.floor(status.push.lastSent / 1000),
          description: status.description,
          reason: status.reason ?? "",
        };
      },
    }),
    rpcdMethod({
      name: "restart",
      example: {},
      args: v.object({}),
      run: async (_, { host }) => {
        await host.services.call("ns-plug", "restart");
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
