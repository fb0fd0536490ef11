/** Compares the options of the lab's OpenVPN server with the recorded ones of the real controller (test-data/contracts/controller-openvpn.json). */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nextAddress, serverOptions } from "./vpn.ts";

interface Option {
  readonly option: string;
  readonly value: string;
}
const recorded: { readonly server_options: { readonly list: readonly Option[] } } = JSON.parse(
  readFileSync(join(import.meta.dir, "../../../test-data/contracts/controller-openvpn.json"), "utf8"),
);

/** Option → its value, from `--option value …`. */
function given(): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  let name = "";
  for (const word of serverOptions(20_000)) {
    if (word.startsWith("--")) options.set((name = word.slice(2)), "");
    else options.set(name, `${options.get(name) ?? ""} ${word}`.trim());
  }
  return options;
}

/** Options whose value the recording describes in words. */
const inWords: Readonly<Record<string, RegExp>> = {
  dev: /^tunnsc\d+$/,
  port: /^20000$/,
  proto: /^udp4?$/,
  push: /^route 172\.21\.0\.0 255\.255\.0\.0$/,
  "client-config-dir": /^\/./,
  "ifconfig-pool-persist": / 0$/,
  "client-connect": /^\/./,
  "client-disconnect": /^\/./,
  "crl-verify": /./,
  dh: /./,
  management: / unix$/,
  float: /^$/,
  multihome: /^$/,
};

test.each(recorded.server_options.list.map((each) => [`${each.option} ${each.value}`, each] as const))(
  "%s",
  (_, { option, value }) => {
    const options = given();
    if (value.startsWith("absent")) {
      for (const name of option.split(" / ")) expect(options.has(name)).toBe(false);
      return;
    }
    expect(options.has(option)).toBe(true);
    const text = options.get(option) ?? "";
    const words = inWords[option];
    if (words === undefined) expect(text).toBe(value);
    else expect(text).toMatch(words);
  },
);

test("the first unit's address is the first one after the controller's, the next one's the next that is free", () => {
  const unit = (vpnAddress: string) => ({ id: "x", name: null, info: null, vpnAddress });
  expect(nextAddress([])).toBe("172.21.0.2");
  expect(nextAddress([unit("172.21.0.2"), unit("172.21.0.4")])).toBe("172.21.0.3");
});
