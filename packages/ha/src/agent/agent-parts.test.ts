/** The small pure parts of the agent: keepalived's output, frames, rows of services, alerts, history, differences. */
import { describe, expect, test } from "bun:test";
import { NethsecError } from "@nethsec/host/error";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import type { DrillCheck } from "../cluster/agent-schemas.ts";
import { diffEntries } from "../sync/diff.ts";
import { globToRegExp, isCleanPath, matchesAny } from "../sync/path-rules.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { answers, handleAgentRequest } from "./agent-server.ts";
import { Alerts } from "./alerts.ts";
import { announcements } from "../cluster/announce.ts";
import { parseConntrackdStatistics } from "./conntrackd-state.ts";
import { History, mergeHistory } from "./history.ts";
import { PrimaryAlert } from "./primary-alert.ts";
import { parseServiceList } from "./running-services.ts";
import { readServiceTable, servicesOfPaths, switchedOn, yields } from "../cluster/service-table.ts";
import { becameMasterAgain } from "./vrrp-tracker.ts";
import { isRivalLine, parseDump, parseFifoLine } from "./vrrp.ts";

describe("keepalived", () => {
  test.each([
    ['INSTANCE "master" MASTER 200', "master"],
    ['INSTANCE "master" BACKUP 200', "backup"],
    ['INSTANCE "master" FAULT 200', "fault"],
    ['INSTANCE "master" STOP 200', "unknown"],
    ['INSTANCE "backup" MASTER 200', undefined],
    ['GROUP "master" MASTER 200', undefined],
    ['INSTANCE "mas', undefined],
  ])("%s", (line, state) => expect(parseFifoLine(line, "master")).toBe(state as never));

  test("another master of lower priority is told apart", () => {
    expect(isRivalLine('INSTANCE "master" MASTER_RX_LOWER_PRI 200', "master")).toBe(true);
    expect(parseFifoLine('INSTANCE "master" MASTER_RX_LOWER_PRI 200', "master")).toBeUndefined();
  });

  test("a dump gives state and counters; half of one gives nothing", () => {
    const dump = JSON.stringify([{ data: { iname: "master", state: 2 }, stats: { become_master: 1, advert_sent: 9 } }]);
    expect(parseDump(dump, "master")).toEqual({ state: "master", stats: { become_master: 1, advert_sent: 9 } });
    expect(parseDump(dump, "other")).toBeUndefined();
    expect(parseDump(dump.slice(0, 30), "master")).toBeUndefined();
  });

  test.each([
    ["12 1", "12 2", true],
    ["12 2", "12 1", false], // a reload resets the counters
    ["12 1", "13 1", false],
    ["hinted", "12 1", false],
  ])("from life %s to %s: became master again %s", (before, now, again) =>
    expect(becameMasterAgain(before, now)).toBe(again),
  );
});

test("an announcement of an IPv4 address is a gratuitous ARP (RFC 5227), of an IPv6 address a neighbour advertisement (RFC 4861)", () => {
  const [arp, na, ...others] = announcements("02:00:00:00:00:0a", ["203.0.113.10", "2001:db8::1", "fe80::1"]);
  expect(others).toEqual([]);
  expect(Buffer.from(arp ?? []).toString("hex")).toBe(
    "ffffffffffff02000000000a0806000108000604000102000000000acb00710a000000000000cb00710a",
  );
  const text = Buffer.from(na ?? []).toString("hex");
  expect(text.startsWith("33330000000102000000000a86dd6000000000203aff20010db8000000000000000000000001ff02")).toBe(
    true,
  );
  // The checksum over pseudo-header and body, with the sum itself, is zero (RFC 1071).
  const bytes = na ?? new Uint8Array();
  const body = [...bytes.slice(22, 54), 0, 0, 0, bytes.length - 54, 0, 0, 0, 58, ...bytes.slice(54)];
  let sum = 0;
  for (let at = 0; at < body.length; at += 2) sum += ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  expect(sum).toBe(0xffff);
});

