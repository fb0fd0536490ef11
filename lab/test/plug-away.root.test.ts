/** ns-plug when its controller or the connection fails: it recovers automatically and reports the reason meanwhile. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { changeDatabase } from "@nethsec/host/testing/sqlite-file";
import { Fleet, type JoinCode } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(400_000));

let lab: Lab;
let fleet: Fleet;
let join: JoinCode;
const table: string[] = [];

beforeAll(async () => {
  lab = await Lab.up({ name: `plugw${process.pid}` });
  fleet = new Fleet(lab);
  join = await fleet.addUnit("fw1");
  await fleet.controller("approve", "fw1");
  await fleet.join("primary", join);
  await fleet.untilConnected("primary");
});
afterAll(async () => {
  console.log(["", "fault | what the unit did | ms", ...table, ""].join("\n"));
  await lab?.down();
});

const note = (fault: string, did: string, ms: number): void => void table.push(`${fault} | ${did} | ${ms}`);

/** Items of one dump that the controller accepted since its boot. */
async function told(dump: string): Promise<object[]> {
  const lines = (await lab.sh("controller", "cat /var/log/lab-ingested.jsonl")).split("\n");
  const bodies = lines.map((line): { dump: string; body: { data?: object[] } } => JSON.parse(line));
  return bodies.filter((each) => each.dump === dump).flatMap(({ body }) => body.data ?? []);
}

/** Creates report data as other programs of a firewall do: log lines, a finished hour of dpireport, an ended VPN connection. */
async function happen(): Promise<void> {
  const folder = mkdtempSync(joinPath(tmpdir(), "nethsec-connections-"));
  const path = joinPath(folder, "connections.db");
  const hourAgo = Math.floor(Date.now() / 1000) - 3600;
  changeDatabase(path, [
    "CREATE TABLE connections (common_name TEXT, virtual_ip_addr TEXT, remote_ip_addr TEXT, start_time INTEGER, duration INTEGER, bytes_received INTEGER, bytes_sent INTEGER)",
    `INSERT INTO connections VALUES ('ann', '10.9.9.2', '192.0.2.9', ${hourAgo}, 60, 1, 2), ('bob', '10.9.9.3', '192.0.2.9', ${hourAgo}, NULL, NULL, NULL)`,
  ]);
  await lab.sh("primary", "mkdir -p /var/openvpn/ns_roadwarrior1; cat >/var/openvpn/ns_roadwarrior1/connections.db", {
    stdin: readFileSync(path),
  });
  rmSync(folder, { recursive: true });
  await lab.sh(
    "primary",
    `logger -t 'mwan3track[11191]' 'Interface wan2 (eth2) is offline'; logger -t 'banIP-1.0.1-3[4711]' "add IP '198.51.100.3' (expiry: -) to blocklistv4 set"; ` +
      "logger -t kernel '[1.5] banIP/inp-wan/drop/nethesislvl3v4: IN=eth5 OUT= SRC=198.51.100.156 DST=203.0.113.82 LEN=44'",
  );
  await until(
    // dpireport writes its counters when it is stopped.
    async () =>
      (await lab.sh(
        "primary",
        "/etc/init.d/dpireport restart; ls /var/run/dpireport/*/*/*/*/*.json 2>/dev/null || true",
      )) !== "",
    { what: "dpireport has written", timeoutMs: 30_000, everyMs: 1000 },
  );
  // Copies dpireport's files of the current hour to an earlier hour, which is complete.
  await lab.sh(
    "primary",
    "now=$(date +%s); new=/var/run/dpireport/$(date -d @$((now - 7200)) +%Y/%m/%d); for file in /var/run/dpireport/*/*/*/*/*.json; do " +
      'client=$(basename "$(dirname "$file")"); mkdir -p "$new/$client"; cp "$file" "$new/$client/$(date -d @$((now - 7200)) +%H).json"; done',
  );
}

