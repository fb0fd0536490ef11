/** The lab from its user's view: start it, use it, take it down without leftovers. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { existsSync } from "node:fs";
import { paced } from "@nethsec/host/testing/pace";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { stateRoot } from "../src/state.ts";
import { nodeNames, type NodeName } from "../src/topology.ts";
import { until } from "@nethsec/host/testing/until";
import { hostFacts, namespacesInUse, namespacesOf, tracesOf } from "./traces.ts";

setDefaultTimeout(paced(60_000));

const name = `t${process.pid}`;
const before = hostFacts();
let lab: Lab;
let upMs = 0;

beforeAll(async () => {
  const began = performance.now();
  lab = await Lab.up({ name });
  upMs = performance.now() - began;
});
afterAll(() => lab?.down());

const both: readonly NodeName[] = ["client1", "client2"];

describe("a lab that is up", () => {
  test("came up within 15 s and takes less than 300 MB", async () => {
    expect(upMs).toBeLessThan(paced(15_000));
    expect(await lab.memory()).toBeLessThan(300 * 1024 * 1024);
    console.log(`lab up: ${(upMs / 1000).toFixed(1)} s, ${Math.round((await lab.memory()) / 1024 / 1024)} MB`);
  });

  test("has leased an address to the clients and given them the primary as gateway", async () => {
    expect(await lab.sh("client1", "ip -4 route show default")).toStartWith("default via 192.168.100.238 ");
    expect(await lab.sh("client2", "ip -4 route show default")).toStartWith("default via 192.168.200.185 ");
    const leases = await lab.sh("primary", "cat /tmp/dhcp.leases");
    for (const client of both) expect(leases).toContain(client);
  });

  test("lets the clients fetch a page by name, with a certificate that they verify", async () => {
    for (const client of both)
      expect(await lab.sh(client, "curl --silent --show-error --max-time 5 https://www.example.com/")).toBe(
        "hello from the internet of the lab",
      );
    const { code } = await lab.exec(
      "client1",
      ["curl", "--silent", "--max-time", "5", "--resolve", "wrong.example:443:192.0.2.80", "https://wrong.example/"],
      { ok: "any" },
    );
    expect(code).toBe(60);
  });

  test("shows the translated connection in the primary's table", async () => {
    const address = await lab.sh("client1", "ip -4 -o address show dev eth0 | awk '{ print $4 }' | cut -d/ -f1");
    await lab.sh("client1", "curl --silent --max-time 5 http://192.0.2.80/");
    const table = await lab.sh("primary", "conntrack -L --dst 192.0.2.80 2>/dev/null");
    expect(table).toContain(`src=${address} dst=192.0.2.80`);
    expect(table).toMatch(/src=192\.0\.2\.80 dst=203\.0\.113\.10 /);
  });

  test("resolves the product's names to the lab's servers", async () => {
    expect(await lab.sh("client1", "getent ahostsv4 my.nethesis.it | awk '{ print $1; exit }'")).toBe("192.0.2.20");
    expect(await lab.sh("primary", "getent ahostsv4 my.nethserver.com | awk '{ print $1; exit }'")).toBe("192.0.2.20");
  });

  test("answers a question for an IPv6 address with none: a refusal would make a firewall's dnsmasq doubt the server", async () => {
    const answer = await lab.sh("client1", "busybox nslookup -type=aaaa www.example.com 203.0.113.1 2>&1 || :");
    expect(answer).toContain("Non-authoritative answer");
  });

  test("is not said to have ended to somebody who may not look into it", () => {
    const somebody = spyOn(process, "getuid").mockReturnValue(1000);
    try {
      expect(() => Lab.attach(name)).toThrow("The lab needs root");
    } finally {
      somebody.mockRestore();
    }
  });

  test("tells the time", async () => {
    const asked = Date.now();
    const answer = await lab.sh(
      "client1",
      "printf '\\043%047d' 0 | tr 0 '\\000' | socat -t1 - UDP:0.openwrt.pool.ntp.org:123 | od -An -v -tu1",
    );
    const bytes = Uint8Array.from(answer.trim().split(/\s+/).map(Number));
    const seconds = new DataView(bytes.buffer).getUint32(40) - 2_208_988_800;
    expect(Math.abs(seconds - asked / 1000)).toBeLessThan(3);
  });

  test("accepts root's password on a firewall", async () => {
    const password = { DROPBEAR_PASSWORD: "Nethesis,1234" };
    const { stdout } = await lab.exec("primary", ["dbclient", "-y", "root@192.168.100.239", "echo", "inside"], {
      env: password,
    });
    expect(stdout.trim()).toBe("inside");
  });

  test("hides the host's files from the nodes and lets them change nothing of it", async () => {
    for (const node of nodeNames) {
      expect(
        await lab.sh(
          node,
          "ls /home /opt /etc/ssh; ls -d /root/.pyenv 2>/dev/null; ls /sys/class/net | grep -vx -e lo -e 'eth[0-9]' -e br-lan -e 'tun.*'; :",
        ),
      ).not.toMatch(/^[a-z]/m);
    }
    const written = await lab.exec(
      "primary",
      ["sh", "-c", "echo 1 >/proc/sys/kernel/panic; date -s 2020-01-01; echo x >/etc/lab-was-here; hostname elsewhere"],
      { ok: "any" },
    );
    expect(written.stderr).toMatch(/Read-only file system/);
    expect(written.stderr).toMatch(/Operation not permitted/);
    expect(existsSync("/etc/lab-was-here")).toBe(false);
    expect(hostFacts()).toEqual(before);
  });

  test("leaves no zombie when a daemon's parent ends", async () => {
    await lab.sh("internet", "sh -c 'sleep 0.05 & exit' & wait");
    await until(async () => !(await lab.sh("internet", "ps -eo stat=,args=")).includes("sleep 0.05"), {
      what: "the orphan is gone",
    });
    expect(await lab.sh("internet", "ps -eo stat= | grep -c Z || :")).toBe("0");
  });

  test("may be asked to come up again", async () => {
    expect((await Lab.up({ name })).node("primary").init()).toEqual(lab.node("primary").init());
    await expect(Lab.up({ name, wan: "dhcp" })).rejects.toThrow("is up with --wan static");
  });
});

describe("faults", () => {
  test(
    "a cut cable takes the signal away on both ends and comes back",
    () =>
      story(lab, "cable", async () => {
        const carrier = (): Promise<string> => lab.sh("primary", "cat /sys/class/net/eth1/carrier");
        await lab.cut("primary", "wan");
        expect(await carrier()).toBe("0");
        await lab.heal("primary", "wan");
        expect(await carrier()).toBe("1");
      }),
    paced(20_000),
  );

  test(
    "loss loses about the part asked for, and a probe sees it",
    () =>
      story(lab, "loss", async () => {
        await lab.loss("client1", "lan", 30);
        const text = await lab.sh("client1", "ping -n -q -i 0.005 -c 400 -W 1 192.168.100.238 || :");
        const lost = Number(/([\d.]+)% packet loss/.exec(text)?.[1]);
        // 30% loss in each direction: 51% of pings get no answer. With 400 pings, a deviation above 10 points occurs once in 10,000 runs.
        expect(Math.abs(lost - 51)).toBeLessThan(10);
        await lab.heal();
        expect(await lab.sh("client1", "ping -n -q -i 0.005 -c 50 -W 1 192.168.100.238")).toContain(" 0% packet loss");
      }),
    paced(30_000),
  );

  test(
    "a partition parts two nodes and no others",
    () =>
      story(lab, "partition", async () => {
        const reaches = async (from: NodeName, to: string): Promise<boolean> =>
          (await lab.exec(from, ["ping", "-c", "1", "-W", "1", to], { ok: "any" })).code === 0;
        await lab.partition();
        expect(
          await Promise.all([
            reaches("primary", "192.168.100.239"),
            reaches("client1", "192.168.100.239"),
            reaches("client1", "192.168.100.238"),
          ]),
        ).toEqual([false, true, true]);
        await lab.heal();
        expect(await reaches("primary", "192.168.100.239")).toBe(true);
      }),
    paced(20_000),
  );

  test("each command's answer is one JSON document with --json", () => {
    for (const line of ["cut internet net", "heal", "kill internet iperf3", "boot internet", "logs internet"]) {
      const argv = [
        process.execPath,
        `${import.meta.dirname}/../src/main.ts`,
        ...line.split(" "),
        "--name",
        name,
        "--json",
      ];
      const { exitCode, stdout } = Bun.spawnSync(argv);
      expect([line, exitCode, typeof JSON.parse(stdout.toString())]).toEqual([line, 0, "object"]);
    }
  });

  test("a paused program is stopped, and goes on", async () => {
    const state = (): Promise<string> => lab.sh("internet", "ps -o stat= -C dnsmasq");
    lab.pause("internet", "dnsmasq");
    const paused = await state();
    lab.resume("internet", "dnsmasq");
    expect(paused).toStartWith("T");
    expect(await state()).toStartWith("S");
    expect(() => lab.pause("internet", "nosuch")).toThrow('No process on internet is called "nosuch"');
  });

  test("a full disk takes no byte more, on that node alone, and is freed", async () => {
    await lab.fillDisk("backup", "/tmp");
    const { stderr } = await lab.exec("backup", ["sh", "-c", "echo more >/tmp/more"], { ok: "any" });
    expect(stderr).toContain("No space left on device");
    expect(await lab.sh("primary", "echo more >/tmp/more && cat /tmp/more")).toBe("more");
    await lab.freeDisk("backup", "/tmp");
    expect(await lab.sh("backup", "echo more >/tmp/more && cat /tmp/more")).toBe("more");
  });

  test(
    "a power cut ends everything at once and keeps the disk; a clock set forward counts from the next boot on",
    () =>
      story(lab, "power", async () => {
        await lab.sh("client2", "echo kept >/etc/kept; echo lost >/tmp/lost; sync");
        await lab.kill("client2");
        expect(lab.isOn("client2")).toBe(false);
        await expect(lab.sh("client2", "true")).rejects.toThrow("client2 is off");
        lab.setClock("client2", { wall: 3600, monotonic: 5000 });
        const host = Date.now() / 1000;
        await lab.boot("client2");
        expect(await lab.sh("client2", "cat /etc/kept; ls /tmp/lost 2>/dev/null || :")).toBe("kept");
        expect(Math.abs(Number(await lab.sh("client2", "date +%s")) - host - 3600)).toBeLessThan(10);
        const monotonic =
          "perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e 'print int clock_gettime(CLOCK_MONOTONIC)'";
        expect(
          Math.abs(Number(await lab.sh("client2", monotonic)) - Number(await lab.sh("client1", monotonic)) - 5000),
        ).toBeLessThan(10);
        lab.setClock("client2", { wall: 0, monotonic: 0 });
      }),
    paced(30_000),
  );

  test(
    "a reboot asked for inside boots the node again",
    () =>
      story(lab, "reboot", async () => {
        const before = lab.node("client2").init();
        await lab.exec("client2", ["busybox", "reboot", "-f"], { ok: "any" });
        const after = await until(
          () => {
            const init = lab.node("client2").init();
            return init !== undefined && init.pid !== before?.pid ? init : undefined;
          },
          { what: "client2 has booted again" },
        );
        expect(after).not.toEqual(before!);
        await until(async () => (await lab.sh("client2", "ip -4 -o address show dev eth0")) !== "", {
          what: "client2 has an address",
          timeoutMs: 15_000,
          everyMs: 100,
        });
      }),
    paced(30_000),
  );

  test(
    "the probe notices a cable that was out, on every service",
    () =>
      story(lab, "probe", async () => {
        await using probe = await lab.probe({ from: "client1" }, ["ping", "tcp", "dns", "http"]);
        await lab.cut("client1", "lan");
        await until(() => (probe.outages("ping")[0]?.ms ?? 0) > 600, { what: "the probe notices" });
        await lab.heal("client1", "lan");
        const outage = await probe.outage("ping");
        expect(outage.ms).toBeGreaterThan(500);
        for (const service of ["tcp", "http", "dns"] as const)
          expect((await probe.outage(service)).ms).toBeGreaterThan(500);
        const report = await probe.stop();
        expect(report.streamsBroken).toBe(0);
        expect(report.services.map(({ service, outages }) => [service, outages.length >= 1])).toEqual([
          ["ping", true],
          ["tcp", true],
          ["dns", true],
          ["http", true],
        ]);
      }),
    paced(40_000),
  );
});

test("down leaves no process, namespace, mount, file or change", async () => {
  const namespaces = namespacesOf(lab);
  expect(namespaces.length).toBe(nodeNames.length * 5);
  expect(namespaces.filter((each) => !namespacesInUse().has(each))).toEqual([]);
  expect(tracesOf(name)).not.toEqual([]);
  await lab.down();
  expect(tracesOf(name)).toEqual([]);
  // The PID namespace of a killed process stays visible until its parent has reaped it.
  await until(() => namespaces.every((each) => !namespacesInUse().has(each)), { what: "no namespace is left" });
  expect(existsSync(`${stateRoot}/${name}`)).toBe(false);
  expect(hostFacts()).toEqual(before);
  expect(await Lab.down(name)).toBe(false);
});