describe("services", () => {
  test("rows of a user add to the table and replace what they set, and no more", () => {
    using host = fakeHost({
      files: {
        "/etc/config/ns-ha":
          "config service 'squid'\n\toption passive 'stop'\n\toption synced 'restart'\n\tlist files '/etc/squid'\n" +
          "config service 'snmpd'\n\toption active 'none'\n\toption passive 'nonsense'\n",
        "/etc/config/banip": "config banip 'global'\n\toption ban_enabled '0'\n",
      },
    });
    const table = readServiceTable(host.uci.load("ns-ha"));
    const row = (name: string) => table.find((found) => found.name === name);
    expect(row("squid")).toMatchObject({
      active: "restart",
      passive: "stop",
      synced: "restart",
      files: ["/etc/squid"],
    });
    expect(row("snmpd")).toMatchObject({ active: "none", passive: "stop", process: true });
    expect(servicesOfPaths(table, ["/etc/squid/a", "/etc/squidward", "/etc/config/firewall"])).toEqual([
      { name: "firewall", action: "reload" },
      { name: "squid", action: "restart" },
    ]);
    const banip = row("banip");
    const dedalo = row("dedalo");
    expect(banip !== undefined && switchedOn(banip, (pkg) => host.uci.load(pkg))).toBe(false);
    expect(dedalo !== undefined && switchedOn(dedalo, (pkg) => host.uci.load(pkg))).toBe(true);
    // dpireport refuses to start beside ns-stats: restarting it again and again would never end.
    const dpireport = readServiceTable(undefined).find(({ name }) => name === "dpireport");
    expect(dpireport !== undefined && yields(dpireport, (name) => name === "ns-stats")).toBe(true);
    expect(dpireport !== undefined && yields(dpireport, () => false)).toBe(false);
  });

  test("procd's list: running, fallen, nothing to run", () => {
    const list = {
      a: { instances: { i: { running: true } } },
      b: { instances: { i: { running: false } } },
      c: { instances: {} },
      d: {},
    };
    expect([...(parseServiceList(JSON.stringify(list)) ?? [])]).toEqual([
      ["a", true],
      ["b", false],
    ]);
    expect(parseServiceList("Command failed")).toBeUndefined();
  });
});

describe("alerts", () => {
  const subscription = { "/etc/config/ns-plug": "config main 'config'\n\toption system_id 'x'\n\toption secret 's'\n" };
  async function delivered(
    files: Record<string, string>,
    play: (alerts: Alerts) => void,
    codes: number[] = [],
  ): Promise<string[]> {
    using host = fakeHost({ files });
    const sent: string[] = [];
    host.program("send-alert", ({ args }) => {
      sent.push(args.filter((arg) => arg !== "--again").join(" "));
      return { code: codes.shift() ?? 0 };
    });
    for (let life = 0; life < 2; life += 1) {
      const alerts = new Alerts(host);
      if (life === 0) play(alerts);
      const end = new AbortController();
      const running = alerts.run(end.signal);
      for (let round = 0; round < 4; round += 1) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await host.clock.advance(400_000);
      }
      end.abort();
      await running;
    }
    return sent;
  }

  test("each state once, across a restart; the first OK of all is no news", async () => {
    expect(
      await delivered(subscription, (alerts) => {
        alerts.set("ha:sync:failed", "OK");
        alerts.set("ha:primary:failed", "FAILURE");
        alerts.set("ha:primary:failed", "FAILURE");
      }),
    ).toEqual(["ha:primary:failed FAILURE"]);
  });

  test("the times of failures and recoveries are in /var/state", () => {
    using host = fakeHost({ files: { "/etc/config/keepalived": "config vrrp_instance 'backup'\n", "/var/x": "" } });
    const alerts = new Alerts(host);
    alerts.set("ha:primary:failed", "FAILURE");
    host.clock.setWallClock(host.clock.now() + 60_000);
    alerts.set("ha:primary:failed", "OK");
    alerts.set("ha:sync:failed", "FAILURE");
    const at = Date.UTC(2026, 0, 1) / 1000;
    const state = host.uci.readState("keepalived").section("ha_alert");
    expect(
      ["primary_failed_at", "primary_recovered_at", "sync_failed_at", "sync_recovered_at"].map((name) =>
        state?.get(name),
      ),
    ).toEqual([String(at), String(at + 60), String(at + 60), undefined]);
  });

  test("what cannot be handed over is tried again", async () => {
    expect(await delivered(subscription, (alerts) => alerts.set("ha:sync:failed", "FAILURE"), [1])).toEqual([
      "ha:sync:failed FAILURE",
      "ha:sync:failed FAILURE",
    ]);
  });

  test("the end of what nobody was told of is not told when a subscription comes", async () => {
    using host = fakeHost();
    const alerts = new Alerts(host);
    alerts.set("ha:sync:failed", "FAILURE");
    expect(alerts.pending).toEqual(["ha:sync:failed"]);
    alerts.set("ha:sync:failed", "OK");
    expect(alerts.pending).toEqual([]);
  });

  test("one that cannot be handed over holds up no other", async () => {
    const both = (alerts: Alerts): void => {
      alerts.set("ha:sync:failed", "FAILURE");
      alerts.set("ha:primary:failed", "FAILURE");
    };
    expect((await delivered(subscription, both, [1, 0, 1, 1])).slice(0, 3)).toEqual([
      "ha:sync:failed FAILURE",
      "ha:primary:failed FAILURE",
      "ha:sync:failed FAILURE",
    ]);
  });

  test.each(["list mail 'admin@example.org'", "option webhook_url 'https://example.org/'"])(
    "without a subscription, but with %s, it is",
    async (receiver) => {
      const files = { "/etc/config/ns-plug": `config alerts 'alerts'\n\t${receiver}\n` };
      const sent = await delivered(files, (alerts) => alerts.set("ha:primary:failed", "FAILURE"));
      expect(sent).toEqual(["ha:primary:failed FAILURE"]);
    },
  );

  test("without a subscription nothing is sent", async () => {
    expect(await delivered({}, (alerts) => alerts.set("ha:sync:failed", "FAILURE"))).toEqual([]);
  });
});

