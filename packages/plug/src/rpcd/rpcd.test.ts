/** The plugins as the web interface calls them: argument words, errors, and what changes. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import type { RunCommand } from "@nethsec/host/command/command";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
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
  expect(await methods(plug)).toEqual(["register", "restart", "status", "unregister", "update"]);
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
  expect(await ask(host, plug, "status")).toMatchObject({ status: "unregistered", server: "" });
});

test.each([
  ["not base64 of JSON", "%%%"],
  ["a name that is none", codeOf({ fqdn: "a b;reboot", token: "t", unit_id: "u" })],
  ["a token with a newline", codeOf({ fqdn: "c.example", token: "t\nx", unit_id: "u" })],
  ["an id with a slash", codeOf({ fqdn: "c.example", token: "t", unit_id: "../u" })],
])("ns.plug: a join code that is %s is refused, and nothing changes", async (_, join_code) => {
  using host = fakeHost({ files: { "/etc/config/ns-plug": "config main 'config'\n" } });
  const input = { join_code, tls_verify: true, unit_name: "fw", description: "" };
  expect(await ask(host, plug, "register", input)).toEqual(invalid("join_code"));
  expect(await ask(host, plug, "register", { ...input, unit_name: "" })).toEqual(invalid("unit_name"));
  expect(host.uci.read("ns-plug").section("config")?.options).toEqual([]);
  expect(host.calls).toEqual([]);
});

test("ns.subscription without one", async () => {
  using host = fakeHost();
  expect(await ask(host, subscription, "info")).toMatchObject({ server_id: "", systemd_id: "", active: false });
  expect(await ask(host, subscription, "inventory-status")).toEqual({ status: "", last_attempt: "" });
  expect(await ask(host, subscription, "send-inventory")).toMatchObject({ error: "not_registered" });
  expect(await ask(host, subscription, "register", {})).toEqual(invalid("secret"));
});

test("ns.backup: passphrase, local backup and restore by real files", async () => {
  using host = fakeHost({ programs: { gpg: "real" } });
  const restored: string[] = [];
  host.program("sysupgrade", ({ args }) => {
    const path = (args.at(-1) ?? "").slice(host.files.root.length);
    if (args.includes("-b")) host.files.write(path, "the archive");
    else restored.push(host.files.readText(path) ?? "");
    return "";
  });
  expect(await ask(host, backup, "is-passphrase-set")).toEqual({ values: { set: false } });
  expect(await ask(host, backup, "set-passphrase", { passphrase: "two\nlines" })).toEqual(invalid("passphrase"));
  await ask(host, backup, "set-passphrase", { passphrase: "correct horse" });
  expect(host.files.stat("/etc/backup.pass")?.mode).toBe(0o600);
  expect(await ask(host, backup, "is-passphrase-set")).toEqual({ values: { set: true } });
  const archive = Buffer.from("the archive").toString("base64");
  expect(await ask(host, backup, "backup")).toEqual({ backup: archive });
  expect(await ask(host, backup, "restore", { backup: archive })).toEqual({ message: "success" });
  expect(await ask(host, backup, "restore", { backup: archive, passphrase: "wrong" })).toMatchObject({
    error: "invalid_passphrase",
  });
  expect(await ask(host, backup, "restore", { backup: "not base64!" })).toEqual(invalid("backup"));
  expect(await ask(host, backup, "registered-list-backups")).toMatchObject({ error: "not_registered" });
  expect(restored).toEqual(["the archive"]);
  expect(host.files.list("/tmp").filter((name) => name.startsWith("ns-backup"))).toEqual([]);
  await ask(host, backup, "set-passphrase", { passphrase: "" });
  expect(host.files.exists("/etc/backup.pass")).toBe(false);
});
