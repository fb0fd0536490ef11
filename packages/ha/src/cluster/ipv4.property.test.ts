/** IPv4 text and networks: properties that hold for any address. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { contains, ipv4ToNumber, netmaskToPrefix, networkOf, parseCidr, usable } from "./ipv4.ts";

const byte = fc.integer({ min: 0, max: 255 });
const address = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join("."));
const prefix = fc.integer({ min: 0, max: 32 });

test("an address is the number of its bytes", () => {
  fc.assert(
    fc.property(byte, byte, byte, byte, (a, b, c, d) => {
      expect(ipv4ToNumber(`${a}.${b}.${c}.${d}`)).toBe(((a * 256 + b) * 256 + c) * 256 + d);
    }),
  );
});

test("a network holds its own address, and the network it names is itself", () => {
  fc.assert(
    fc.property(address, prefix, (text, length) => {
      const cidr = { address: text, prefix: length };
      const network = parseCidr(networkOf(cidr));
      expect(network).toBeDefined();
      if (network === undefined) return;
      expect(contains(cidr, text)).toBe(true);
      expect(contains(cidr, network.address)).toBe(true);
      expect(networkOf(network)).toBe(networkOf(cidr));
      if (length < 31) expect(usable(cidr, network.address)).toBe(false);
    }),
  );
});

test("two networks of one prefix hold one address both or neither", () => {
  fc.assert(
    fc.property(address, address, prefix, (one, other, length) => {
      const same = networkOf({ address: one, prefix: length }) === networkOf({ address: other, prefix: length });
      expect(contains({ address: one, prefix: length }, other)).toBe(same);
    }),
  );
});

test("a netmask is a prefix or nothing", () => {
  fc.assert(
    fc.property(prefix, (length) => {
      const value = length === 0 ? 0 : 2 ** 32 - 2 ** (32 - length);
      const text = [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
      expect(netmaskToPrefix(text)).toBe(length);
    }),
  );
  expect(netmaskToPrefix("255.0.255.0")).toBeUndefined();
});

test.each(["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", "a.b.c.d", "1e1.2.3.4"])(
  "%j is no address",
  (text) => {
    expect(ipv4ToNumber(text)).toBeUndefined();
  },
);
test.each(["1.2.3.4", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/", "1.2.3.4/24/1", "1.2.3.4/024", "/24"])(
  "%j is no CIDR",
  (text) => {
    expect(parseCidr(text)).toBeUndefined();
  },
);
