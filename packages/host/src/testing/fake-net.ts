/** `Net` in memory. */
import type { DeviceAddresses, Net, NetworkInterface, Route } from "../host.ts";
import { RunError } from "../process/run-error.ts";

export interface FakeNet extends Net {
  /** Adds an interface or changes it by name; default down, proto "none". */
  setInterface(facts: Partial<NetworkInterface> & { readonly name: string }): void;
  /** Adds a device or changes it by name; default up with carrier. */
  setDevice(facts: Partial<DeviceAddresses> & { readonly device: string }): void;
  setRoutes(routes: readonly Route[]): void;
  /** Default: the protocols with a handler in NethSecurity's image that the tests need. */
  setProtocols(protocols: readonly string[]): void;
  /** One line per interface. */
  describe(): string[];
}

/** `called` gets "ifup NAME" and "ifdown NAME". An unknown interface gives a failed program, as with netifd. */
export function fakeNet(called: (what: string) => void): FakeNet {
  const interfaces = new Map<string, NetworkInterface>();
  const devices = new Map<string, DeviceAddresses>();
  let routes: readonly Route[] = [];
  let protocols: readonly string[] = ["none", "static", "dhcp", "dhcpv6", "pppoe", "bonding", "wireguard", "xfrm"];
  const bring = async (program: "ifup" | "ifdown", name: string): Promise<void> => {
    called(`${program} ${name}`);
    const found = interfaces.get(name);
    if (found === undefined) {
      throw new RunError({
        code: "program_failed",
        argv: ["ubus", "call", `network.interface.${name}`, program === "ifup" ? "up" : "down"],
        message: `ubus call network.interface.${name} ended with exit code 4: Command failed: Not found`,
      });
    }
    interfaces.set(name, { ...found, up: program === "ifup" });
  };
  return {
    interfaces: async () => [...interfaces.values()],
    addresses: async () => [...devices.values()],
    routes: async () => [...routes],
    protocols: async () => [...protocols],
    ifup: (name) => bring("ifup", name),
    ifdown: (name) => bring("ifdown", name),
    setInterface: (facts) => {
      const blank: NetworkInterface = {
        name: facts.name,
        up: false,
        proto: "none",
        device: undefined,
        ipv4: [],
        ipv6: [],
        routes: [],
        pending: false,
        errors: [],
      };
      interfaces.set(facts.name, { ...blank, ...interfaces.get(facts.name), ...facts });
    },
    setDevice: (facts) => {
      const blank: DeviceAddresses = {
        device: facts.device,
        mac: "02:00:00:00:00:01",
        up: true,
        carrier: true,
        addresses: [],
      };
      devices.set(facts.device, { ...blank, ...devices.get(facts.device), ...facts });
    },
    setRoutes: (changed) => {
      routes = changed;
    },
    setProtocols: (changed) => {
      protocols = changed;
    },
    describe: () =>
      [...interfaces.values()].map(({ name, up, proto, ipv4 }) =>
        [
          "interface",
          name,
          up ? "up" : "down",
          proto,
          ...ipv4.map(({ address, prefix }) => `${address}/${prefix}`),
        ].join(" "),
      ),
  };
}
