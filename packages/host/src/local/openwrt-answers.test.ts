/** Tests the parsers of OpenWrt's output with output recorded from the real programs (test-data/contracts/openwrt.json). */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { localHost } from "./local-host.ts";
import { parseInterfaceDump, parseProtocols } from "./net-answers.ts";

const entrySchema = v.object({
  command: v.string(),
  given: v.optional(v.string(), ""),
  stdout: v.optional(v.string(), ""),
  stderr: v.optional(v.string(), ""),
  stdout_json: v.optional(v.unknown()),
  exit: v.optional(v.number()),
});
const path = new URL("../../../../test-data/contracts/openwrt.json", import.meta.url);
const { topics } = v.parse(
  v.object({ topics: v.array(v.object({ id: v.string(), entries: v.array(entrySchema) })) }),
  JSON.parse(readFileSync(path, "utf8")),
);
const topic = (id: string) => topics.find((each) => each.id === id)?.entries ?? [];

describe("network.interface", () => {
  const statuses = [...topic("interface-status"), ...topic("network-reload")].flatMap(
    ({ command, given, ...answer }) => {
      const name = /network\.interface\.(\w+) status/.exec(command)?.[1];
      return name === undefined || answer.stdout_json === undefined
        ? []
        : [{ name, given, status: answer.stdout_json }];
    },
  );

  test.each(statuses.map((each) => [`${each.name}, ${each.given}`, each] as const))("%s", (_, { name, status }) => {
    const { up, proto } = v.parse(v.object({ up: v.boolean(), proto: v.string() }), status);
    const dump = { interface: [{ interface: name, ...v.parse(v.record(v.string(), v.unknown()), status) }] };
    const [parsed] = parseInterfaceDump(JSON.stringify(dump));
    expect(parsed).toMatchObject({ name, up, proto });
    // Addresses, routes and name servers exist only while the interface is up.
    if (!up) expect(parsed).toMatchObject({ ipv4: [], ipv6: [], routes: [] });
  });

  test("the dump: every interface, an alias on its parent's device, the default route by its gateway", () => {
    const dump = topic("interface-status").find(({ command }) => command.endsWith("network.interface dump"));
    const parsed = parseInterfaceDump(JSON.stringify(dump?.stdout_json));
    expect(parsed.length).toBe(13);
    const of = (name: string) => parsed.find((each) => each.name === name);
    expect(of("wan")).toEqual({
      name: "wan",
      up: true,
      pending: false,
      errors: [],
      proto: "static",
      device: "eth1",
      ipv4: [{ address: "198.51.100.2", prefix: 24 }],
      ipv6: [],
      routes: [{ target: "0.0.0.0", prefix: 0, nexthop: "198.51.100.1" }],
    });
    expect(of("wal")).toMatchObject({ up: true, device: "eth1" });
    expect(of("bnd")).toMatchObject({ up: false, proto: "none", device: undefined, errors: ["INVALID_PROTO"] });
  });

  test("protocols: what netifd has handlers for, and none, which needs none", () => {
    // The form of netifd's proto_dump_handlers (proto.c).
    const flags = { immediate: false, no_device: true, init_available: true, last_error: false };
    expect(
      parseProtocols(JSON.stringify({ dhcp: flags, static: { ...flags, validate: { ipaddr: "ip4addr" } } })),
    ).toEqual(["none", "dhcp", "static"]);
  });
});

/** A machine with one program that prints recorded output. */
function machine(
  path: string,
  answer: { readonly stdout: string; readonly stderr?: string; readonly exit?: number | undefined },
) {
  const { stdout, stderr = "", exit = 0 } = answer;
  const root = mkdtempSync(join(tmpdir(), "nethsec-recorded-"));
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(
    join(root, path),
    `#!/bin/sh\ncat <<'TEXT'\n${stdout}TEXT\ncat >&2 <<'TEXT'\n${stderr}TEXT\nexit ${exit}\n`,
  );
  chmodSync(join(root, path), 0o755);
  return { host: localHost({ root }), [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

describe("an interface that netifd does not know", () => {
  const missing = topic("ubus-command").find(({ command }) => command === "ubus call network.interface.nosuch status");

  test.each(["ifup", "ifdown"] as const)("%s is an error that says so", async (question) => {
    if (missing === undefined) throw new Error("was not recorded");
    using recorded = machine("bin/ubus", missing);
    await expect(recorded.host.net[question]("nosuch")).rejects.toMatchObject({
      code: "program_failed",
      message: expect.stringContaining("Not found"),
    });
  });
});

describe("init scripts", () => {
  const ask = async (question: "running" | "enabled", answer: { stdout: string; exit?: number | undefined }) => {
    using recorded = machine("etc/init.d/demo", answer);
    return await recorded.host.services[question]("demo");
  };

  const asked = topic("init-scripts").filter(({ command }) => /demo (running|enabled)$/.test(command));
  test.each(asked.map((each) => [`${each.command}, ${each.given}`, each] as const))("%s", async (_, entry) => {
    const question = entry.command.endsWith("running") ? "running" : "enabled";
    expect(await ask(question, entry)).toBe(["runs", "enabled"].includes(entry.given));
  });

  test("a script without USE_PROCD answers `running` with its usage and exit code 0: that is no yes", async () => {
    const old = topic("init-scripts").find(({ command }) => command === "/etc/init.d/old running");
    expect(old?.exit).toBe(0);
    expect(await ask("running", { stdout: "Syntax: /etc/init.d/old [command]\n", exit: 0 })).toBe(false);
  });
});
