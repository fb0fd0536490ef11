/** Distinguishing configuration that lost its content from configuration that was changed. */
import { describe, expect, test } from "bun:test";
import { sha256 } from "@nethsec/host/files/digests";
import { fileFacts, isUciPackage, lossOf, packageFacts } from "./lost-content.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const zone = "config zone 'ns_lan'\n\toption name 'lan'\n\tlist network 'lan'\n";
const wanZone = "config zone 'ns_wan'\n\toption name 'wan'\n\tlist network 'wan'\n";
const firewall = `config defaults\n\toption input 'REJECT'\n\n${zone}\n${wanZone}`;

const loss = (path: string, now: string | Uint8Array, before: string): string | undefined => {
  const facts = (text: string | Uint8Array) => packageFacts(path, typeof text === "string" ? bytes(text) : text, "lan");
  return lossOf(facts(now), facts(before));
};

describe("a UCI package", () => {
  test.each([
    ["zero-filled", new Uint8Array(firewall.length), "NUL bytes"],
    ["NULs at its end", Uint8Array.from([...bytes(firewall), 0, 0]), "NUL bytes"],
    ["cut in a quoted value", firewall.slice(0, firewall.length - 3), "cannot be read as configuration"],
    ["without a byte", "", "it is empty, and was not"],
    ["comments only", "# nothing\n\n", "it is empty, and was not"],
    ["without the zone of the HA interface", firewall.replace(zone, ""), "the zone of lan"],
    ["with that zone for another interface", firewall.replace("'lan'\n\n", "'guests'\n\n"), "the zone of lan"],
    ["without the zone of the WANs", firewall.replace(wanZone, ""), "the zone wan"],
  ])("that is %s has lost its content", (_what, now, why) =>
    expect(loss("/etc/config/firewall", now, firewall)).toContain(why),
  );

  test("that is changed, emptied of what is not essential, or was lost before, has not", () => {
    expect(loss("/etc/config/firewall", `${firewall}config rule\n\toption src 'lan'\n`, firewall)).toBeUndefined();
    expect(loss("/etc/config/firewall", zone + wanZone, firewall)).toBeUndefined();
    expect(loss("/etc/config/firewall", "", "")).toBeUndefined();
    expect(loss("/etc/config/firewall", firewall, "\0\0")).toBeUndefined();
    expect(loss("/etc/config/firewall", "config defaults\n", "config defaults\n")).toBeUndefined();
  });

  test("of the HA interface, or of the SSH server between the nodes", () => {
    const network = "config interface 'lan'\n\toption proto 'static'\n";
    expect(loss("/etc/config/network", "config interface 'wan'\n", network)).toContain("the interface lan");
    const dropbear = "config dropbear\n\toption Port '22'\n\nconfig dropbear 'ha_link'\n\toption Port '65022'\n";
    expect(loss("/etc/config/dropbear", "config dropbear\n", dropbear)).toContain("ha_link");
  });

  test("is a file that UCI loads", () => {
    for (const name of ["firewall", "ns-ha", "a_b"]) expect(isUciPackage(`/etc/config/${name}`)).toBe(true);
    for (const path of ["/etc/config/firewall.bak", "/etc/config/a/b", "/etc/nginx/x"])
      expect(isUciPackage(path)).toBe(false);
  });
});

test("any other file is lost when it holds NUL bytes and nothing else", () => {
  const facts = (content: Uint8Array) => fileFacts(content.length, sha256(content));
  expect(lossOf(facts(new Uint8Array(5000)), undefined)).toContain("NUL bytes only");
  expect(lossOf(facts(Uint8Array.from([0, 0, 1])), undefined)).toBeUndefined();
  expect(lossOf(facts(new Uint8Array(0)), undefined)).toBeUndefined();
  expect(lossOf(facts(new Uint8Array(0)), facts(bytes("x")))).toContain("empty");
});
