/** Error messages of netifd steps, from recorded answers of the real netifd. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import * as v from "valibot";
import { netifdReason } from "./netifd-errors.ts";
import { NetworkSteps } from "./network-steps.ts";

const statusSchema = v.object({
  pending: v.boolean(),
  errors: v.optional(v.array(v.object({ code: v.string() })), []),
});
const recorded = v
  .parse(
    v.object({ topics: v.array(v.object({ id: v.string(), entries: v.array(v.looseObject({ given: v.string() })) })) }),
    JSON.parse(readFileSync(join(import.meta.dir, "../../../../test-data/contracts/openwrt.json"), "utf8")),
  )
  .topics.filter(({ id }) => id === "interface-status")
  .flatMap(({ entries }) =>
    entries.flatMap(({ given, stdout_json: answer }) => {
      const status = v.safeParse(statusSchema, answer);
      return status.success && status.output.errors.length > 0 ? [{ given, ...status.output }] : [];
    }),
  );

test("the recordings hold failures", () => expect(recorded.length).toBeGreaterThanOrEqual(3));

test.each(recorded)("$given: each of netifd's codes is told once, with what it means", ({ errors, pending }) => {
  const codes = errors.map(({ code }) => code);
  const told = netifdReason({ errors: codes, pending });
  for (const code of codes) expect(told.split(code)).toHaveLength(2);
  expect(told).toMatch(/^: netifd says [A-Z_]+, [a-z]/);
});

test("a step that fails has the reason in its text; one that only takes its time says that", async () => {
  using host = fakeHost({ files: { "/etc/config/network": "config interface 'wan'\n\toption proto 'static'\n" } });
  host.net.setInterface({ name: "wan", errors: ["NO_DEVICE"], proto: "static" });
  host.net.setInterface({ name: "ppp", pending: true, proto: "pppoe" });
  const net = { ...host.net, ifup: () => Promise.resolve() };
  const steps = new NetworkSteps({ ...host, net });
  const failure = async (name: string): Promise<unknown> => {
    const outcome = steps.switchInterface(name, true, new AbortController().signal).catch((error: unknown) => error);
    for (let turn = 0; turn < 60; turn += 1) await host.clock.advance(50);
    return outcome;
  };
  expect(await failure("wan")).toMatchObject({
    message: "wan is not up yet: netifd says NO_DEVICE, its device does not exist",
  });
  expect(await failure("ppp")).toMatchObject({ message: "ppp is not up yet: netifd is still setting it up" });
});

test("a PPPoE that netifd brought up as none, for lack of its handler, is not up: the step says why", async () => {
  using host = fakeHost({ files: { "/etc/config/network": "config interface 'ppp'\n\toption proto 'pppoe'\n" } });
  // As recorded: "counts as proto none and goes up without an address".
  host.net.setInterface({ name: "ppp", up: true, proto: "none", device: "eth3" });
  const steps = new NetworkSteps(host);
  expect(await steps.interface("ppp")).toMatchObject({ up: false });
  const outcome = steps.switchInterface("ppp", true, new AbortController().signal).catch((error: unknown) => error);
  for (let turn = 0; turn < 60; turn += 1) await host.clock.advance(50);
  expect(await outcome).toMatchObject({
    message:
      "ppp is not up yet: netifd says INVALID_PROTO, its protocol is not known on this node: is the package that brings it installed?",
  });
});

test("routes of one interface are switched alone, and two at once need two reloads at most", async () => {
  const route = (name: string, on: string, tag = "ha"): string =>
    `config route '${name}'\n\toption interface '${on}'\n\toption ns_tag '${tag}'\n\toption disabled '1'\n`;
  using host = fakeHost({
    files: {
      "/etc/config/network": route("a", "wan") + route("b", "wg0") + route("c", "wg0") + route("own", "wan", ""),
    },
  });
  host.services.set("network", { running: true });
  const steps = new NetworkSteps(host);
  const disabled = (): (string | undefined)[] =>
    ["a", "b", "c", "own"].map((name) => host.uci.read("network").get(name, "disabled"));
  await steps.switchRoutes(true, "wg0");
  expect(disabled()).toEqual(["1", "0", "0", "1"]);
  host.calls.splice(0);
  await Promise.all(["wan", "wg0", "wan"].map((name) => steps.switchRoutes(true, name)));
  expect(disabled()).toEqual(["0", "0", "0", "1"]);
  expect(host.calls.filter((call) => call === "network reload").length).toBeLessThanOrEqual(2);
  await steps.switchRoutes(false, undefined);
  expect(disabled()).toEqual(["1", "1", "1", "1"]);
});
