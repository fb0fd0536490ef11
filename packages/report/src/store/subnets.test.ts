import { BlockList } from "node:net";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { subnetFrom, Subnets } from "./subnets.ts";

test.each([
  ["192.168.30.0/24", "192.168.30.255", true],
  ["192.168.30.77/24", "192.168.30.1", true],
  ["192.168.30.0/24", "192.168.31.0", false],
  ["0.0.0.0/0", "10.0.0.1", true],
  ["0.0.0.0/0", "fd00::1", false],
  ["10.0.0.1/32", "10.0.0.1", true],
  ["2001:db8:0:1::/64", "2001:db8:0:1:aaaa::1", true],
  ["2001:db8:0:1::/64", "2001:DB8::2:0:0:0:1", false],
  ["fe80::/10", "fe80::1", true],
  ["::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true],
  ["::/0", "::", true],
])("%s has %s: %p", (subnet, address, expected) => {
  const parsed = subnetFrom(subnet);
  expect(parsed).toBeDefined();
  expect(new Subnets(parsed === undefined ? [] : [parsed]).has(address)).toBe(expected);
});

test.each(["192.168.30.0", "192.168.30.0/33", "fd00::/129", "x/24", "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/"])(
  "%s is no subnet",
  (text) => {
    expect(subnetFrom(text)).toBeUndefined();
  },
);

test("any subnets and addresses: the same as Node's", () => {
  const family = (address: string): "ipv4" | "ipv6" => (address.includes(":") ? "ipv6" : "ipv4");
  // IPv4 addresses are in the IPv6 subnets of their mapped form in Node, not here: such are no client's.
  const v6 = fc.ipV6().filter((text) => !/^(::|0:0:0:0:0:)/i.test(text));
  const subnet = fc.oneof(
    fc.record({ address: fc.ipV4(), prefix: fc.integer({ min: 0, max: 32 }) }),
    fc.record({ address: v6, prefix: fc.integer({ min: 80, max: 128 }) }),
  );
  fc.assert(
    fc.property(fc.array(subnet, { maxLength: 3 }), fc.oneof(fc.ipV4(), v6), (subnets, other) => {
      const list = new BlockList();
      for (const { address, prefix } of subnets) list.addSubnet(address, prefix, family(address));
      const ours = new Subnets(subnets);
      for (const address of [other, ...subnets.map((one) => one.address)])
        expect([address, ours.has(address)]).toEqual([address, list.check(address, family(address))]);
    }),
  );
});
