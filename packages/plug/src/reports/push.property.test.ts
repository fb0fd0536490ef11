/** Pushes to a controller that fails at any request: each event still arrives exactly once. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { NethsecError } from "@nethsec/host/error";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { changeDatabase } from "@nethsec/host/testing/sqlite-file";
import fc from "fast-check";
import { pushReports } from "./push.ts";

setDefaultTimeout(paced(60_000));

const now = new Date(2026, 4, 5, 12, 30).getTime();
const { signal } = new AbortController();

function addConnections(host: FakeHost, instance: string, ends: readonly number[]): void {
  const dir = `/var/openvpn/${instance}`;
  host.files.mkdir(dir);
  changeDatabase(host.files.real(`${dir}/connections.db`), [
    "CREATE TABLE IF NOT EXISTS connections (common_name TEXT, virtual_ip_addr TEXT, remote_ip_addr TEXT, start_time INTEGER, duration INTEGER, bytes_received INTEGER, bytes_sent INTEGER)",
    ...ends.map((end) => `INSERT INTO connections VALUES ('user', '10.9.9.2', '192.0.2.9', ${end - 10}, 10, 1, 2)`),
  ]);
}

test("each event arrives once", async () => {
  const accepted: { dump: string; item: unknown }[] = [];
  let failAt = new Set<number>();
  let requests = 0;
  const controller = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const body: { data?: unknown[] } = JSON.parse(await request.text());
      requests += 1;
      if (failAt.has(requests)) return new Response("", { status: 403 });
      const dump = new URL(request.url).pathname.replace("/ingest/", "");
      for (const item of body.data ?? []) accepted.push({ dump, item });
      return new Response("{}");
    },
  });
  const count = (dump: string): number => accepted.filter((each) => each.dump === dump).length;
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            wans: fc.nat(3),
            attacks: fc.nat(3),
            connections: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
            failures: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        fc.nat(3),
        async (rounds, hours) => {
          using host = fakeHost({
            now,
            files: {
              "/etc/config/ns-plug": `config main 'config'\n\toption server 'https://c.example'\n\toption unit_id 'u'\n\toption token 't'\n\toption vpn_address '127.0.0.1'\n\toption api_port '${controller.port}'\n`,
              "/var/log/messages": "May  5 10:00:00 fw begin\n",
            },
          });
          host.net.setDevice({
            device: "tun-nsplug",
            addresses: [{ address: "172.21.0.2", prefix: 16, label: undefined }],
          });
          accepted.length = 0;
          for (let hour = 0; hour < hours; hour += 1)
            host.files.write(
              `/var/run/dpireport/2026/05/05/10.0.0.${hour}/0${hour + 5}.json`,
              '{"total":3,"protocol":{"dns":3},"application":{},"host":{"a.example":3}}',
            );
          let [wans, attacks, connections] = [0, 0, 0];
          for (const [index, round] of rounds.entries()) {
            for (let n = 0; n < round.wans; n += 1)
              host.files.append(
                "/var/log/messages",
                `May  5 11:00:00 fw mwan3track[1]: Interface wan${index}_${n} (eth2) is offline\n`,
              );
            for (let n = 0; n < round.attacks; n += 1)
              host.files.append(
                "/var/log/messages",
                "May  5 11:00:00 fw banIP-1[1]: add IP '198.51.100.3' (expiry: -) to blocklistv4 set\n",
              );
            // Later connections get later ends: a connection whose end lies before the cursor would not be sent.
            addConnections(
              host,
              "ns_rw",
              round.connections.map((end) => now / 1000 - 3600 + end + index * 10),
            );
            wans += round.wans;
            attacks += round.attacks;
            connections += round.connections.length;
            [requests, failAt] = [0, new Set(round.failures)];
            await pushReports(host, signal).catch((error: unknown) => {
              if (!(error instanceof NethsecError)) throw error;
            });
          }
          failAt = new Set();
          await pushReports(host, signal);
          await pushReports(host, signal);
          const seconds = accepted.flatMap(({ dump, item }) =>
            dump === "dump-mwan-events" ? [String(Object(item).timestamp)] : [],
          );
          expect(new Set(seconds).size).toBe(seconds.length);
          expect({ wans: count("dump-mwan-events"), attacks: count("dump-ts-attacks") }).toEqual({ wans, attacks });
          expect(count("dump-dpi-stats")).toBe(hours * 2);
          expect(count("dump-ovpn-connections")).toBe(connections);
        },
      ),
      { numRuns: 30 },
    );
  } finally {
    await controller.stop(true);
  }
});

test("while the tunnel is down nothing is sent to the address in it, and nothing is forgotten", async () => {
  let asked = 0;
  const stranger = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => ((asked += 1), new Response("{}")) });
  using host = fakeHost({
    files: {
      "/etc/config/ns-plug": `config main 'config'\n\toption server 'https://c.example'\n\toption unit_id 'u'\n\toption token 't'\n\toption vpn_address '127.0.0.1'\n\toption api_port '${stranger.port}'\n`,
    },
  });
  const push = (): Promise<void> => pushReports(host, signal);
  await expect(push()).rejects.toMatchObject({ code: "no_tunnel" });
  expect(asked).toBe(0);
  host.net.setDevice({ device: "tun-nsplug", addresses: [{ address: "172.21.0.2", prefix: 16, label: undefined }] });
  await push();
  expect(asked).toBeGreaterThan(0);
  await stranger.stop(true);
});
