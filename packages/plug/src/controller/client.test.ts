/** Runs the client against all answers of a controller that the contract allows; time is virtual, two functions replace the network. */
import { expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { runClient, type Network } from "./client.ts";
import { accountName } from "./credentials.ts";
import { exporterPath } from "./metrics-exporter.ts";
import { resetController } from "./reset.ts";
import type { Grant, Registration } from "./registration.ts";
import { readState } from "./state.ts";

const grant: Grant = {
  host: "c.example",
  port: 1194,
  ca: "CA\n",
  cert: "CERT\n",
  key: "KEY\n",
  promtail: { address: "172.21.0.1", port: 6514 },
  vpnAddress: "172.21.0.1",
  apiPort: 20001,
};
const config =
  "config main 'config'\n\toption server 'https://c.example'\n\toption unit_id 'u1'\n\toption token 'secret-token'\n";
const registered: Registration = { kind: "registered", grant };
const waiting: Registration = { kind: "waiting", cause: "approval", text: "waiting for approval in the controller" };
const failed: Registration = { kind: "failed", reason: "no route" };

interface Run {
  readonly host: FakeHost;
  readonly done: Promise<unknown>;
  readonly stop: AbortController;
  readonly at: number[];
}

/** Registrations get `answers` in order, then the last one repeatedly. Without `tunnel` the tunnel stays up. */
function start(
  answers: readonly Registration[],
  tunnel?: Network["runTunnel"],
  files: Record<string, string> = {},
): Run {
  const host = fakeHost({
    files: { "/etc/config/ns-plug": config, "/etc/config/rpcd": "", [`/proc/${process.pid}/stat`]: "", ...files },
  });
  const stop = new AbortController();
  const at: number[] = [];
  const network: Network = {
    register: async () => {
      at.push(host.clock.monotonic());
      return answers[Math.min(at.length, answers.length) - 1] ?? failed;
    },
    runTunnel:
      tunnel ??
      (async (_, _options, changed, signal) => {
        changed(true, undefined);
        await host.clock.sleep(1e9, signal).catch(() => undefined);
        return { reason: "stopped", waited: false, connectedMs: 1e9 };
      }),
  };
  const done = runClient(host, stop.signal, network).catch((error: unknown) => error);
  return { host, done, stop, at };
}

const untilDone = async ({ host, done }: Run): Promise<unknown> => {
  const state = { ended: false };
  void done.then(() => (state.ended = true));
  while (!state.ended) await host.clock.advance(60_000);
  return done;
};

test.each([
  ["server", 1],
  ["unit_id", 2],
  ["token", 3],
])("without %s it ends with exit code %d and says so", async (option, exitCode) => {
  using host = fakeHost({ files: { "/etc/config/ns-plug": config.replace(new RegExp(`.*option ${option}.*\n`), "") } });
  const error = await runClient(host, new AbortController().signal).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NethsecError);
  expect(error).toMatchObject({ exitCode, message: expect.stringContaining(option) });
});

test("polls every ten seconds for as long as it takes, saves nothing before the 200, then everything", async () => {
  const run = start([...Array.from({ length: 30 }, () => waiting), registered]);
  using host = run.host;
  await host.clock.advance(150_000);
  expect(run.at).toEqual(Array.from({ length: 16 }, (_, index) => index * 10_000));
  expect(readState(host.files)).toMatchObject({ phase: "waiting", reason: waiting.text });
  expect(host.uci.read("rpcd").get("controller", "password")).toBeUndefined();
  expect(host.logged.filter((line) => line.includes("approval"))).toHaveLength(1);
  await host.clock.advance(200_000);
  expect(host.uci.read("rpcd").get("controller", "password")).toStartWith("$6$");
  expect(host.uci.read("rpcd").section("controller")?.list("read")).toEqual(["*"]);
  expect(host.uci.read("ns-plug").get("config", "vpn_address")).toBe("172.21.0.1");
  expect(host.uci.read("rsyslog").get("promtail", "rfc")).toBe("5424");
  expect(host.files.stat("/usr/share/ns-plug/client.conf")?.mode).toBe(0o600);
  expect(readState(host.files)?.phase).toBe("connected");
  run.stop.abort();
  await run.done;
});

test("logs are forwarded from the tunnel's first moment on, not before; what is meant for the tunnel cannot leave by a WAN", async () => {
  const up = Promise.withResolvers<void>();
  const run = start(
    [registered],
    async (_, _options, changed, signal) => {
      await up.promise;
      changed(true, undefined);
      await run.host.clock.sleep(1e9, signal).catch(() => undefined);
      return { reason: "stopped", waited: false, connectedMs: 1e9 };
    },
    { "/etc/config/firewall": "config zone 'ns_wan'\n\toption name 'wan'\n", "/etc/config/rsyslog": "" },
  );
  using host = run.host;
  host.services.set("rsyslog");
  host.services.set("firewall");
  await host.clock.advance(1000);
  expect(host.uci.read("firewall").get("ns_controller_guard", "dest_ip")).toBe("172.21.0.1");
  expect(host.uci.read("firewall").get("ns_controller_guard", "dest_port")).toBe("20001 6514");
  expect(host.calls).toContain("firewall reload");
  expect(host.uci.read("rsyslog").section("promtail")).toBeUndefined();
  up.resolve();
  await host.clock.advance(1000);
  expect(host.uci.read("rsyslog").get("promtail", "target")).toBe("172.21.0.1");
  expect(host.calls.filter((call) => call === "rsyslog restart")).toHaveLength(1);
  run.stop.abort();
  await run.done;
  await resetController(host);
  expect(host.uci.read("firewall").section("ns_controller_guard")).toBeUndefined();
  expect(host.uci.read("rsyslog").section("promtail")).toBeUndefined();
});

