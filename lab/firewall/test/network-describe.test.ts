/** What `ubus call network reload` compares: what restarts an interface, what changes its devices only, what its routes. */
import { expect, test } from "bun:test";
import { awk } from "./awk.ts";

type Sections = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

const base: Sections = {
  "device br": { name: "br-lan", type: "bridge", ports: ["eth0", "eth4.7"] },
  "device port": { name: "eth0", macaddr: "02:00:00:00:00:01" },
  "interface lan": { device: "br-lan", ipaddr: "192.168.100.238/24" },
  "interface wan": { device: "eth1.10", proto: "dhcp" },
  "route r": { interface: "lan", target: "10.0.0.0/8" },
};

/** As `uci -n export network` prints it. */
function exported(sections: Sections): string {
  const lines = Object.entries(sections).flatMap(([head, options]) => {
    const [type = "", name = ""] = head.split(" ");
    const body = Object.entries(options).flatMap(([option, value]) =>
      typeof value === "string" ? [`\toption ${option} '${value}'`] : value.map((item) => `\tlist ${option} '${item}'`),
    );
    return ["", `config ${type} '${name}'`, ...body];
  });
  return `package network\n${lines.join("\n")}\n\n`;
}

function describeNetwork(
  changes: Sections,
): Map<string, { auto: string; conf: string; devices: string; routes: string }> {
  const sections = Object.fromEntries(
    Object.entries(base).map(([head, options]) => [head, { ...options, ...changes[head] }]),
  );
  const { out } = awk("/usr/libexec/netifd/describe.awk", exported(sections));
  return new Map(
    out
      .trim()
      .split("\n")
      .map((line) => {
        const [name = "", auto = "", conf = "", devices = "", routes = ""] = line.split(" ");
        return [name, { auto, conf, devices, routes }];
      }),
  );
}

const cases: readonly [what: string, changes: Sections, changed: readonly string[]][] = [
  ["nothing", {}, []],
  ["an address", { "interface lan": { ipaddr: "192.168.100.9/24" } }, ["lan.conf"]],
  ["auto alone is no change of settings", { "interface wan": { auto: "0" } }, ["wan.auto"]],
  ["the ports of a bridge", { "device br": { ports: ["eth0", "eth5"] } }, ["lan.devices"]],
  ["the metric is no change of settings", { "interface wan": { metric: "7" } }, ["wan.routes"]],
  ["the MAC address of a port of a bridge", { "device port": { macaddr: "02:00:00:00:00:02" } }, ["lan.devices"]],
  ["a route", { "route r": { target: "10.1.0.0/16" } }, ["lan.routes"]],
  ["the second line of a value", { "interface wan": { note: "one\ntwo" } }, ["wan.conf"]],
];

test.each(cases)("changed: %s", (_, changes, expected) => {
  const before = describeNetwork({});
  const after = describeNetwork(changes);
  const changed = [...after].flatMap(([name, now]) => {
    const old = before.get(name);
    return (["auto", "conf", "devices", "routes"] as const)
      .filter((field) => old?.[field] !== now[field])
      .map((field) => `${name}.${field}`);
  });
  expect(changed).toEqual([...expected]);
});

test("a disabled interface is none, a device that stands on itself does not hang", () => {
  expect([...describeNetwork({ "interface wan": { disabled: "1" } }).keys()]).toEqual(["lan"]);
  expect([...describeNetwork({ "device br": { ports: ["br-lan"] } }).keys()]).toEqual(["lan", "wan"]);
});
