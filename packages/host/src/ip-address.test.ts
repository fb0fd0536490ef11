import { expect, test } from "bun:test";
import * as net from "node:net";
import * as fc from "fast-check";
import { isIPv4, isIPv6 } from "./ip-address.ts";

const dotted = fc.stringMatching(/^[0-9.]{0,16}$/);
const four = fc.array(fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "00", "1a", "-1", "1e1", " 1")), {
  minLength: 3,
  maxLength: 5,
});
const group = fc.constantFrom("", "0", "1", "12", "00", "abc", "ABCD", "12345", "::", ":", "1.2.3.4", "256.1.1.1", "g");
const groups = fc.array(fc.tuple(group, fc.constantFrom(":", ":", ":", "")), { minLength: 1, maxLength: 9 });
const text = fc.oneof(
  dotted,
  fc.ipV6(),
  fc.stringMatching(/^[0-9a-fA-F:.%]{0,40}$/),
  four.map((parts) => parts.join(".")),
  groups.map((parts) => parts.flat().join("")),
);

test("what the system takes for an address is one, and nothing else", () => {
  fc.assert(
    fc.property(text, (address) => {
      expect([address, isIPv4(address), isIPv6(address)]).toEqual([
        address,
        net.isIPv4(address),
        net.isIPv6(address) && address.length <= 45 && !address.includes("%"),
      ]);
    }),
    { numRuns: 5000 },
  );
});
