/** Detection of a silent tunnel, in virtual time; the received bytes are in a file like OpenVPN's status file. */
import { expect, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { tunnelStatusPath } from "./client-conf.ts";
import type { Grant } from "./registration.ts";
import { apiProbe, receivedBytes, watchSilence, type SilenceWatch } from "./silence.ts";

/** The status file of an OpenVPN 2.6 client. */
const status = (bytes: number): string =>
  `OpenVPN STATISTICS\nUpdated,2026-11-28 00:00:00\nTUN/TAP read bytes,1\nTUN/TAP write bytes,2\nTCP/UDP read bytes,${bytes}\nTCP/UDP write bytes,4\nAuth read bytes,5\nEND\n`;

interface Watched {
  readonly host: FakeHost;
  readonly watch: SilenceWatch;
  readonly events: string[];
  answers: boolean;
  isUp: boolean;
  readonly stop: () => void;
}

function start(): Watched {
  const host = fakeHost({ files: { [tunnelStatusPath]: status(1) } });
  const ending = new AbortController();
  const events: string[] = [];
  const at = (): number => host.clock.monotonic() / 1000;
  const watched = { host, events, answers: true, isUp: true, stop: () => ending.abort() };
  const probe = async (): Promise<boolean> => {
    events.push(`asked at ${at()}`);
    return watched.answers;
  };
  const dead = async (): Promise<void> => void events.push(`dead at ${at()}`);
  const watch = watchSilence(host, probe, () => watched.isUp, dead, ending.signal);
  return Object.assign(watched, { watch });
}

test("a tunnel that hears a ping every 20 s is not asked; one that is quiet is asked after 21 s, and is dead only without an answer", async () => {
  const watched = start();
  using host = watched.host;
  for (let ping = 2; ping < 8; ping += 1) {
    await host.clock.advance(20_000);
    host.files.write(tunnelStatusPath, status(ping));
  }
  expect(watched.events).toEqual([]);
  await host.clock.advance(25_000);
  expect(watched.events).toEqual(["asked at 144"]);
  watched.answers = false;
  await host.clock.advance(24_000);
  expect(watched.events.slice(1)).toEqual(["asked at 166", "dead at 166"]);
  watched.isUp = false;
  await host.clock.advance(120_000);
  expect(watched.events).toHaveLength(3);
  watched.stop();
});

test("when the network says that nobody listens, it is asked at once", async () => {
  const watched = start();
  using host = watched.host;
  await host.clock.advance(4000);
  watched.answers = false;
  watched.watch.ask();
  await host.clock.advance(2000);
  expect(watched.events).toEqual(["asked at 6", "dead at 6"]);
  watched.stop();
});

test("the counter is that of the network; without a file there is none", () => {
  expect(receivedBytes(status(12345))).toBe("12345");
  expect(receivedBytes(undefined)).toBeUndefined();
});

test("any answer and a refusal are signs of life", async () => {
  using host = fakeHost();
  const grant: Grant = {
    host: "c",
    port: 1,
    ca: "",
    cert: "",
    key: "",
    promtail: undefined,
    vpnAddress: "127.0.0.1",
    apiPort: 9,
  };
  const { signal } = new AbortController();
  expect(await apiProbe(host, grant)?.(signal)).toBe(true);
  await using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", { status: 500 }) });
  expect(await apiProbe(host, { ...grant, apiPort: server.port })?.(signal)).toBe(true);
  expect(apiProbe(host, { ...grant, apiPort: undefined })).toBeUndefined();
});
