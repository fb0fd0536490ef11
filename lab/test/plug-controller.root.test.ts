/** ns-plug and its controller: from an empty unit to a tunnel with logs and reports in it, controllers that misbehave, and back to an empty unit. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Fleet, type JoinCode } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(240_000));

let lab: Lab;
let fleet: Fleet;
let join: JoinCode;
const table: string[] = [];

beforeAll(async () => {
  lab = await Lab.up({ name: `plugc${process.pid}` });
  fleet = new Fleet(lab);
  join = await fleet.addUnit("fw1");
});
afterAll(async () => {
  console.log(["", "fault | what the unit did | ms", ...table, ""].join("\n"));
  await lab?.down();
});

const note = (fault: string, did: string, ms: number): void => void table.push(`${fault} | ${did} | ${ms}`);

describe("from an empty unit to connected, by the documented commands", () => {
  test("without its options it says which one is missing and ends with 1, 2, 3", async () => {
    for (const [option, code] of [
      ["server", 1],
      ["unit_id", 2],
      ["token", 3],
    ] as const) {
      const run = await lab.exec("primary", ["ns-plug"], { ok: "any" });
      expect(run.code).toBe(code);
      expect(run.stderr).toContain(`ns-plug.config.${option} is not set`);
      await lab.sh("primary", `uci set ns-plug.config.${option}=x`);
    }
    await lab.sh("primary", "uci revert ns-plug");
  });

  test("it waits for approval, and joins within one poll when it is approved", async () => {
    await fleet.join("primary", join);
    await fleet.untilStatus(
      "primary",
      "waiting for approval",
      ({ phase, reason }) => phase === "waiting" && reason?.includes("approval") === true,
    );
    expect(await lab.sh("primary", "uci -q get rpcd.controller.password || echo none")).toBe("none");
    await fleet.controller("approve", "fw1");
    const ms = await fleet.untilConnected("primary", 20_000);
    note("approval after 403s", "joined at the next poll", ms);
  });

  test("the controller reaches the unit through the tunnel, both ways", async () => {
    const { address = "" } = await fleet.status("primary");
    expect(address).toStartWith("172.21.");
    await lab.exec("controller", ["ping", "-c", "3", "-i", "0.2", "-W", "2", address]);
    await lab.sh(
      "primary",
      "mkdir -p /tmp/web; echo from-the-unit >/tmp/web/index.html; busybox httpd -p 8099 -h /tmp/web",
    );
    expect(await lab.sh("controller", `busybox wget -q -O - http://${address}:8099/index.html`)).toBe("from-the-unit");
    expect(await lab.sh("primary", "stat -c %a /usr/share/ns-plug/client.conf")).toBe("600");
    // Traffic for the controller must not leave by a WAN.
    expect(await lab.sh("primary", "nft list chain inet fw4 output | grep Controller-only")).toMatch(
      /oifname .*172\.21\.0\.1 .*5000.*handle_reject/,
    );
  });

  test("a second client, typed while the service runs, says so and leaves the tunnel alone", async () => {
    const before = await lab.sh("primary", "ns-plug status --json; pidof openvpn");
    const typed = await lab.exec("primary", ["timeout", "-s", "INT", "15", "ns-plug"], { ok: "any" });
    expect(typed.stderr).toContain("runs already");
    expect(typed.code).toBe(6);
    expect(await lab.sh("primary", "ns-plug status --json; pidof openvpn")).toBe(before);
  });

  test("a client that was killed leaves a tunnel that its successor replaces", async () => {
    const openvpn = await lab.sh("primary", "pidof openvpn");
    await lab.sh("primary", "kill -9 $(cat /var/run/procd/services/ns-plug/instance1/pid)");
    const ms = await fleet.untilStatus(
      "primary",
      "connected by another client",
      ({ phase, address }) => phase === "connected" && address !== undefined,
    );
    expect(await lab.sh("primary", "pidof openvpn")).not.toBe(openvpn);
    expect(await lab.sh("primary", "pgrep -c -x openvpn")).toBe("1");
    note("client killed", "its successor joins again", ms);
  });

  test("the password that the controller got opens a session here, and each start makes a new one", async () => {
    const check = async (): Promise<string> => {
      const [unit] = JSON.parse(await fleet.controller("list")).units;
      const hash = await lab.sh("primary", "uci get rpcd.controller.password");
      const salt = hash.split("$")[2] ?? "";
      const { stdout } = await lab.exec("primary", ["openssl", "passwd", "-6", "-salt", salt, "-stdin"], {
        stdin: unit.registered.password,
      });
      expect(stdout.trim()).toBe(hash);
      expect(unit.registered.username).toBe(await lab.sh("primary", "uci get rpcd.controller.username"));
      return unit.registered.password;
    };
    const first = await check();
    await lab.sh("primary", "/etc/init.d/ns-plug restart");
    await until(async () => JSON.parse(await fleet.controller("list")).units[0].registered.password !== first, {
      what: "a new password",
      timeoutMs: 20_000,
    });
    await fleet.untilConnected("primary");
    expect(await check()).not.toBe(first);
    const seen = await lab.sh("primary", "cat /proc/*/cmdline /var/log/messages 2>/dev/null | tr '\\0' ' '");
    expect(seen).not.toContain(first);
    expect(seen).not.toContain(join.token);
  });

  test("the unit's facts and reports arrive; finished hours once", async () => {
    const ingested = async (dump: string): Promise<string> =>
      lab.sh("controller", `grep -c '"dump":"${dump}"' /var/log/lab-ingested.jsonl || true`);
    await until(async () => Number(await ingested("info")) > 0, { what: "the unit's facts at the controller" });
    await lab.sh(
      "primary",
      'dir=/var/run/dpireport/$(date -d @$(($(date +%s) - 7200)) +%Y/%m/%d)/192.168.100.50; mkdir -p $dir; echo \'{"total":7,"protocol":{"dns":7},"application":{},"host":{}}\' >$dir/$(date -d @$(($(date +%s) - 7200)) +%H).json',
    );
    await lab.exec("primary", ["ns-push-reports"]);
    await lab.exec("primary", ["ns-push-reports"]);
    expect(await ingested("dump-nsplug-config")).toBe("2");
    expect(await lab.sh("primary", "ns-plug status")).toMatch(/^Last push: [\d.]+ m?s ago$/m);
    expect(await ingested("dump-dpi-stats")).toBe("1");
    expect(await lab.sh("controller", "grep dump-dpi-stats /var/log/lab-ingested.jsonl")).toContain(
      '"client_address":"192.168.100.50"',
    );
  });
});

