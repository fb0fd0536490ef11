/** `Net` through `ubus` (netifd) and `ip -j`. */
import { NethsecError } from "../error.ts";
import type { Net, Route, Run } from "../host.ts";

const timeoutMs = 10_000;
const answers = () => import("./net-answers.ts");

export function localNet(run: Run): Net {
  const routes = async (family: "-4" | "-6"): Promise<Route[]> => {
    // A kernel without IPv6 refuses -6: then there are no IPv6 routes.
    const { code, stdout } = await run(["ip", "-j", family, "route", "show"], {
      timeoutMs,
      ok: family === "-6" ? "any" : [0],
    });
    return code === 0 ? (await answers()).parseRoutes(stdout) : [];
  };
  return {
    interfaces: async () => {
      const { stdout } = await run(["ubus", "call", "network.interface", "dump"], { timeoutMs });
      return (await answers()).parseInterfaceDump(stdout);
    },
    protocols: async () => {
      const { stdout } = await run(["ubus", "call", "network", "get_proto_handlers"], { timeoutMs });
      return (await answers()).parseProtocols(stdout);
    },
    addresses: async () => {
      const { stdout } = await run(["ip", "-j", "address", "show"], { timeoutMs });
      return (await answers()).parseAddresses(stdout);
    },
    routes: async () => (await Promise.all([routes("-4"), routes("-6")])).flat(),
    ifup: async (name) => {
      await run(["ubus", "call", `network.interface.${interfaceName(name)}`, "up"], { timeoutMs });
    },
    ifdown: async (name) => {
      await run(["ubus", "call", `network.interface.${interfaceName(name)}`, "down"], { timeoutMs });
    },
  };
}

/** Validates a name that becomes part of an ubus object's name. */
function interfaceName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) return name;
  throw new NethsecError({
    code: "bad_interface_name",
    message: `${JSON.stringify(name)} is not the name of an interface`,
  });
}
