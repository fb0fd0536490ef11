import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { cleanName, hostsFileNames, leaseDevices, leaseNames, normalAddress } from "./name-sources.ts";

describe("names the firewall knows", () => {
  test("dnsmasq leases, both families; no name and other lines are skipped", () => {
    const text = [
      "1718000000 aa:bb:cc:dd:ee:ff 192.168.1.10 annas-laptop 01:aa:bb:cc:dd:ee:ff",
      "1718000000 aa:bb:cc:dd:ee:00 192.168.1.11 * *",
      "duid 00:01:00:01:2a:11:22:33:aa:bb:cc:dd:ee:ff",
      "1718000000 12345 FD00:0::A phone 00:01",
      "0 aa:bb:cc:dd:ee:01 192.168.1.12 <script> *",
      "broken",
    ].join("\n");
    expect([...leaseNames(text)]).toEqual([
      ["192.168.1.10", "annas-laptop"],
      ["aa:bb:cc:dd:ee:ff", "annas-laptop"],
      ["fd00::a", "phone"],
    ]);
    expect([...leaseDevices(text)]).toEqual([
      ["192.168.1.10", "aa:bb:cc:dd:ee:ff"],
      ["192.168.1.11", "aa:bb:cc:dd:ee:00"],
      ["192.168.1.12", "aa:bb:cc:dd:ee:01"],
    ]);
  });

  test("hosts files: comments, blanks, the first name of the first line", () => {
    const text =
      "# head\n127.0.0.1\tlocalhost\n192.168.1.5   nas.lan nas # backup\n192.168.1.5 other\n\n::1 ip6-localhost\n";
    expect([...hostsFileNames(text)]).toEqual([
      ["127.0.0.1", "localhost"],
      ["192.168.1.5", "nas.lan"],
      ["::1", "ip6-localhost"],
    ]);
  });

  test("addresses have one spelling", () => {
    expect(normalAddress("FE80:0:0:0:0:0:0:1")).toBe("fe80::1");
    expect(normalAddress("192.168.1.1")).toBe("192.168.1.1");
    expect(normalAddress("::zz")).toBe("::zz");
  });

  test("a clean name shows nothing unexpected", () => {
    for (const bad of ["", "*", "a b", "a\u202eb", "<b>", "=cmd()", "x".repeat(254), "-x", "a\nb"])
      expect(cleanName(bad)).toBeUndefined();
    expect(cleanName("büro-pc.lan.")).toBe("büro-pc.lan");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const name = cleanName(text);
        if (name !== undefined) expect(name).not.toMatch(/[\s<>"'&=+@\u0000-\u001f\u200b-\u200f\u202a-\u202e]/u);
      }),
    );
  });
});
