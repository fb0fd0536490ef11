/**
 * How soon a unit finds its controller again, on the options of the real controller's OpenVPN (keepalive 20 120 pushed, removal without notice), and
 * whether the controller can administer it: the controller's login at the unit's port 9090, also after a reset of the unit.
 */
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join as joinPath } from "node:path";
import { readExchanges } from "../services/controller/recording.ts";
import { Fleet, type JoinCode } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";

setDefaultTimeout(paced(300_000));

let lab: Lab;
let fleet: Fleet;
let join: JoinCode;
const table: string[] = [];

beforeAll(async () => {
  lab = await Lab.up({ name: `plugr${process.pid}` });
  fleet = new Fleet(lab);
  join = await fleet.addUnit("fw1");
  await fleet.controller("approve", "fw1");
  await fleet.join("primary", join);
  await fleet.untilConnected("primary");
});
afterAll(async () => {
  console.log(["", "what | ms | load of the machine (1 min)", ...table, ""].join("\n"));
  await lab?.down();
});

const note = (what: string, ms: number): void =>
  void table.push(`${what} | ${Math.round(ms)} | ${loadavg()[0]?.toFixed(1)}`);

const registrations = async (): Promise<number> =>
  Number(await lab.sh("controller", 'grep -c \'"path":"/api/units/register\' /var/log/lab-requests.jsonl'));

test("the server pushes what the real one pushes, and the unit keeps its own keepalive", async () => {
  const recorded: { pushed_to_client: { options: string[] } } = JSON.parse(
    readFileSync(joinPath(import.meta.dir, "../../test-data/contracts/controller-openvpn.json"), "utf8"),
  );
  const log = await lab.sh("primary", 'grep -o "PUSH_REPLY,[^\']*" /var/log/messages | tail -n 1');
  const pushed = log.split(",").slice(1);
  const address = (await fleet.status("primary")).address ?? "";
  const expected = recorded.pushed_to_client.options.map((option) => option.replace("<address of the unit>", address));
  expect(pushed.toSorted()).toEqual(expected.toSorted());
  expect(address).toBe("172.21.0.2");
  const ignored = await lab.sh("primary", "grep -c 'Pushed option removed by filter: .ping' /var/log/messages");
  expect(Number(ignored)).toBeGreaterThanOrEqual(2);
});

test("controller killed silently, back 2.5 s later with its VPN on another port: found again", async () => {
  const before = await registrations();
  // Drop ICMP too: port unreachable messages would reveal the failure early.
  await lab.sh(
    "controller",
    "nft 'add table ip silent; add chain ip silent out { type filter hook output priority 0; }; add rule ip silent out icmp type destination-unreachable drop'",
  );
  const started = performance.now();
  await lab.sh("controller", "lab-controller crash; lab-controller port 20001");
  await until(() => performance.now() - started > 2500, { what: "2.5 s have passed", everyMs: 50 });
  await lab.sh("controller", "lab-controller-api");
  await fleet.untilStatus("primary", "it noticed", ({ phase }) => phase !== "connected", 120_000);
  note("controller killed silently: noticed", performance.now() - started);
  await fleet.untilConnected("primary", 200_000);
  const took = performance.now() - started;
  note("controller killed silently, back after 2.5 s on another port: connected", took);
  expect(await registrations()).toBeGreaterThan(before);
  expect(took).toBeLessThan(paced(40_000));
});

test("VPN server ended and started at once on the same port: OpenVPN finds it without a new registration", async () => {
  const before = await registrations();
  const started = performance.now();
  await fleet.controller("restart-vpn");
  await fleet.untilStatus("primary", "it noticed", ({ phase }) => phase !== "connected", 120_000);
  await fleet.untilConnected("primary", 120_000);
  const took = performance.now() - started;
  note("VPN server restarted on the same port: connected", took);
  expect(await registrations()).toBe(before);
  expect(took).toBeLessThan(paced(40_000));
});

test("removed by the administrator: it knows; added again: it joins", async () => {
  let started = performance.now();
  await fleet.controller("revoke", "fw1");
  await fleet.untilStatus("primary", "it waits for approval", ({ phase }) => phase === "waiting", 200_000);
  const took = performance.now() - started;
  note("unit removed: waits for approval", took);
  expect((await fleet.status("primary")).reason).toContain("approval");
  expect(took).toBeLessThan(paced(60_000));
  started = performance.now();
  await fleet.controller("approve", "fw1");
  await fleet.untilConnected("primary", 60_000);
  note("added again: connected", performance.now() - started);
});

test("what the controller asks the unit through the tunnel arrives and is answered; nothing of ours is in the way", async () => {
  const root = joinPath(import.meta.dir, "../..");
  await lab.sh(
    "primary",
    "openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/api.key -out /tmp/api.crt -subj /CN=unit -days 2 2>/dev/null; " +
      `${root}/node_modules/.bin/bun ${root}/lab/test/unit-api-worker.ts /tmp/api.crt /tmp/api.key >/tmp/unit-api.log 2>&1 </dev/null &`,
  );
  await until(async () => (await lab.sh("primary", "ss -Hltn sport = :9090")) !== "", { what: "port 9090 is open" });
  const recorded = readExchanges().find(({ unit_answers }) => unit_answers !== undefined);
  const answered: unknown = JSON.parse(await fleet.controller("info", "fw1"));
  expect(answered).toEqual(Object(recorded?.response.body));
  const seen = (await lab.sh("primary", "cat /var/log/lab-unit-api.jsonl")).split("\n").map((line) => JSON.parse(line));
  const asked = JSON.parse(JSON.stringify(recorded?.unit_is_asked ?? []));
  expect(seen.map(({ path }) => path)).toEqual(asked.map(({ path }: { path: string }) => path));
  expect(seen.slice(1).map(({ body }) => body)).toEqual(asked.slice(1).map(({ body }: { body: unknown }) => body));
  expect(seen[0].headers.host).toBe("localhost:8080");
});

test("after ns-plug reset and a new join, and after an account that is lost, the controller still logs in", async () => {
  await lab.exec("primary", ["ns-plug", "reset"]);
  await fleet.join("primary", join);
  await fleet.untilConnected("primary", 60_000);
  await until(async () => (await fleet.controller("token", "fw1")).includes("unit-token"), { what: "the login works" });
  await lab.sh("primary", "uci delete rpcd.controller; uci commit rpcd; /etc/init.d/ns-plug restart");
  await until(async () => (await lab.sh("primary", "uci -q get rpcd.controller.password || true")) !== "", {
    what: "a new account",
  });
  await fleet.untilConnected("primary", 60_000);
  expect(await fleet.controller("token", "fw1")).toContain("unit-token");
});