test("a duplicate loses its account and ends with exit code 4", async () => {
  const run = start([{ kind: "duplicate" }]);
  using host = run.host;
  expect(await untilDone(run)).toMatchObject({ exitCode: 4, code: "duplicate_unit" });
  expect(host.uci.read("rpcd").section("controller")).toBeUndefined();
});

test("five failures in a row end it with exit code 5, delays grow, and the next start goes on waiting", async () => {
  const run = start([failed]);
  using _host = run.host;
  expect(await untilDone(run)).toMatchObject({ exitCode: 5 });
  const delays = run.at.map((time, index) => time - (run.at[index - 1] ?? 0));
  expect(run.at).toHaveLength(5);
  for (const index of [2, 3, 4]) expect(delays[index]).toBeGreaterThan((delays[index - 1] ?? 0) * 0.9);
  const again = start([failed], undefined, { "/var/run/ns-plug/failures": "5\n" });
  using second = again.host;
  await second.clock.advance(39_000);
  expect(again.at).toHaveLength(0);
  await second.clock.advance(42_000);
  expect(again.at).toHaveLength(1);
  again.stop.abort();
  await again.done;
});

test("a tunnel that cannot be kept makes it register again, with a new password, without a restart loop", async () => {
  let tunnels = 0;
  const hashes = new Set<string | undefined>();
  const run = start([registered], async () => {
    tunnels += 1;
    hashes.add(run.host.uci.read("rpcd").get("controller", "password"));
    return { reason: "no tunnel for 40 s: VERIFY ERROR", waited: false, connectedMs: 0 };
  });
  using host = run.host;
  await host.clock.advance(3_600_000);
  expect(tunnels).toBeGreaterThan(5);
  expect(tunnels).toBeLessThan(40);
  expect(hashes.size).toBe(tunnels);
  expect(host.logged.some((line) => line.includes("VERIFY ERROR"))).toBe(true);
  run.stop.abort();
  await run.done;
});

test("a unit that waits asks each time as its configuration says at that moment", async () => {
  const asked: string[] = [];
  const run = start([], undefined);
  run.stop.abort();
  await run.done;
  using host = run.host;
  const stop = new AbortController();
  const network: Network = {
    register: async (_, { controller, subscription }, { username }) => {
      asked.push(`${controller.token} ${subscription?.plan ?? "none"} ${username.length}`);
      return waiting;
    },
    runTunnel: () => Promise.reject(new Error("never registered")),
  };
  const done = runClient(host, stop.signal, network).catch((error: unknown) => error);
  await host.clock.advance(1000);
  host.files.write(
    "/etc/config/ns-plug",
    `${config.replace("secret-token", "corrected")}\toption type 'enterprise'\n\toption system_id 'S1'\n\toption secret 'x'\n`,
  );
  await host.clock.advance(10_000);
  expect(asked).toEqual(["secret-token none 24", "corrected enterprise 24"]);
  stop.abort();
  await done;
});

test("the account's name follows from the unit: the same after a reset, another for another unit, an older account's stays", async () => {
  using host = fakeHost({ files: { "/etc/config/rpcd": "" } });
  const first = accountName(host, "u1");
  expect(first).toMatch(/^[0-9a-f]{24}$/);
  host.files.write("/etc/config/rpcd", "");
  expect(accountName(host, "u1")).toBe(first);
  expect(accountName(host, "u1")).toBe(first);
  expect(accountName(host, "u2")).not.toBe(first);
  host.files.write(
    "/etc/config/rpcd",
    "config login 'controller'\n\toption username 'drawn-at-random'\n\tlist read '*'\n\tlist write '*'\n",
  );
  expect(accountName(host, "u1")).toBe("drawn-at-random");
  expect(accountName(host, "u1")).toBe("drawn-at-random");
  expect(accountName(host, "u3")).toMatch(/^[0-9a-f]{24}$/);
});

test("telegraf serves the unit's metrics in the tunnel while it is up", async () => {
  const down = Promise.withResolvers<void>();
  const run = start(
    [registered],
    async (_, _options, changed, signal) => {
      changed(true, undefined);
      await down.promise;
      changed(false, "gone");
      await run.host.clock.sleep(1e9, signal).catch(() => undefined);
      return { reason: "stopped", waited: false, connectedMs: 1 };
    },
    { "/etc/telegraf.conf.d/os.conf": "" },
  );
  using host = run.host;
  host.net.setDevice({ device: "tun-nsplug", addresses: [{ address: "172.21.0.2", prefix: 16, label: undefined }] });
  await host.clock.advance(1000);
  expect(host.files.readText(exporterPath)).toContain('[[outputs.prometheus_client]]\n  listen = "172.21.0.2:9273"\n');
  down.resolve();
  await host.clock.advance(1000);
  expect(host.files.exists(exporterPath)).toBe(false);
  run.stop.abort();
  await run.done;
});

test("no secret reaches the log, the state or a command line", async () => {
  const run = start([waiting, failed, registered]);
  using host = run.host;
  await host.clock.advance(60_000);
  run.stop.abort();
  await run.done;
  const seen = [...host.logged, ...host.calls, host.files.readText("/var/run/ns-plug/state.json")].join("\n");
  expect(seen).not.toContain("secret-token");
});
