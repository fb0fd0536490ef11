/**
 * Runs the cases of test-data/contracts/webui.json against the plugins of this package: the web interface's call, the expected answer, and the state
 * afterwards. Cases that use the portals' real names (a token that is tried at both) run only in the lab: lab/test/webui.root.test.ts has all of them.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunCommand } from "@nethsec/host/command/command";
import { type Expectation, mismatches } from "@nethsec/host/testing/expectation";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { subscriptionPortal, type SubscriptionPortal } from "../../test/subscription-portal.ts";
import { run as backup } from "./ns-backup.ts";
import { run as plug } from "./ns-plug.ts";
import { run as subscription } from "./ns-subscription.ts";

interface Case {
  readonly name: string;
  readonly given: Readonly<Record<string, string>>;
  readonly args: Readonly<Record<string, unknown>>;
  readonly expect: Expectation;
  readonly then?: readonly string[];
}
interface ContractCall {
  readonly object: string;
  readonly method: string;
  readonly cases?: readonly Case[];
}
const contract: { readonly calls: readonly ContractCall[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../../test-data/contracts/webui.json"), "utf8"),
);
const plugins: ReadonlyMap<string, RunCommand> = new Map([
  ["ns.backup", backup],
  ["ns.plug", plug],
  ["ns.subscription", subscription],
]);
/** Cases that contact my.nethesis.it and my.nethserver.com by name. */
const labOnly = new Set(["ns.subscription register: wrong token", "ns.subscription register: portal away"]);

const downloads = "/var/run/ns-api-server/downloads";
const uploads = "/var/run/ns-api-server/uploads";
const passphrase = "an example passphrase";
const joinCode = Buffer.from(
  JSON.stringify({ fqdn: "controller.example.org", token: "123456", unit_id: "11111111-2222-4333-8444-555555555555" }),
).toString("base64");

let host: FakeHost;
let portal: SubscriptionPortal;
let rebooted: string[];

beforeEach(() => {
  portal = subscriptionPortal();
  const made = fakeHost({
    hostname: "fw.example.org",
    programs: { gpg: "real" },
    files: { "/etc/kept": "as backed up" },
  });
  // Waits between attempts and for services are real here.
  host = { ...made, clock: { ...made.clock, sleep: (ms) => Bun.sleep(ms), monotonic: () => performance.now() } };
  rebooted = [];
  host.program("reboot", ({ args }) => {
    rebooted.push(args.join(" "));
    return "";
  });
  host.program("sysupgrade", async ({ args }) => {
    const [action, file = ""] = args.slice(-2);
    const root = host.files.real("/");
    const argv = action === "-b" ? ["tar", "-C", root, "-czf", file, "etc/kept"] : ["tar", "-C", root, "-xzf", file];
    return { code: await Bun.spawn(argv, { stderr: "ignore" }).exited };
  });
  for (const service of ["ns-plug", "firewall", "rsyslog"]) host.services.set(service, { running: true });
});
afterEach(async () => {
  await portal[Symbol.asyncDispose]();
  host[Symbol.dispose]();
});

async function ask(object: string, method: string, args: unknown): Promise<unknown> {
  const run = plugins.get(object);
  if (run === undefined) throw new Error(`there is no plugin ${object} here`);
  const { call, output } = fakeCall(host, { rest: ["call", method], stdin: JSON.stringify(args) });
  expect(await run(call)).toBe(0);
  // The API server parses stdout and stderr together as one document.
  return JSON.parse(output.out + output.err);
}

/** Creates a case's initial state; returns the values of the case's $names. */
async function set(given: Case["given"]): Promise<Readonly<Record<string, string>>> {
  let options = "";
  const values: Record<string, string> = { $id: "b7f1c2d3e4.bin" };
  for (const [what, how] of Object.entries(given)) {
    if (what === "subscription") {
      if (how !== "none") options += portal.uciOptions(how === "community" ? "community" : "enterprise");
    } else if (what === "portal_answer") portal.infoExample = "machine_info.no_end";
    else if (what === "portal") {
      // Stop the portal's server.
      if (how === "down") await portal[Symbol.asyncDispose]();
    } else if (what === "backup_server") {
      if (how.includes("empty list")) portal.list = "v2_empty";
    } else if (what === "passphrase") {
      if (how === "set") host.files.write("/etc/backup.pass", passphrase, { mode: 0o600 });
    } else if (what === "option ns-plug.config.require_encryption") options += "\toption require_encryption '1'\n";
    else if (what === "inventory") {
      if (how === "sent") await withOptions(portal.uciOptions("enterprise"), "ns.subscription", "send-inventory");
    } else if (what === "controller") {
      if (how !== "unregistered")
        options += "\toption server 'https://c.example.org'\n\toption unit_id 'u'\n\toption token 't'\n";
      if (how === "connected") {
        host.files.write("/proc/4711/stat", "");
        const state = { pid: 4711, phase: "connected", since: host.clock.now(), address: "172.21.0.2" };
        host.files.write("/var/run/ns-plug/state.json", JSON.stringify(state));
      }
    } else if (what === "upload") {
      const made = Object(await ask("ns.backup", "backup", { encrypted: false }));
      values["$upload"] = "upload-1e20f4b3-e581-454c-9162-ca33885eb223";
      host.files.mkdir(uploads);
      host.files.rename(`${downloads}/${made.backup}`, `${uploads}/${values["$upload"]}`);
      host.files.write("/etc/kept", "changed since");
    } else throw new Error(`nobody can set up "${what}"`);
  }
  host.files.write("/etc/config/ns-plug", `config main 'config'\n${options}`);
  return values;
}

