/** Services of a firewall node: started, watched and stopped as procd does it, whatever order the requests come in. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Lab } from "../../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(60_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `fs${process.pid}` });
});
afterAll(() => lab?.down());

const sh = (script: string): Promise<string> => lab.sh("primary", script);
const succeeds = async (script: string): Promise<boolean> =>
  (await lab.exec("primary", ["sh", "-c", script], { ok: "any" })).code === 0;
/** Process numbers of a stand-in, none, one, or (a fault) more. */
const pids = async (service: string): Promise<string[]> =>
  (await sh(`pgrep -f '^/bin/sh /usr/libexec/lab/standin ${service}$' || :`)).split("\n").filter(Boolean);
const behave = (service: string, text: string): Promise<string> => sh(`echo '${text}' >/etc/lab/standin/${service}`);

test("the node boots in a few seconds, all enabled services run or have done their work", async () => {
  const took = Number(/node boot end (\d+) ms/.exec(await sh("cat /var/log/service-events"))?.[1]);
  console.log(`boot: ${took} ms`);
  // 1 to 2 s on two idle cores. The limit is that of `lab up` as a whole, for a machine that does other things too.
  expect(took).toBeLessThan(paced(15_000));
  for (const service of ["dnsmasq", "dropbear", "rsyslog", "cron", "firewall", "network", "banip", "acme", "system"])
    expect({ service, running: await succeeds(`/etc/init.d/${service} running`) }).toEqual({ service, running: true });
  expect(await succeeds("/etc/init.d/keepalived running")).toBe(false);
  expect(await succeeds("/etc/init.d/keepalived enabled")).toBe(true);
  expect(await succeeds("/etc/init.d/conntrackd enabled")).toBe(false);
});