describe("the unit's log at the controller", () => {
  /** Host name and message of each line that arrived, from octet-counted RFC 5424 frames; an incomplete frame is ignored. */
  const forwarded = async (): Promise<{ host: string; text: string }[]> => {
    const script = 'for file in /var/log/forwarded/*; do base64 -w 0 "$file"; echo; done';
    const connections = (await lab.sh("controller", script)).split("\n");
    return connections.flatMap((connection) => frames(Buffer.from(connection, "base64")));
  };
  const frames = (bytes: Buffer): { host: string; text: string }[] => {
    const lines: { host: string; text: string }[] = [];
    for (let at = 0; ;) {
      const blank = bytes.indexOf(0x20, at);
      if (blank < 0) return lines;
      const count = bytes.subarray(at, blank).toString("latin1");
      expect(count).toMatch(/^[1-9]\d{0,4}$/);
      at = blank + 1 + Number(count);
      if (at > bytes.length) return lines;
      const frame = bytes.subarray(blank + 1, at).toString("utf8");
      const fields = /^<\d+>1 \d{4}-\S+ (\S+) \S+ \S+ \S+ \S+ ?([\s\S]*)$/.exec(frame);
      expect(fields).not.toBeNull();
      lines.push({ host: fields?.[1] ?? "", text: fields?.[2]?.trim() ?? "" });
    }
  };
  const arrived = async (word: string): Promise<string[]> =>
    (await forwarded()).map(({ text }) => text).filter((text) => text.startsWith(word));
  /** Logs `count` lines; returns the milliseconds until all are in the local log. */
  const logLines = async (word: string, count: number): Promise<number> => {
    const started = performance.now();
    await lab.sh("primary", `seq -f '${word}-%.0f.' ${count} | logger -t probe`, { timeoutMs: 60_000 });
    await until(
      async () =>
        (await lab.sh(
          "primary",
          `cat /var/log/messages.1 /var/log/messages 2>/dev/null | grep -c 'probe: ${word}-'`,
        )) === String(count),
      {
        what: `${count} lines are in the local log`,
        timeoutMs: 60_000,
      },
    );
    return Math.round(performance.now() - started);
  };

  test("each line once, framed, under the unit's full name", async () => {
    await lab.sh(
      "primary",
      "uci set system.@system[0].hostname=fw1.example.org; uci commit system; /etc/init.d/system reload; /etc/init.d/rsyslog restart",
    );
    const listens = "logger -t probe listening. && grep -q 'probe: listening' /var/log/messages";
    await until(async () => (await lab.exec("primary", ["sh", "-c", listens], { ok: "any" })).code === 0, {
      what: "the local log works again",
    });
    await logLines("first", 200);
    await until(async () => (await arrived("first-")).length >= 200, {
      what: "200 lines at the controller",
      timeoutMs: 20_000,
    });
    expect((await arrived("first-")).toSorted()).toEqual(
      Array.from({ length: 200 }, (_, index) => `first-${index + 1}.`).toSorted(),
    );
    expect((await forwarded()).find(({ text }) => text === "first-1.")?.host).toBe("fw1.example.org");
  });

  test("a line that is cut: what is logged meanwhile waits, on disk too, and arrives afterwards, each line once", async () => {
    await lab.cut("controller", "net");
    await fleet.untilStatus("primary", "the tunnel is down", ({ phase }) => phase === "connecting", 60_000);
    await logLines("meanwhile", 20_000);
    const waiting = Number(await lab.sh("primary", "cat /var/run/forward-promtail.0* | wc -c"));
    expect(waiting).toBeGreaterThan(100_000);
    await lab.heal("controller", "net");
    const started = performance.now();
    await fleet.untilConnected("primary", 60_000);
    await until(async () => (await arrived("meanwhile-")).length >= 20_000, {
      what: "all lines are at the controller",
      timeoutMs: 90_000,
      everyMs: 1000,
    });
    const took = Math.round(performance.now() - started);
    note("line cut for 20,000 lines of log", `${Math.round(waiting / 1024)} kB waited on disk, all arrived once`, took);
    const lines = await arrived("meanwhile-");
    expect([lines.length, new Set(lines).size]).toEqual([20_000, 20_000]);
  });

  test("a connection that is reset in the middle of a stream, again and again: no line twice", async () => {
    const lines = logLines("reset", 20_000);
    for (let times = 0; times < 5; times += 1) {
      const before = Number(await lab.sh("controller", "ls /var/log/forwarded | wc -l"));
      // The listening socat has the smallest PID; kill only its children.
      await lab.sh("controller", "pgrep -x socat | sort -n | tail -n +2 | xargs -r kill -9 2>/dev/null || true");
      await until(
        async () => {
          await lab.sh("primary", "logger -t probe still-there.");
          return Number(await lab.sh("controller", "ls /var/log/forwarded | wc -l")) > before;
        },
        { what: "the next connection", timeoutMs: 30_000, everyMs: 300 },
      );
    }
    await lines;
    await lab.sh("primary", "logger -t probe last-of-all.");
    await until(async () => (await arrived("last-of-all")).length > 0, { what: "the last line", timeoutMs: 60_000 });
    const came = await arrived("reset-");
    table.push(`log connection reset five times | ${came.length} of 20,000 lines arrived, none twice |`);
    expect(new Set(came).size).toBe(came.length);
    expect(came.length).toBeGreaterThan(15_000);
  });

  test("a controller that is away for 40,000 lines slows the local log by nothing; then lines arrive again, none twice", async () => {
    const usual = await logLines("usual", 20_000);
    lab.signal("controller", "socat", "SIGSTOP");
    const away = await logLines("away", 40_000);
    note("controller takes no logs", "40,000 lines logged locally (20,000 before: the figure in brackets)", away);
    table.push(`(20,000 lines before) | | ${usual}`);
    expect(away).toBeLessThan(usual * 4 + 5000);
    expect(Number(await lab.sh("primary", "cat /var/run/forward-* 2>/dev/null | wc -c"))).toBeLessThan(20 * 1024 ** 2);
    lab.signal("controller", "socat", "SIGCONT");
    await until(
      async () => {
        await lab.sh("primary", "logger -t probe back-again.");
        return (await arrived("back-")).length > 0;
      },
      { what: "lines arrive again", timeoutMs: 60_000, everyMs: 1000 },
    );
    const lines = (await forwarded()).map(({ text }) => text).filter((text) => /^(first|usual|away)-/.test(text));
    expect(new Set(lines).size).toBe(lines.length);
  });
});

