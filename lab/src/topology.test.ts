/** The table of nodes and cables is consistent with itself and with what Linux allows. */
import { describe, expect, test } from "bun:test";
import { faultRules } from "./fabric.ts";
import { takeLabName } from "./lab-name.ts";
import { noFaults } from "./faults.ts";
import { cable, macAddress, nodeName, nodeNames, portName, topology, wired } from "./topology.ts";

const plans = topology({ wan: "static" });
const cables = plans.flatMap((plan) => wired(plan).map(({ device }) => ({ name: plan.name, device })));

describe("topology", () => {
  test("has each node once", () => expect(plans.map(({ name }) => name)).toEqual([...nodeNames]));
  test("port names fit into a device name and are unique, as are MAC addresses", () => {
    const ports = cables.map(({ name, device }) => portName(name, device));
    for (const port of ports) expect(port.length).toBeLessThanOrEqual(15);
    expect(new Set(ports).size).toBe(ports.length);
    expect(new Set(cables.map(({ name, device }) => macAddress(name, device))).size).toBe(cables.length);
  });
  test("addresses are unique", () => {
    const addresses = plans.flatMap((plan) => plan.cables.flatMap(({ address }) => address ?? []));
    expect(new Set(addresses).size).toBe(addresses.length);
  });
  test("a cable is found by device or by network, anything else is refused with what there is", () => {
    const primary = plans.find(({ name }) => name === "primary")!;
    expect(cable(primary, "lan").device).toBe("eth0");
    expect(cable(primary, "eth1").network).toBe("wan");
    expect(() => cable(primary, "eth9")).toThrow('primary has no interface "eth9"');
    expect(() => nodeName("tertiary")).toThrow('The lab has no node "tertiary".');
  });
});

describe("faultRules", () => {
  test("no fault, no rule; loading it again replaces what was there", () => {
    expect(faultRules(plans, noFaults)).not.toContain("drop");
    expect(faultRules(plans, noFaults)).toStartWith("table bridge faults\ndelete table bridge faults\n");
  });
  test("loss is for both directions, a partition for every cable of both nodes", () => {
    const rules = faultRules(plans, { cut: [], loss: { "primary.eth0": 12.5 }, partitions: [["primary", "backup"]] });
    expect(rules).toContain('iifname "primary.eth0" numgen random mod 10000 < 1250 drop');
    expect(rules).toContain('oifname "primary.eth0" numgen random mod 10000 < 1250 drop');
    expect(rules).toContain(
      'iifname { "primary.eth0", "primary.eth1", "primary.eth2", "primary.eth3" } oifname { "backup.eth0", "backup.eth1", "backup.eth2", "backup.eth3" } drop',
    );
  });
});

describe("takeLabName", () => {
  test.each([
    [["up"], "lab", ["up"]],
    [["--name", "two", "up"], "two", ["up"]],
    [["up", "--name=two", "--keep"], "two", ["up", "--keep"]],
    [["exec", "primary", "--", "x", "--name", "y"], "lab", ["exec", "primary", "--", "x", "--name", "y"]],
  ])("%p", (argv, name, rest) => expect(takeLabName(argv)).toEqual({ name, rest }));
  test("a name must follow", () => expect(() => takeLabName(["up", "--name"])).toThrow("--name wants"));
});