async function withOptions(options: string, object: string, method: string): Promise<void> {
  host.files.write("/etc/config/ns-plug", `config main 'config'\n${options}`);
  await ask(object, method, {});
}

const requests = (prefix: string): readonly string[] =>
  portal.received.map(({ line }) => line).filter((line) => line.startsWith(prefix));
const bodyOf = (prefix: string): Buffer =>
  portal.received.find(({ line }) => line.startsWith(prefix))?.body ?? Buffer.alloc(0);

async function opens(archive: Uint8Array): Promise<boolean> {
  host.files.mkdir("/gpg", { mode: 0o700 });
  const argv = ["gpg", "--homedir", host.files.real("/gpg"), "--batch", "--pinentry-mode", "loopback"];
  const child = Bun.spawn([...argv, "--passphrase", passphrase, "--decrypt"], {
    stdin: Uint8Array.from(archive),
    stderr: "ignore",
  });
  const plain = await new Response(child.stdout).bytes();
  return plain[0] === 0x1f && plain[1] === 0x8b;
}

const made = (answer: unknown): Uint8Array =>
  host.files.readBytes(`${downloads}/${String(Object(answer).backup)}`) ?? new Uint8Array();

/** Checks for the contract's descriptions, in words, of the state after a call. */
const checks: Readonly<Record<string, (answer: unknown) => Promise<void> | void>> = {
  "portal received one inventory and one heartbeat": () => {
    expect(requests("POST /isa/inventory/store/")).toHaveLength(1);
    expect(requests("POST /isa/heartbeats/store")).toHaveLength(1);
  },
  "uci ns-plug.config.unit_name is the host name": () =>
    expect(host.uci.read("ns-plug").get("config", "unit_name")).toBe("fw.example.org"),
  "file exists below /var/run/ns-api-server/downloads/, starts with bytes 1f 8b": (answer) =>
    expect(Buffer.from(made(answer)).subarray(0, 2).toString("hex")).toBe("1f8b"),
  "file exists, is OpenPGP (gpg opens it with the passphrase), plain copy is gone": async (answer) => {
    expect(await opens(made(answer))).toBe(true);
    expect(host.files.list(downloads)).toEqual([String(Object(answer).backup)]);
    expect(host.files.list("/var/run/ns-plug")).toEqual([]);
  },
  "reboot was asked for": () => expect(rebooted).toEqual(["-d 3"]),
  "configuration is that of the archive": () => expect(host.files.readText("/etc/kept")).toBe("as backed up"),
  "/etc/backup.pass exists": () => {
    expect(host.files.readText("/etc/backup.pass")).toBe(passphrase);
    expect(host.files.stat("/etc/backup.pass")?.mode).toBe(0o600);
  },
  "/etc/backup.pass is gone": () => expect(host.files.exists("/etc/backup.pass")).toBe(false),
  "server received nothing": () => expect(requests("PUT ")).toEqual([]),
  "server received one gpg file whose name ends in .gpg": async () => {
    expect(requests("PUT ")).toEqual([
      expect.stringMatching(/^PUT \/backup\/enterprise\/api\/v2\/backup\/[^/]+\.gpg$/),
    ]);
    expect(await opens(bodyOf("PUT "))).toBe(true);
  },
  "no file left below /var/run/ns-api-server/downloads/": () => expect(host.files.list(downloads)).toEqual([]),
  "file below /var/run/ns-api-server/downloads/ has the server's bytes": (answer) =>
    expect(made(answer)).toEqual(Uint8Array.from(portal.content)),
  "server received DELETE of that id": () =>
    expect(requests("DELETE ")).toEqual(["DELETE /backup/enterprise/api/v2/backup/b7f1c2d3e4.bin"]),
};

const cases = contract.calls.flatMap(({ object, method, cases: list = [] }) =>
  list.map((each) => ({ title: `${object} ${method}: ${each.name}`, object, method, each })),
);
const here = cases.filter(({ object, title }) => plugins.has(object) && !labOnly.has(title));

describe("the web interface", () => {
  test("all cases of these plugins but those of the lab are here", () => {
    expect([cases.length, here.length]).toEqual([54, 36]);
  });

  test.each(here)("$title", async ({ object, method, each }) => {
    const values = await set(each.given);
    portal.received.length = 0;
    const replaced = JSON.stringify(each.args).replaceAll(/\$\w+/g, (name) => values[name] ?? name);
    const args: Record<string, unknown> = JSON.parse(replaced);
    if (args["join_code"] === "valid") args["join_code"] = joinCode;
    const started = performance.now();
    const answer = await ask(object, method, args);
    expect(mismatches(answer, each.expect, performance.now() - started)).toEqual([]);
    for (const sentence of each.then ?? []) {
      const check = checks[sentence];
      if (check === undefined) throw new Error(`nobody checks "${sentence}"`);
      await check(answer);
    }
  });
});