describe("a controller that misbehaves", () => {
  test.each([
    ["500", /answers 500/],
    ["429", /rate/],
    ["garbage", /not JSON|answers|too large/],
    ["html", /not JSON/],
    ["truncated", /not JSON/],
    ["redirect", /redirect/i],
    ["endless", /large|longer|bytes|limit/i],
    ["slow", /no complete answer within 20 s/],
    ["hostile", /cannot be used/],
  ] as const)(
    "%s: it says why, does nothing else, and joins when that is over",
    async (fault, reason) => {
      await fleet.controller("fault", fault);
      await lab.sh("primary", "/etc/init.d/ns-plug restart");
      const seen = await fleet.untilStatus(
        "primary",
        `its reason is ${String(reason)}`,
        (status) => reason.test(status.reason ?? ""),
        40_000,
      );
      expect(await lab.sh("primary", "ls /tmp/owned /tmp/x.so 2>/dev/null | wc -l")).toBe("0");
      await fleet.controller("fault", "none");
      await lab.sh("primary", "/etc/init.d/ns-plug restart");
      const joined = await fleet.untilConnected("primary", 40_000);
      note(`controller answers: ${fault}`, `said why after ${seen} ms; joined when it was over`, joined);
    },
    paced(120_000),
  );

  test("a certificate that this unit does not trust: it says so; tls_verify 0 joins all the same, and warns", async () => {
    const bundle = "/etc/ssl/certs/ca-certificates.crt";
    const restart = "/etc/init.d/ns-plug restart";
    await lab.sh(
      "primary",
      `cp ${bundle} /root/bundle; openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=other -out ${bundle} 2>/dev/null; ${restart}`,
    );
    const ms = await fleet.untilStatus(
      "primary",
      "the authority is named",
      ({ reason }) => reason?.includes("authority that this machine does not trust") === true,
    );
    await lab.sh("primary", `uci set ns-plug.config.tls_verify=0; uci commit ns-plug; ${restart}`);
    await fleet.untilConnected("primary", 40_000);
    expect(await lab.sh("primary", "ns-plug status")).toContain("Warning: TLS verification is off");
    expect(await lab.sh("primary", "grep -c 'TLS verification of the controller is off' /var/log/messages")).toBe("1");
    await lab.sh(
      "primary",
      `cp /root/bundle ${bundle}; uci delete ns-plug.config.tls_verify; uci commit ns-plug; ${restart}`,
    );
    note("certificate of an unknown authority", "said so; with tls_verify 0 it joined and warned", ms);
  });

  test("a wrong token: it keeps polling and says that the token is wrong", async () => {
    await lab.sh("primary", "uci set ns-plug.config.token=wrong; uci commit ns-plug; /etc/init.d/ns-plug restart");
    const ms = await fleet.untilStatus(
      "primary",
      "the token is named",
      ({ phase, reason }) => phase === "waiting" && reason?.includes("token") === true,
    );
    note("wrong token", "keeps polling, names the token", ms);
    await fleet.join("primary", join);
    await fleet.untilConnected("primary", 40_000);
  });
});