describe("a daemon", () => {
  test("start, stop, restart, enable, disable tell the truth by their exit codes", async () => {
    const [first] = await pids("snmpd");
    await sh("/etc/init.d/snmpd start");
    expect(await pids("snmpd")).toEqual([first ?? "none"]);
    await sh("/etc/init.d/snmpd restart");
    await until(async () => (await pids("snmpd")).length === 1 && (await pids("snmpd"))[0] !== first, {
      what: "another snmpd",
    });
    expect(await sh("/etc/init.d/snmpd status")).toBe("running");
    await sh("/etc/init.d/snmpd stop");
    expect(await succeeds("/etc/init.d/snmpd running")).toBe(false);
    await until(async () => (await pids("snmpd")).length === 0, { what: "no snmpd" });
    expect(await succeeds("/etc/init.d/snmpd enabled")).toBe(true);
    await sh("/etc/init.d/snmpd disable");
    expect(await succeeds("/etc/init.d/snmpd enabled")).toBe(false);
    await sh("/etc/init.d/snmpd enable; /etc/init.d/snmpd start");
    expect(await succeeds("/etc/init.d/snmpd enabled && /etc/init.d/snmpd running")).toBe(true);
  });

  test("is started again when it dies, and its log goes to syslog", async () => {
    await sh(`cat >/etc/init.d/talker <<'TEXT'
#!/bin/sh /etc/rc.common
START=99
USE_PROCD=1
start_service() {
	procd_open_instance
	procd_set_param command /bin/sh -c 'echo "word with  two blanks, a '"'"' and a \\$HOME: $WORDS"; exec sleep 1000'
	procd_set_param env WORDS="it's \\"so\\""
	procd_set_param stdout 1
	procd_set_param respawn 1 0 0
	procd_close_instance
}
TEXT
chmod +x /etc/init.d/talker; /etc/init.d/talker start`);
    const line = "talker: word with  two blanks, a ' and a $HOME: it's \"so\"";
    const count = async (): Promise<number> =>
      (await sh("grep ' talker: ' /var/log/messages || :")).split("\n").filter((each) => each.endsWith(line)).length;
    await until(async () => (await count()) === 1, { what: "its first line" });
    await sh("kill -9 $(cat /var/run/procd/services/talker/instance1/pid)");
    await until(async () => (await count()) === 2, { what: "its second line" });
    await sh("/etc/init.d/talker stop");
  });

  test("restarts when its configuration changed, not when it did not", async () => {
    const before = await pids("banip");
    await sh("/etc/init.d/banip reload");
    expect(await pids("banip")).toEqual(before);
    await sh("uci set banip.global.ban_feed=other && uci commit banip && reload_config");
    await until(async () => (await pids("banip")).length === 1 && (await pids("banip"))[0] !== before[0], {
      what: "another banip",
    });
  });

  test("after any mix of requests is in the state of the last one, and never runs twice", async () => {
    await behave("snort", "stop_ms=150");
    await sh("/etc/init.d/snort restart");
    await sh(
      "for n in 1 2 3 4 5; do /etc/init.d/snort stop; /etc/init.d/snort start; /etc/init.d/snort restart; done; /etc/init.d/snort stop",
    );
    await until(async () => (await pids("snort")).length === 0, { what: "no snort" });
    expect(await succeeds("/etc/init.d/snort running")).toBe(false);
    await sh("/etc/init.d/snort start; /etc/init.d/snort stop; /etc/init.d/snort start");
    // The one that was stopped may still be ending.
    await until(async () => (await succeeds("/etc/init.d/snort running")) && (await pids("snort")).length === 1, {
      what: "one snort that is the service's",
    });
    // Requests at the same time: one of the two orders, and never two processes.
    await sh("/etc/init.d/snort restart & /etc/init.d/snort stop & wait");
    await sh("/etc/init.d/snort start");
    await until(async () => (await pids("snort")).length === 1, { what: "one snort" });
  });

  test("its next process starts only when the one before has ended", async () => {
    await sh(`cat >/tmp/alone <<'TEXT'
#!/bin/sh
mkdir /tmp/alone.running 2>/dev/null || echo overlap >>/tmp/alone.overlaps
trap 'sleep 0.2; rmdir /tmp/alone.running; exit 0' TERM
echo started >>/tmp/alone.starts
while :; do sleep 0.05; done
TEXT
cat >/etc/init.d/alone <<'TEXT'
#!/bin/sh /etc/rc.common
START=99
USE_PROCD=1
start_service() {
	procd_open_instance
	procd_set_param command /bin/sh /tmp/alone
	procd_close_instance
}
TEXT
chmod +x /etc/init.d/alone; /etc/init.d/alone start`);
    const starts = async (): Promise<number> => Number(await sh("cat /tmp/alone.starts 2>/dev/null | wc -l"));
    for (let round = 1; round <= 3; round++) {
      await until(async () => (await starts()) === round, { what: `start ${round}` });
      await sh("/etc/init.d/alone restart");
    }
    await until(async () => (await starts()) === 4, { what: "the last start" });
    await sh("/etc/init.d/alone stop");
    await until(() => succeeds("test ! -e /tmp/alone.running"), { what: "its end" });
    expect(await succeeds("test -e /tmp/alone.overlaps")).toBe(false);
  });

  test("that ignores SIGTERM is killed after five seconds", async () => {
    await behave("qosify", "hang=stop");
    await sh("/etc/init.d/qosify restart");
    await until(async () => (await pids("qosify")).length === 1, { what: "one qosify" });
    const began = performance.now();
    await sh("/etc/init.d/qosify stop");
    expect(performance.now() - began).toBeLessThan(paced(2000));
    await until(async () => (await pids("qosify")).length === 0, { what: "no qosify", timeoutMs: 9000 });
    expect(performance.now() - began).toBeGreaterThan(4000);
  });
});

