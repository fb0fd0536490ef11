import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NethsecError } from "../error.ts";
import { localUciStore } from "./local-store.ts";

import { makeFolder, removeFolder } from "../../test/temporary-folder.ts";

let root = "";
beforeEach(() => {
  root = makeFolder(join(tmpdir(), "uci-store-"));
  mkdirSync(join(root, "etc/config"), { recursive: true });
  mkdirSync(join(root, "tmp/.uci"), { recursive: true });
});
afterEach(() => removeFolder(root));

function config(name: string, text?: string): string {
  const path = join(root, "etc/config", name);
  if (text !== undefined) writeFileSync(path, text);
  return readFileSync(path, "latin1");
}

function delta(name: string, text?: string): string {
  const path = join(root, "tmp/.uci", name);
  if (text !== undefined) writeFileSync(path, text);
  return readFileSync(path, "latin1");
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof NethsecError ? error.code : String(error);
  }
}

const network =
  "config interface lan\n\toption proto static\n\tlist dns 1.1.1.1\n\tlist dns 9.9.9.9\n\toption auto 0\n\toption mtu ' 1500 '\nconfig route\nconfig route r2\n";

describe("reading", () => {
  test("sections, options, lists and types, pending deltas included", () => {
    config("network", network);
    delta("network", "network.lan.proto='dhcp'\n");
    const pkg = localUciStore(root).read("network");
    const lan = pkg.section("lan");
    expect(lan?.get("proto")).toBe("dhcp");
    expect(lan?.get("dns")).toBe("1.1.1.1 9.9.9.9");
    expect(lan?.list("dns")).toEqual(["1.1.1.1", "9.9.9.9"]);
    expect(lan?.list("proto")).toEqual(["dhcp"]);
    expect(lan?.list("nothing")).toEqual([]);
    expect([lan?.bool("auto", true), lan?.bool("nothing", true), lan?.bool("proto", false)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([lan?.int("mtu", 7), lan?.int("proto", 7)]).toEqual([1500, 7]);
    expect(lan?.options).toEqual(["proto", "dns", "auto", "mtu"]);
    expect(pkg.ofType("route").map(({ name, anonymous }) => [name, anonymous])).toEqual([
      ["cfg02c8b4", true],
      ["r2", false],
    ]);
    expect(pkg.section("@route[-1]")?.name).toBe("r2");
    expect(pkg.section("@route[5]")).toBeUndefined();
    expect(pkg.section("not-a-name")).toBeUndefined();
  });

  test("what is missing, what does not parse, what leaves the folder", () => {
    const store = localUciStore(root);
    expect(store.load("nothing")).toBeUndefined();
    expect(store.read("nothing").sections).toEqual([]);
    expect(store.names()).toEqual([]);
    config("bad", "bogus\n");
    expect(codeOf(() => store.load("bad"))).toBe("uci_parse");
    for (const name of ["../passwd", "/etc/passwd", "a/b"])
      expect(codeOf(() => store.load(name))).toBe("uci_invalid_argument");
    mkdirSync(join(root, "etc/config/folder"));
    expect(store.load("folder")).toBeUndefined();
    expect(store.names()).toEqual(["bad"]);
  });

  test("text is UTF-8; other bytes round-trip", () => {
    writeFileSync(
      join(root, "etc/config/n"),
      Buffer.from(
        "config s a\n\toption x 'gr\u00fc\u00df \ud83d\ude00'\n\toption y '\xff\xc3\xa9'\n".replace("\xff", "@@"),
        "utf8",
      ),
    );
    writeFileSync(
      join(root, "etc/config/n"),
      Buffer.from(config("n").replace("@@", "\xff").replace("\xc3\x83\xc2\xa9", "\xc3\xa9"), "latin1"),
    );
    const store = localUciStore(root);
    expect(store.read("n").get("a", "x")).toBe("gr\u00fc\u00df \ud83d\ude00");
    const odd = store.read("n").get("a", "y") ?? "";
    expect(odd).toBe("\udcff\u00e9");
    store.change((t) => t.set("n", "a", "z", odd));
    expect(config("n")).toContain("option z '\xff\xc3\xa9'");
  });
});

describe("changing", () => {
  test("writes what changed, keeps mode, and leaves other people's deltas pending", () => {
    config("network", network);
    chmodSync(join(root, "etc/config/network"), 0o640);
    config("dhcp", "# untouched\nconfig dnsmasq d\n");
    delta("network", "network.lan.proto='dhcp'\n");
    const store = localUciStore(root);
    const changed = store.change((t) => {
      t.set("network", "lan", "ipaddr", "10.0.0.1");
      t.set("network", "lan", "dns", []);
      t.addList("network", "@route[0]", "tag", "it's");
      t.set("dhcp", "d", "nothing", "");
      t.setSection("fresh", "one", "thing");
    });
    expect(changed).toEqual(["fresh", "network"]);
    expect(config("network")).toBe(
      "\nconfig interface 'lan'\n\toption proto 'static'\n\toption auto '0'\n\toption mtu ' 1500 '\n\toption ipaddr '10.0.0.1'\n\nconfig route\n\tlist tag 'it'\\''s'\n\nconfig route 'r2'\n\n",
    );
    expect(config("dhcp")).toBe("# untouched\nconfig dnsmasq d\n");
    expect(config("fresh")).toBe("\nconfig thing 'one'\n\n");
    expect(statSync(join(root, "etc/config/network")).mode & 0o777).toBe(0o640);
    expect(statSync(join(root, "etc/config/fresh")).mode & 0o777).toBe(0o600);
    expect(delta("network")).toBe("network.lan.proto='dhcp'\n");
    expect(store.read("network").get("lan", "proto")).toBe("dhcp");
    expect(readdirSync(join(root, "etc/config")).sort()).toEqual(["dhcp", "fresh", "network"]);
  });

  test("nothing changes when the work throws, and no file is left behind", () => {
    config("network", network);
    const store = localUciStore(root);
    const bad: [string, (t: Parameters<Parameters<typeof store.change>[0]>[0]) => void][] = [
      ["uci_not_found", (t) => t.set("network", "nowhere", "x", "1")],
      ["uci_invalid_argument", (t) => t.set("network", "lan", "x-y", "1")],
      ["uci_invalid_argument", (t) => t.set("network", "lan", "x", "a\u0001")],
      ["uci_invalid_argument", (t) => t.setSection("network", "a-b", "t")],
      ["uci_invalid_argument", (t) => t.addSection("network", "a b")],
      ["uci_invalid_argument", (t) => t.rename("network", "lan", "r2")],
      ["uci_invalid_argument", (t) => t.setSection("sub/x", "a", "t")],
      ["uci_not_found", (t) => t.setSection("../x", "a", "t")],
    ];
    for (const [code, work] of bad) {
      expect(
        codeOf(() =>
          store.change((t) => {
            t.setSection("fresh", "one", "thing");
            t.set("network", "lan", "mtu", "9000");
            work(t);
          }),
        ),
      ).toBe(code);
    }
    expect(config("network")).toBe(network);
    expect(readdirSync(join(root, "etc/config"))).toEqual(["network"]);
  });

  test("every operation", () => {
    config("n", "config s a\n\tlist l 1\n\tlist l 2\nconfig s b\nconfig t c\n");
    const store = localUciStore(root);
    store.change((t) => {
      const name = t.addSection("n", "u");
      t.set("n", name, "x", "1");
      t.set("n", "a", "m", ["p", "q r"]);
      t.removeFromList("n", "a", "l", "1");
      t.rename("n", "b", "bb");
      t.reorder("n", "c", 0);
      t.setSection("n", "bb", "ss");
      t.delete("n", "nothing");
    });
    expect(config("n")).toBe(
      "\nconfig t 'c'\n\nconfig s 'a'\n\tlist l '2'\n\tlist m 'p'\n\tlist m 'q r'\n\nconfig ss 'bb'\n\nconfig u\n\toption x '1'\n\n",
    );
    store.change((t) => t.delete("n", "@u[0]"));
    expect(store.read("n").sections.map(({ name }) => name)).toEqual(["c", "a", "bb"]);
  });

  test("a transaction that a crash interrupted is completed by the next load", () => {
    config("a", "config s x\n");
    config("b", "config s x\n");
    const dir = join(root, "etc/config");
    const entries = ["a", "b"].map((name) => {
      writeFileSync(join(dir, `.${name}.uci-AAAAAA`), "config s new\n");
      return JSON.stringify([join(dir, `.${name}.uci-AAAAAA`), join(dir, name), String(statSync(join(dir, name)).ino)]);
    });
    writeFileSync(join(dir, ".nethsec-transaction"), `${entries.join("\n")}\n`);
    const store = localUciStore(root);
    expect(store.read("a").section("new")?.type).toBe("s");
    expect(config("b")).toBe("config s new\n");
    expect(readdirSync(dir).sort()).toEqual(["a", "b"]);
  });
});

describe("state and fingerprints", () => {
  test("state does not reach the configuration and does not grow", () => {
    config("network", network);
    mkdirSync(join(root, "var"), { recursive: true });
    const store = localUciStore(root);
    for (const value of ["1", "a longer one", "3"]) store.setState("network", "lan", "up", value);
    store.setState("network", "@route[0]", "seen", "yes");
    expect(readFileSync(join(root, "var/state/network"), "latin1")).toBe(
      "network.lan.up='3'\nnetwork.cfg02c8b4.seen='yes'\n",
    );
    expect(store.readState("network").get("lan", "up")).toBe("3");
    expect(store.read("network").get("lan", "up")).toBeUndefined();
    store.setState("network", "lan", "up", undefined);
    expect(store.readState("network").get("lan", "up")).toBeUndefined();
    expect(store.readState("network").get("@route[0]", "seen")).toBe("yes");
    expect(config("network")).toBe(network);
    expect(codeOf(() => store.setState("network", "nowhere", "up", "1"))).toBe("uci_not_found");
    for (const value of ["1", "2"]) store.setState("network", "made", "at", value, "state");
    expect(store.readState("network").section("made")?.type).toBe("state");
    expect(readFileSync(join(root, "var/state/network"), "latin1")).toEndWith(
      "network.made='state'\nnetwork.made.at='2'\n",
    );
    expect(store.read("network").section("made")).toBeUndefined();
    expect(codeOf(() => store.setState("nowhere", "made", "at", "1", "state"))).toBe("uci_not_found");
  });

  test("a fingerprint changes with the content, not with the formatting", () => {
    config("n", "config s a\n\toption x 1\n");
    config("m", "config s a\n");
    const store = localUciStore(root);
    const before = store.fingerprint();
    config("n", "# formatted otherwise\nconfig s 'a'\n\toption x '1'\n");
    expect(store.fingerprint()).toEqual(before);
    delta("m", "m.a.y='1'\n");
    const after = store.fingerprint();
    expect(after.get("n")).toBe(before.get("n"));
    expect(after.get("m")).not.toBe(before.get("m"));
    config("m", "bogus\n");
    expect(store.fingerprint(["m", "nothing"]).get("m")).toStartWith("unreadable");
    expect(store.fingerprint(["nothing"]).size).toBe(0);
  });
});