describe("the end of it", () => {
  test("the documented reset leaves the unit clean", async () => {
    await lab.sh(
      "primary",
      "uci delete rpcd.controller; uci commit rpcd; uci set ns-plug.config.server=''; uci set ns-plug.config.unit_id=''; uci set ns-plug.config.token=''; " +
        "uci commit ns-plug; uci delete rsyslog.promtail; uci commit rsyslog; rm -f /usr/share/ns-plug/client.conf; reload_config",
    );
    await until(async () => (await lab.sh("primary", "ip -br link | grep -c tun-nsplug || true")) === "0", {
      what: "the tunnel is gone",
      timeoutMs: 20_000,
    });
    expect((await fleet.status("primary")).status).toBe("unregistered");
    expect(await lab.sh("primary", "uci -q get rpcd.controller.username || echo none")).toBe("none");
    const left =
      "grep omfwd /var/etc/rsyslog.conf; ss -Htn state established | grep :6514; uci show firewall | grep ns_controller_guard; nft list ruleset | grep -i controller-only; true";
    await until(async () => (await lab.sh("primary", left)) === "", {
      what: "no forwarding and no rule is left",
      timeoutMs: 20_000,
    });
  });

  test("ns-plug reset does it in one step", async () => {
    await fleet.join("primary", join);
    await fleet.untilConnected("primary", 60_000);
    await lab.exec("primary", ["ns-plug", "reset"]);
    expect(
      await lab.sh(
        "primary",
        "ip -br link | grep tun-nsplug; ls /usr/share/ns-plug/client.conf 2>/dev/null; uci show rpcd.controller 2>/dev/null; uci show rsyslog.promtail 2>/dev/null; true",
      ),
    ).toBe("");
  });
});