describe("the agent's socket", () => {
  test("what takes long says something before it has an answer, so that the connection stays open", async () => {
    const { promise: found, resolve } = Promise.withResolvers<DrillCheck[]>();
    const response = await handleAgentRequest(
      [answers(agentEndpoints.drill, async () => ({ checks: await found }))],
      new Request("http://agent/drill"),
    );
    const reader = response.body?.getReader();
    expect(await reader?.read()).toEqual({ done: false, value: new TextEncoder().encode("\n") });
    resolve([]);
    const rest = await reader?.read();
    expect(new TextDecoder().decode(rest?.value)).toBe('{"checks":[]}\n');
  });

  test("a refusal that comes late is told as one", async () => {
    const error = new NethsecError({ code: "switch_refused", message: "No switchover.", advice: "Wait." });
    const request = new Request("http://agent/switch", { method: "POST", body: '{"to":"backup"}' });
    const response = await handleAgentRequest([answers(agentEndpoints.switch, () => Promise.reject(error))], request);
    expect(JSON.parse(await response.text())).toEqual({
      refused: { error: "switch_refused", message: "No switchover.", advice: "Wait." },
    });
  });
});

describe("ha:primary:failed", () => {
  const transitions = (role: "primary" | "backup", steps: (alert: PrimaryAlert) => void): object => {
    using host = fakeHost();
    const alerts = new Alerts(host);
    const alert = new PrimaryAlert({ host, alerts, config: { role } }, false);
    steps(alert);
    return JSON.parse(host.files.readText("/etc/ns-ha/alerts.json") ?? "{}");
  };
  const told = (status: string, delivered: boolean): object => ({ "ha:primary:failed": { status, delivered } });

  test("a takeover is the backup's to say, its end the primary's", () => {
    expect(transitions("backup", (alert) => alert.onState({ before: "backup", state: "master" }))).toEqual(
      told("FAILURE", false),
    );
    const back = (alert: PrimaryAlert): void => {
      alert.onState({ before: "unknown", state: "master" });
      alert.onState({ before: "master", state: "fault" });
      alert.onState({ before: "fault", state: "master" });
    };
    expect(transitions("primary", back)).toEqual(told("OK", false));
  });

  test("a planned one is no failure, on either node, and its end no news", () => {
    const announced = (alert: PrimaryAlert): void => {
      alert.expects(true);
      alert.onState({ before: "backup", state: "master" });
    };
    expect(transitions("backup", announced)).toEqual({});
    const back = (alert: PrimaryAlert): void => {
      alert.onState({ before: "unknown", state: "master" });
      alert.handsOver(true);
      alert.onState({ before: "master", state: "fault" });
      alert.onState({ before: "fault", state: "master" });
    };
    expect(transitions("primary", back)).toEqual(told("OK", true));
  });

  test("a takeover while the other node is in maintenance is no failure", () => {
    using host = fakeHost();
    const alert = new PrimaryAlert({ host, alerts: new Alerts(host), config: { role: "backup" } }, false, () => true);
    alert.onState({ before: "backup", state: "master" });
    expect(host.files.exists("/etc/ns-ha/alerts.json")).toBe(false);
  });

  test("an announcement that was taken back, or is old, counts no more", () => {
    const takenBack = (alert: PrimaryAlert): void => {
      alert.expects(true);
      alert.expects(false);
      alert.onState({ before: "backup", state: "master" });
    };
    expect(transitions("backup", takenBack)).toEqual(told("FAILURE", false));
  });
});

