/**
 * Parses and validates the output of `ubus` (netifd) and `ip -j`. Pure. Separate from local-net.ts because it loads the schema library, which a small
 * command need not load.
 */
import * as v from "valibot";
import { NethsecError } from "../error.ts";
import type { DeviceAddresses, NetworkInterface, Route } from "../host.ts";

const address = v.object({ address: v.string(), mask: v.number() });
const interfaceDump = v.object({
  interface: v.array(
    v.object({
      interface: v.string(),
      up: v.boolean(),
      pending: v.optional(v.boolean(), false),
      errors: v.optional(v.array(v.object({ code: v.string() })), []),
      proto: v.optional(v.string(), "none"),
      device: v.optional(v.string()),
      l3_device: v.optional(v.string()),
      "ipv4-address": v.optional(v.array(address), []),
      "ipv6-address": v.optional(v.array(address), []),
      route: v.optional(
        v.array(v.object({ target: v.string(), mask: v.number(), nexthop: v.optional(v.string(), "0.0.0.0") })),
        [],
      ),
    }),
  ),
});
const ipAddresses = v.array(
  v.object({
    ifname: v.optional(v.string()),
    address: v.optional(v.string(), ""),
    flags: v.optional(v.array(v.string()), []),
    addr_info: v.optional(
      v.array(
        v.object({ local: v.optional(v.string()), prefixlen: v.optional(v.number()), label: v.optional(v.string()) }),
      ),
      [],
    ),
  }),
);
const ipRoutes = v.array(
  v.object({
    dst: v.optional(v.string()),
    gateway: v.optional(v.string()),
    dev: v.optional(v.string()),
    metric: v.optional(v.number()),
  }),
);

/** `ubus call network.interface dump` */
export function parseInterfaceDump(json: string): NetworkInterface[] {
  return answer("ubus call network.interface dump", interfaceDump, json).interface.map((item) => ({
    name: item.interface,
    up: item.up,
    pending: item.pending,
    errors: item.errors.map(({ code }) => code),
    proto: item.proto,
    device: item.l3_device ?? item.device,
    ipv4: item["ipv4-address"].map(({ address: ip, mask }) => ({ address: ip, prefix: mask })),
    ipv6: item["ipv6-address"].map(({ address: ip, mask }) => ({ address: ip, prefix: mask })),
    routes: item.route.map(({ target, mask, nexthop }) => ({ target, prefix: mask, nexthop })),
  }));
}

/**
 * `ubus call network get_proto_handlers`: an object with a member for each handler (netifd, proto.c: proto_dump_handlers). "none" needs no handler
 * and is not included.
 */
export function parseProtocols(json: string): string[] {
  const handlers = v.record(v.string(), v.object({}));
  return ["none", ...Object.keys(answer("ubus call network get_proto_handlers", handlers, json))];
}

/** `ip -j address show`; iproute2 prints empty objects for entries that it omits. */
export function parseAddresses(json: string): DeviceAddresses[] {
  return answer("ip -j address show", ipAddresses, json).flatMap((item) =>
    item.ifname === undefined
      ? []
      : {
          device: item.ifname,
          mac: item.address,
          up: item.flags.includes("UP"),
          carrier: item.flags.includes("LOWER_UP"),
          addresses: item.addr_info.flatMap((info) =>
            info.local === undefined || info.prefixlen === undefined
              ? []
              : { address: info.local, prefix: info.prefixlen, label: info.label },
          ),
        },
  );
}

/** `ip -j route show`; routes without a device (blackhole, several next hops) are omitted. */
export function parseRoutes(json: string): Route[] {
  return answer("ip -j route show", ipRoutes, json).flatMap(({ dst, gateway, dev, metric }) =>
    dst === undefined || dev === undefined ? [] : { target: dst, gateway, device: dev, metric },
  );
}

function answer<Schema extends v.GenericSchema>(program: string, schema: Schema, json: string): v.InferOutput<Schema> {
  const bad = (cause: unknown): NethsecError =>
    new NethsecError({
      code: "bad_answer",
      message: `${program} did not answer as expected`,
      advice: `Run it by hand: ${program}`,
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(json.trim() === "" ? "[]" : json);
  } catch (cause) {
    throw bad(cause);
  }
  const result = v.safeParse(schema, value);
  if (!result.success) throw bad(new v.ValiError(result.issues));
  return result.output;
}
