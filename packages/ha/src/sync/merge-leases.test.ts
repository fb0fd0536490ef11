/** Merging lease files and cursors of two nodes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { mergeCursors } from "./merge-cursors.ts";
import { mergeLeases, validLeases } from "./merge-leases.ts";

const now = 1_000_000;
const lease = (expiry: number, mac: string, address: string, id = `01:${mac}`): string =>
  `${expiry} ${mac} ${address} * ${id}\n`;

describe("lease files", () => {
  test("theirs counts, and what only we know and is valid stays", () => {
    const own =
      lease(now + 50, "02:aa", "192.168.100.123") +
      lease(now + 50, "02:cc", "192.168.100.130") +
      lease(now - 1, "02:ee", "192.168.100.140");
    const theirs = lease(now + 90, "02:aa", "192.168.100.124") + lease(now + 90, "02:bb", "192.168.100.125");
    expect(mergeLeases(own, theirs, now)).toBe(theirs + lease(now + 50, "02:cc", "192.168.100.130"));
  });

  test("an empty file of ours, as after a reboot, takes all; an empty one of theirs takes nothing away", () => {
    const leases = lease(0, "02:aa", "192.168.100.123") + lease(now + 9, "02:bb", "192.168.100.124");
    expect(mergeLeases("", leases, now)).toBe(leases);
    expect(mergeLeases(leases, "", now)).toBe(leases);
  });

  test("an address that both have given belongs to whom they know", () => {
    const merged = mergeLeases(
      lease(now + 9, "02:aa", "192.168.100.123"),
      lease(now + 5, "02:bb", "192.168.100.123"),
      now,
    );
    expect(merged).toBe(lease(now + 5, "02:bb", "192.168.100.123"));
  });

  test("leases of DHCPv6 follow their DUID; half a line is left out", () => {
    const six = `${now + 9} 1234 fd00::123 host 00:01:00:01\n`;
    const theirs = `${lease(now + 9, "02:aa", "192.168.100.1")}duid 00:01:aa\n${six}17645`;
    const own = `duid 00:01:bb\n${now + 7} 77 fd00::77 * 00:01:77\n`;
    expect(mergeLeases(own, theirs, now)).toBe(
      `${lease(now + 9, "02:aa", "192.168.100.1")}duid 00:01:aa\n${six}${now + 7} 77 fd00::77 * 00:01:77\n`,
    );
  });

  test("whatever both files hold: no address and no client stands twice, and none of theirs is lost", () => {
    const file = fc
      .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })), {
        selector: ([address]) => address,
      })
      .map((pairs) => {
        const clients = new Set<number>();
        return pairs
          .filter(([, client]) => !clients.has(client) && clients.add(client))
          .map(([address, client]) => lease(now + 100, `02:${client}`, `10.0.0.${address}`))
          .join("");
      });
    fc.assert(
      fc.property(file, file, (own, theirs) => {
        const merged = mergeLeases(own, theirs, now);
        const addresses = merged.split("\n").flatMap((line) => line.split(" ")[2] ?? []);
        expect(new Set(addresses).size).toBe(addresses.length);
        const valid = validLeases(merged, now);
        expect(valid.size).toBe(addresses.length);
        for (const [client, address] of validLeases(theirs, now)) expect(valid.get(client)).toBe(address);
      }),
    );
  });
});

test("cursors: places in a node's own files stay its own, what belongs to the database comes with it", () => {
  const own = JSON.stringify({ log: { head: "a", offset: 5 }, dpi: { hour: 3600 }, vpn: { s1: { end: 1, row: 1 } } });
  const theirs = JSON.stringify({
    log: { head: "b", offset: 9 },
    vpn: { s1: { end: 7, row: 3 } },
    pending: { x: [1] },
  });
  expect(JSON.parse(mergeCursors(own, theirs))).toEqual({
    log: { head: "a", offset: 5 },
    dpi: { hour: 3600 },
    vpn: { s1: { end: 7, row: 3 } },
    pending: { x: [1] },
  });
  expect(JSON.parse(mergeCursors(undefined, theirs))).toEqual({ vpn: { s1: { end: 7, row: 3 } }, pending: { x: [1] } });
  expect(JSON.parse(mergeCursors("{half", "also no JSON"))).toEqual({});
});
