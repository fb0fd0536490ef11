import { expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { recordOutcome } from "../cron/outcome.ts";
import { writeState } from "./state.ts";
import { controllerStatus } from "./status.ts";
import { readLine } from "./tunnel.ts";

const configured = {
  "/etc/config/ns-plug":
    "config main 'config'\n\toption server 'https://c.example'\n\toption unit_id 'u'\n\toption token 't'\n",
};

test("unregistered without its options, pending while it tries, connected with a tunnel, stopped when its process is gone", async () => {
  using empty = fakeHost();
  expect(controllerStatus(empty)).toMatchObject({ status: "unregistered", phase: "stopped", reason: undefined });
  using host = fakeHost({ files: { ...configured, "/proc/4242/stat": "" } });
  expect(controllerStatus(host)).toMatchObject({ status: "pending", phase: "stopped", unitName: "NethSec" });
  writeState(host.files, { pid: 4242, phase: "waiting", since: 1000, reason: "waiting for approval" });
  expect(controllerStatus(host)).toMatchObject({ status: "pending", phase: "waiting", reason: "waiting for approval" });
  writeState(host.files, { pid: 4242, phase: "connected", since: 2000, address: "172.21.0.2" });
  const pushedAt = host.clock.now();
  await recordOutcome(host, "push", async () => undefined);
  await host.clock.advance(1000);
  const trouble = new NethsecError({ code: "x", message: "no route" });
  await expect(recordOutcome(host, "push", () => Promise.reject(trouble))).rejects.toBe(trouble);
  expect(controllerStatus(host)).toMatchObject({
    status: "connected",
    since: 2000,
    address: "172.21.0.2",
    push: { status: "error", lastSent: pushedAt },
  });
  host.files.remove("/proc/4242", { recursive: true });
  expect(controllerStatus(host)).toMatchObject({ status: "pending", phase: "stopped", address: undefined });
});

test("a state file that is damaged is no state", () => {
  using host = fakeHost({ files: { ...configured, "/var/run/ns-plug/state.json": '{"pid":1' } });
  expect(controllerStatus(host)).toMatchObject({ phase: "stopped" });
});

test.each([
  ["Initialization Sequence Completed", { event: "up" }],
  ["SIGUSR1[soft,ping-restart] received, process restarting", { event: "down" }],
  ["Restart pause, 5 second(s)", { event: "down" }],
  [
    "VERIFY ERROR: depth=1, error=self-signed certificate in certificate chain: CN=x",
    { event: "trouble", text: "VERIFY ERROR: depth=1, error=self-signed certificate in certificate chain: CN=x" },
  ],
  [
    "TLS Error: TLS key negotiation failed to occur within 30 seconds (check your network connectivity)",
    {
      event: "trouble",
      text: "TLS Error: TLS key negotiation failed to occur within 30 seconds (check your network connectivity)",
    },
  ],
  [
    "RESOLVE: Cannot resolve host address: c.example:1194",
    { event: "trouble", text: "Cannot resolve host address: c.example:1194" },
  ],
  ["Outgoing Data Channel: Cipher 'AES-256-GCM' initialized with 256 bit key", undefined],
] as const)("OpenVPN says %p", (line, event) => {
  expect(readLine(line)).toEqual(event);
});