test("history is a ring that skips damaged lines, and merges both nodes by time", () => {
  using host = fakeHost();
  const history = new History(host);
  for (let turn = 0; turn < 2000; turn += 1)
    history.add({ node: "primary", kind: "transition", text: `turn ${turn} ${"x".repeat(60)}` });
  host.files.append("/etc/ns-ha/history.jsonl", '{"at": 1, "no');
  expect(history.list(2).map(({ text }) => text.split(" ")[1])).toEqual(["1998", "1999"]);
  const sizes = ["", ".1"].map((end) => host.files.stat(`/etc/ns-ha/history.jsonl${end}`)?.size ?? 0);
  expect(Math.max(...sizes)).toBeLessThan(70_000);
  const entry = (at: number, node: "primary" | "backup") => ({ at, node, kind: "sync" as const, text: "t" });
  expect(
    mergeHistory([entry(1, "primary"), entry(3, "primary")], [entry(2, "backup"), entry(1, "primary")], 2),
  ).toEqual([entry(2, "backup"), entry(3, "primary")]);
});

test("differences between the nodes, by kind", () => {
  const file = (path: string, rest: object = {}) => ({
    path,
    type: "file" as const,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 1,
    sha256: "a".repeat(64),
    ...rest,
  });
  const here = [file("/a"), file("/b"), file("/c"), file("/d"), file("/e")];
  const there = [
    file("/a"),
    file("/b", { sha256: "b".repeat(64) }),
    file("/c", { mode: 0o600 }),
    file("/d", { uid: 5 }),
    file("/f"),
  ];
  expect(diffEntries(here, there).map(({ path, change }) => [path, change])).toEqual([
    ["/b", "different"],
    ["/c", "mode"],
    ["/d", "owner"],
    ["/e", "missing"],
    ["/f", "extra"],
  ]);
});

test("patterns of the lists", () => {
  expect(matchesAny("/etc/nginx/a", ["/etc/nginx/"])).toBe(true);
  expect(matchesAny("/etc/nginx2", ["/etc/nginx"])).toBe(false);
  expect(matchesAny("/etc/dropbear/dropbear_rsa_host_key", ["/etc/dropbear/*_host_key"])).toBe(true);
  expect(globToRegExp("/tmp/[!a]?").test("/tmp/bc")).toBe(true);
  expect(globToRegExp("/tmp/*").test("/tmp/a/b")).toBe(true);
  expect(isCleanPath("/a/../b")).toBe(false);
});

test("conntrackd's statistics", () => {
  const text =
    "cache internal:\ncurrent active connections:\t\t  12\n\ncache external:\ncurrent active connections:\t\t   3\n";
  expect(parseConntrackdStatistics(text)).toEqual({ internal: 12, external: 3 });
  expect(parseConntrackdStatistics("")).toBeUndefined();
});