describe("a controller that goes away", () => {
  test("its VPN moves to another port: the unit registers again by itself", async () => {
    await fleet.controller("move", "1195");
    await fleet.untilStatus("primary", "it noticed", ({ phase }) => phase !== "connected", 60_000);
    const ms = await fleet.untilConnected("primary", 240_000);
    note("controller moved to another port", "registered again by itself", ms);
  });

  test("reinstalled with a new certificate authority", async () => {
    await fleet.controller("reinstall");
    await fleet.untilStatus("primary", "it noticed", ({ phase }) => phase !== "connected", 60_000);
    const ms = await fleet.untilConnected("primary", 300_000);
    note("controller reinstalled, new CA", "registered again by itself", ms);
  });

  test("its power is cut and comes back: OpenVPN finds it again; what happened meanwhile is told once", async () => {
    await lab.kill("controller");
    await fleet.untilStatus("primary", "it noticed", ({ phase }) => phase !== "connected", 60_000);
    await happen();
    const cutOff = await lab.exec("primary", ["timeout", "3", "ns-push-reports"], { ok: "any" });
    expect(cutOff.code).not.toBe(0);
    await lab.boot("controller");
    note(
      "controller's power cut and back",
      "OpenVPN reconnected by itself",
      await fleet.untilConnected("primary", 120_000),
    );
    await lab.exec("primary", ["ns-push-reports"]);
    await lab.exec("primary", ["ns-push-reports"]);
    expect(await told("dump-mwan-events")).toMatchObject([{ wan: "wan2", event: "offline" }]);
    expect(await told("dump-ts-attacks")).toMatchObject([{ ip: "198.51.100.3" }]);
    expect(await told("dump-ts-malware")).toMatchObject([{ src: "198.51.100.156" }]);
    expect(await told("dump-ovpn-connections")).toMatchObject([
      { instance: "ns_roadwarrior1", common_name: "bob", duration: 0 },
      { instance: "ns_roadwarrior1", common_name: "ann", duration: 60 },
    ]);
    // Ignore the current hour, which each push sends again.
    const thisHour = Math.floor(Date.now() / 3_600_000) * 3600;
    const dpi = (await told("dump-dpi-stats")).filter((item) => Object(item).timestamp < thisHour - 3600);
    expect(dpi.length).toBeGreaterThan(0);
    expect(new Set(dpi.map((item) => JSON.stringify(item))).size).toBe(dpi.length);
    expect((await fleet.status("primary")).push).toMatchObject({ status: "success" });
  });

  test("its certificate is revoked: it waits for approval again, and joins with the new one", async () => {
    await fleet.controller("revoke", "fw1");
    const waiting = await fleet.untilStatus(
      "primary",
      "waiting for approval",
      ({ phase }) => phase === "waiting",
      180_000,
    );
    expect((await fleet.status("primary")).reason).toContain("approval");
    await fleet.controller("approve", "fw1");
    note(
      "certificate revoked",
      `waits for approval after ${waiting} ms; approved: joined`,
      await fleet.untilConnected("primary", 60_000),
    );
  });

  test("another unit has its id: exit code 4, no account, no restart loop, and the reason stays visible", async () => {
    await fleet.controller("fault", "409");
    await lab.sh("primary", "/etc/init.d/ns-plug restart");
    const ms = await fleet.untilStatus(
      "primary",
      "the reason is the id",
      ({ reason }) => reason?.includes("unit_id") === true,
    );
    expect(await lab.sh("primary", "uci -q get rpcd.controller.username || echo none")).toBe("none");
    const direct = await lab.exec("primary", ["ns-plug"], { ok: "any", timeoutMs: 40_000 });
    expect(direct.code).toBe(4);
    expect(direct.stderr).toContain("already has another unit");
    const requests = async (): Promise<number> =>
      Number(await lab.sh("controller", "grep -c /api/units/register /var/log/lab-requests.jsonl"));
    const before = await requests();
    // procd restarts after five seconds, so a restart loop would send more requests within 12 s.
    const until12 = performance.now() + 12_000;
    await until(() => performance.now() > until12, { what: "12 s have passed", timeoutMs: 15_000, everyMs: 500 });
    expect((await requests()) - before).toBeLessThan(3);
    expect((await fleet.status("primary")).reason).toContain("unit_id");
    await fleet.controller("fault", "none");
    await lab.sh("primary", "/etc/init.d/ns-plug restart");
    note(
      "duplicate unit_id",
      `exit code 4, said why after ${ms} ms; joined when it was over`,
      await fleet.untilConnected("primary", 60_000),
    );
  });
});

describe("the way there", () => {
  test("no DNS when it boots: it says so, and joins when there is one, with no help", async () => {
    lab.pause("internet", "dnsmasq");
    await lab.kill("primary");
    await lab.boot("primary");
    const ms = await fleet.untilStatus(
      "primary",
      "the reason is the name",
      ({ phase, reason }) => phase === "failed" && /controller\.nethsec\.test/.test(reason ?? ""),
      60_000,
    );
    lab.resume("internet", "dnsmasq");
    note(
      "no DNS at boot",
      `said so after ${ms} ms; joined when there was one`,
      await fleet.untilConnected("primary", 120_000),
    );
  });

  test("its clock is years behind: the reason says to check the clock", async () => {
    lab.setClock("primary", { wall: -5 * 365 * 86_400, monotonic: 0 });
    await lab.kill("primary");
    await lab.boot("primary");
    const ms = await fleet.untilStatus(
      "primary",
      "the reason is the clock",
      ({ reason }) => /not valid yet/.test(reason ?? "") && /clock/.test(reason ?? ""),
      60_000,
    );
    lab.setClock("primary", { wall: 0, monotonic: 0 });
    await lab.kill("primary");
    await lab.boot("primary");
    note(
      "clock five years behind",
      `said so after ${ms} ms; joined when it was right`,
      await fleet.untilConnected("primary", 60_000),
    );
  });
});