describe("a stand-in", () => {
  test("that is slow takes its time, and every action is in the record of events", async () => {
    await behave("ddns", "start_ms=400");
    await sh("/etc/init.d/ddns restart");
    const events = (await sh("grep ' ddns restart ' /var/log/service-events"))
      .split("\n")
      .map((line) => line.split(" "));
    const [begin, end] = events.slice(-2);
    expect([begin?.[3], end?.[3], end?.[4]]).toEqual(["begin", "end", "0"]);
    expect(Number(end?.[0]) - Number(begin?.[0])).toBeGreaterThanOrEqual(390);
  });

  test("that fails says so and does not run", async () => {
    await behave("ddns", "fail=start");
    const { code, stderr } = await lab.exec("primary", ["/etc/init.d/ddns", "restart"], { ok: "any" });
    expect(code).toBe(1);
    expect(stderr).toContain("/etc/lab/standin/ddns");
    await until(async () => !(await succeeds("/etc/init.d/ddns running")), { what: "ddns is down" });
    await behave("ddns", "");
  });

  test("that crashes again and again is given up, and the log says so", async () => {
    await behave("dedalo", "fail=run");
    await sh(
      "sed 's/procd_set_param respawn/procd_set_param respawn 3600 0 2/' /usr/libexec/lab/standin-init >/etc/init.d/dedalo.new; rm /etc/init.d/dedalo; mv /etc/init.d/dedalo.new /etc/init.d/dedalo; chmod +x /etc/init.d/dedalo; /etc/init.d/dedalo restart",
    );
    await until(() => succeeds("grep -q 'dedalo::instance1 is in a crash loop: 3 crashes' /var/log/messages"), {
      what: "the crash loop is noticed",
    });
    expect(await succeeds("/etc/init.d/dedalo running")).toBe(false);
  });

  test("of netifyd greets its clients with a real stream", async () => {
    const text = await sh("timeout 1 socat -u UNIX-CONNECT:/var/run/netifyd/netifyd.sock - | head -c 4000 || :");
    expect(text).toContain('"type":"agent_hello"');
    const [length, line] = text.split("\n");
    expect(Buffer.byteLength(`${line}\n`)).toBe(JSON.parse(length ?? "{}").length);
  });
});

describe("reload_config", () => {
  /** Names of services that were asked to reload since `from` lines of the record. */
  const reloadedSince = async (from: string): Promise<string[]> =>
    [
      ...new Set(
        (await sh(`tail -n +$((${from} + 1)) /var/log/service-events`))
          .split("\n")
          .filter((line) => line.endsWith(" reload begin"))
          .map((line) => line.split(" ")[1] ?? ""),
      ),
    ].toSorted();
  /** How often the service was asked to reload since `from`. */
  const reloads = async (from: string, service: string): Promise<number> =>
    Number(await sh(`tail -n +$((${from} + 1)) /var/log/service-events | grep -c ' ${service} reload begin' || :`));
  const events = (): Promise<string> => sh("wc -l </var/log/service-events");

  test("reloads those that depend on what changed, and nobody twice", async () => {
    const from = await events();
    await sh("uci set adblock.global.adb_dns=other; uci set nginx.global.x=1; uci commit; reload_config");
    await until(async () => (await reloadedSince(from)).length === 2, { what: "two services reloaded" });
    expect(await reloadedSince(from)).toEqual(["adblock", "nginx"]);
    const after = await events();
    await sh("reload_config; sleep 1.3"); // longer than the delay in which a reload would have come
    expect(await reloadedSince(after)).toEqual([]);
  });

  test("does nothing for a service that is stopped; what is not committed counts, as uci show tells it", async () => {
    await sh("/etc/init.d/adblock stop");
    const from = await events();
    await sh("uci set adblock.global.adb_dns=third; uci commit adblock; uci set nginx.global.x=2; reload_config");
    await until(async () => (await reloadedSince(from)).length > 0, { what: "nginx reloaded" });
    expect(await reloadedSince(from)).toEqual(["nginx"]);
    await sh("uci revert nginx; reload_config; /etc/init.d/adblock start");
    const twice = async (): Promise<boolean> => (await reloads(from, "nginx")) === 2;
    await until(twice, { what: "nginx reloaded again, since its value is the old one" });
  });

  test("several changes within the delay are one reload, and each begins the delay anew", async () => {
    const from = await events();
    // Longer than a slow machine needs between two of the changes.
    await sh("echo 5 >/etc/lab/reload-delay");
    await sh("for n in 1 2 3 4; do uci set adblock.global.n=$n; uci commit adblock; reload_config; done");
    expect(await reloads(from, "adblock")).toBe(0);
    await until(async () => (await reloads(from, "adblock")) > 0, { what: "a reload" });
    await until(async () => (await sh("ls /var/run/procd/pending")) === "", { what: "nothing waits" });
    expect(await reloads(from, "adblock")).toBe(1);
    await sh("rm /etc/lab/reload-delay");
  });
});
