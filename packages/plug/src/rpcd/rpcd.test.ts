/** Calls the plugins as the web interface does: arguments, error codes and effects. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import type { RunCommand } from "@nethsec/host/command/command";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { subscriptionPortal } from "../../test/subscription-portal.ts";
import { run as backup } from "./ns-backup.ts";
import { run as plug } from "./ns-plug.ts";
import { run as subscription } from "./ns-subscription.ts";

setDefaultTimeout(paced(60_000));

async function ask(host: FakeHost, run: RunCommand, method: string, input: unknown = {}): Promise<unknown> {
  const { call, output } = fakeCall(host, {
    rest: method === "list" ? ["list"] : ["call", method],
    stdin: JSON.stringify(input),
  });
  await run(call);
  return JSON.parse(output.out);
}
const codeOf = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");
const invalid = (parameter: string): object => ({
  validation: { errors: [expect.objectContaining({ parameter })] },
});

test("list names each method of the contract with the types of its arguments", async () => {
  using host = fakeHost();
  const methods = async (run: RunCommand): Promise<string[]> =>
    Object.keys(Object(await ask(host, run, "list"))).toSorted();
  expect(await methods(plug)).toEqual([
    "alerts",
    "register",
    "restart",
    "set-alerts",
    "status",
    "test-alert",
    "unregister",
    "update",
  ]);
  expect(await methods(subscription)).toEqual(["info", "inventory-status", "register", "send-inventory", "unregister"]);
  expect(await methods(backup)).toEqual([
    "backup",
    "is-passphrase-set",
    "registered-backup",
    "registered-delete-backup",
    "registered-download-backup",
    "registered-list-backups",
    "registered-restore",
    "restore",
    "set-passphrase",
  ]);
});

test("ns.plug: who gets alerts is set member by member, and the secret is never told", async () => {
  using host = fakeHost({ files: { "/etc/config/ns-plug": "config main 'config'\n" } });
  const url = "https://example.org/alerts";
  const set = (asked: object): Promise<unknown> => ask(host, plug, "set-alerts", asked);
  expect(await set({ webhook_url: url })).toMatchObject({ error: "webhook_secret_missing" });
  expect(await set({ webhook_url: "http://example.org" })).toHaveProperty("validation");
  expect(await set({ mail: ["-oX"] })).toHaveProperty("validation");
  await set({ mail: ["a@example.org"] });
  await set({ webhook_url: url, webhook_secret: "0123456789abcdef" });
  await set({ webhook_url: `${url}/new` });
  const told = await ask(host, plug, "alerts");
  expect(told).toEqual({
    portal: false,
    mail: ["a@example.org"],
    mail_from: "",
    webhook_url: `${url}/new`,
    troubles: [],
    waiting: [],
  });
  expect(host.uci.read("ns-plug").get("alerts", "webhook_secret")).toBe("0123456789abcdef");
  expect(host.cron.text()).toContain("send-alert --deliver");
  await set({ mail: [], webhook_url: "" });
  expect(host.uci.read("ns-plug").section("alerts")?.options).toEqual([]);
  expect(host.cron.text()).not.toContain("send-alert");
});

test("ns.plug: a join code makes the configuration and starts the client", async () => {
  using host = fakeHost({ files: { "/etc/config/ns-plug": "config main 'config'\n" } });
  host.services.set("ns-plug");
  const join = { fqdn: "controller.example.org", token: "tok", unit_id: "34f15657-9fce-4e36-8046-6d116ef07b57" };
  const input = { join_code: codeOf(join), tls_verify: false, unit_name: "fw", description: "branch" };
  expect(await ask(host, plug, "register", input)).toEqual({ result: "success" });
  const config = host.uci.read("ns-plug").section("config");
  expect(
    ["server", "token", "unit_id", "unit_name", "tls_verify", "description"].map((name) => config?.get(name)),
  ).toEqual(["https://controller.example.org", "tok", join.unit_id, "fw", "0", "branch"]);
  expect(host.calls).toContain("ns-plug restart");
  expect(await ask(host, plug, "status")).toMatchObject({
    status: "pending",
    server: "https://controller.example.org",
    unit_name: "fw",
    tls_verify: false,
    push_last_sent: -1,
    description: "branch",
  });
  await ask(host, plug, "update", { description: "moved" });
  expect(host.uci.read("ns-plug").get("config", "description")).toBe("moved");
  await ask(host, plug, "unregister");
  expect(await ask(host, plug, "status")).toMatchObject({
    status: "unregistered",
    server: null,
    unit_id: join.unit_id,
    unit_name: "NethSec",
  });
});

test.each([
  ["not base64 of JSON", "%%%"],
  ["a name that is none", codeOf({ fqdn: "a b;reboot", token: "t", unit_id: "u" })],
  ["a token with a newline", codeOf({ fqdn: "c.example", token: "t\nx", unit_id: "u" })],
  ["an id with a slash", codeOf({ fqdn: "c.example", token: "t", unit_id: "../u" })],
])("ns.plug: a join code that is %s is refused, and nothing changes", async (_, join_code) => {
  using host = fakeHost({ files: { "/etc/config/ns-plug": "config main 'config'\n" } });
  const input = { join_code, tls_verify: true, unit_name: "fw", description: "" };
  expect(await ask(host, plug, "register", input)).toMatchObject({ error: "join_code_decode_failed" });
  expect(host.uci.read("ns-plug").section("config")?.options).toEqual([]);
  expect(host.calls).toEqual([]);
});

test.each([
  ["register", "ns-plug", "failed_to_restart_ns-plug"],
  ["register", "firewall", "failed_to_reload_firewall"],
  ["unregister", "firewall", "failed_to_reload_firewall"],
  ["unregister", "rsyslog", "failed_to_restart_rsyslog"],
  ["restart", "ns-plug", "restart_failed"],
])("ns.plug %s: %s that hangs is named in the interface's word", async (method, service, word) => {
  using host = fakeHost({
    files: { "/etc/config/rsyslog": "config forwarder 'promtail'\n", "/etc/config/ns-plug": "config main 'config'\n" },
  });
  for (const name of ["ns-plug", "firewall", "rsyslog"]) host.services.set(name, { hangs: name === service });
  const join_code = codeOf({ fqdn: "c.example", token: "t", unit_id: "u" });
  const asked = ask(host, plug, method, { join_code, tls_verify: true, unit_name: "fw" });
  await host.clock.advance(120_000);
  expect(await asked).toMatchObject({ error: word });
});

test("ns.plug register: a client that does not run after its restart is said", async () => {
  using host = fakeHost({ files: { "/etc/config/ns-plug": "config main 'config'\n" } });
  host.services.set("ns-plug", { broken: true });
  const join_code = codeOf({ fqdn: "c.example", token: "t", unit_id: "u" });
  const asked = ask(host, plug, "register", { join_code, tls_verify: true, unit_name: "fw" });
  for (let waited = 0; waited < 10; waited += 1) await host.clock.advance(1000);
  expect(await asked).toMatchObject({ error: "failed_to_restart_ns-plug" });
});

test("ns.plug: a tunnel that is in no zone gets its own; an older registration's place in zone lan is given up", async () => {
  const lan = "config zone 'ns_lan'\n\toption name 'lan'\n\tlist device 'br-lan'\n";
  using host = fakeHost({
    files: { "/etc/config/firewall": lan, "/etc/config/ns-plug": "config main 'config'\n" },
  });
  for (const name of ["ns-plug", "firewall"]) host.services.set(name);
  const join_code = codeOf({ fqdn: "c.example", token: "t", unit_id: "u" });
  await ask(host, plug, "register", { join_code, tls_verify: true, unit_name: "fw" });
  expect(host.uci.read("firewall").section("ns_controller")?.list("device")).toEqual(["tun-nsplug"]);
  host.files.write("/etc/config/firewall", `${lan}\tlist device 'tun-nsplug'\n`);
  await ask(host, plug, "register", { join_code, tls_verify: true, unit_name: "fw" });
  expect(host.uci.read("firewall").section("ns_controller")).toBeUndefined();
  await ask(host, plug, "unregister");
  expect(host.uci.read("firewall").section("ns_lan")?.list("device")).toEqual(["br-lan"]);
});

test("ns.subscription without one", async () => {
  using host = fakeHost();
  expect(await ask(host, subscription, "info")).toMatchObject({ server_id: null, systemd_id: "", active: false });
  expect(await ask(host, subscription, "send-inventory")).toEqual({ status: "success" });
  expect(await ask(host, subscription, "register", {})).toEqual(invalid("secret"));
});

test.each([
  ["systems_info.valid", { server_id: 1234, plan: "Example Plan", expiration: Date.UTC(2099, 11, 31), active: true }],
  ["systems_info.expired", { expiration: Date.UTC(2020, 0, 1), active: false }],
  ["machine_info.no_end", { server_id: 77, expiration: 0, active: true }],
  ["no such example", { plan: "-", active: false, expiration: 0, server_id: null }],
])("ns.subscription info: %s", async (example, expected) => {
  await using portal = subscriptionPortal();
  portal.infoExample = example;
  using host = fakeHost({
    files: { "/etc/config/ns-plug": `config main 'config'\n${portal.uciOptions("enterprise")}` },
  });
  expect(await ask(host, subscription, "info")).toMatchObject(expected);
});

test("ns.backup: what cannot be restored is refused in the interface's words, and nothing of it stays", async () => {
  using host = fakeHost({ programs: { gpg: "real", sysupgrade: () => "" } });
  const uploads = "/var/run/ns-api-server/uploads";
  host.files.write(`${uploads}/garbage`, "no archive");
  host.files.symlink("/etc/passwd", `${uploads}/link`);
  const restore = (name: string, passphrase?: string): Promise<unknown> =>
    ask(host, backup, "restore", { backup: name, ...(passphrase === undefined ? {} : { passphrase }) });
  const answer = (message: string): object => ({
    validation: { errors: [{ parameter: "passphrase", value: "", message }] },
  });
  for (const name of ["garbage", "link", "none", "..", "a/b", "-x/../y"])
    expect(await restore(name)).toEqual(answer("restore_failed"));
  expect(await restore("garbage", "typed")).toEqual(answer("decryption_failed"));
  expect(host.calls.filter((call) => !call.startsWith("gpg"))).toEqual([]);
  expect(host.files.list("/var/run/ns-plug")).toEqual([]);
  expect(await ask(host, backup, "set-passphrase", { passphrase: "two\nlines" })).toEqual(invalid("passphrase"));
});

test("ns.backup: each step that fails has its word", async () => {
  await using portal = subscriptionPortal();
  const options = portal.uciOptions("enterprise");
  using host = fakeHost({ files: { "/etc/config/ns-plug": `config main 'config'\n${options}` } });
  host.program("sysupgrade", () => ({
    code: 1,
    stderr: "Saving config files...\ntar: /etc/x: No space left on device\nUsage: tar c\n",
  }));
  for (const method of ["backup", "registered-backup"])
    expect(await ask(host, backup, method)).toMatchObject({
      error: "backup_failed",
      message: expect.stringMatching(/^tar: \/etc\/x: No space left on device/),
    });
  host.program("sysupgrade", ({ args }) => {
    host.files.write((args.at(-1) ?? "").slice(host.files.root.length), "the archive");
    return "";
  });
  host.program("gpg", () => ({ code: 2, stderr: "gpg: no entropy" }));
  await ask(host, backup, "set-passphrase", { passphrase: "correct horse" });
  expect(await ask(host, backup, "backup")).toMatchObject({ error: "encryption_failed" });
  await portal[Symbol.asyncDispose]();
  for (const [method, args, word] of [
    ["registered-list-backups", {}, "remote_list_failed"],
    ["registered-download-backup", { file: "x" }, "remote_backup_download_failed"],
    ["registered-restore", { file: "x" }, "remote_backup_download_failed"],
    ["registered-delete-backup", { id: "x" }, "remote_backup_delete_failed"],
  ] as const) {
    const asked = ask(host, backup, method, args);
    for (let waited = 0; waited < 20; waited += 1) {
      await Bun.sleep(10);
      await host.clock.advance(30_000);
    }
    expect(await asked).toMatchObject({ error: word });
  }
  expect(host.files.list("/var/run/ns-api-server/downloads")).toEqual([]);
});

test("ns.backup: with require_encryption nothing is restored from the portal without a passphrase", async () => {
  await using portal = subscriptionPortal();
  const options = `${portal.uciOptions("enterprise")}\toption require_encryption '1'\n`;
  using host = fakeHost({ files: { "/etc/config/ns-plug": `config main 'config'\n${options}` } });
  expect(await ask(host, backup, "registered-restore", { file: "b7f1c2d3e4.bin" })).toEqual(invalid("passphrase"));
  expect(portal.received).toEqual([]);
});
