/** Life cycle of labs: interrupted starts, crashes, several labs at once. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { paced } from "@nethsec/host/testing/pace";
import { Lab } from "../src/lab.ts";
import { checkout } from "../src/layer.ts";
import { inNode } from "../src/namespace.ts";
import { processesOfLab } from "../src/process.ts";
import { until } from "@nethsec/host/testing/until";
import { tracesOf } from "./traces.ts";

setDefaultTimeout(paced(120_000));

const name = (what: string): string => `t${process.pid}${what}`;

/** Runs `lab/lab up` and sends `signal` once `nodes` power supplies run or, with 0, at the lab's first process. */
async function interrupted(lab: string, signal: "SIGKILL" | "SIGINT", nodes: number): Promise<number | null> {
  const command = spawn(`${checkout}/lab/lab`, ["--name", lab, "up"], { stdio: "ignore" });
  const ended = once(command, "exit");
  await until(() => processesOfLab(lab).length > nodes * 3, { what: `${lab} is starting`, everyMs: 1 });
  command.kill(signal);
  return ((await ended) as [number | null])[0];
}

describe("WAN by DHCP", () => {
  test("the primary leases its WAN addresses from the provider, and a client fetches a page through it", async () => {
    await using lab = await Lab.up({ name: name("dhcp"), wan: "dhcp" });
    const wan = (device: string): Promise<string> =>
      lab.sh("primary", `ip -4 -o address show dev ${device} | awk '{ print $4 }'`);
    await until(async () => (await wan("eth1")) !== "" && (await wan("eth2")) !== "", {
      what: "both WANs have an address",
      timeoutMs: 15_000,
    });
    expect(await wan("eth1")).toMatch(/^203\.0\.113\.1\d\d\/24$/);
    expect(await wan("eth2")).toMatch(/^198\.51\.100\.1\d\d\/24$/);
    await until(
      async () =>
        (await lab.sh("client1", "curl --silent --max-time 2 https://www.example.com/")) ===
        "hello from the internet of the lab",
      { what: "the page comes", timeoutMs: 15_000 },
    );
    const address = (await wan("eth1")).split("/")[0];
    expect(await lab.sh("primary", "conntrack -L --dst 192.0.2.1 2>/dev/null")).toContain(`dst=${address} `);
  });
});

describe("a lab that was interrupted", () => {
  test.each([
    ["killed at its first process", "SIGKILL", 0],
    ["killed while nodes boot", "SIGKILL", 7],
  ] as const)(
    "%s is removed by down, to the last trace",
    async (_what, signal, nodes) => {
      const lab = name("dead");
      await interrupted(lab, signal, nodes);
      expect(tracesOf(lab)).not.toEqual([]);
      expect(await Lab.down(lab)).toBe(true);
      expect(tracesOf(lab)).toEqual([]);
    },
    paced(60_000),
  );

  test("a node that does not boot: what happened is said, its logs are kept until down", async () => {
    const lab = name("noboot");
    const command = output(`${checkout}/lab/lab`, ["--name", lab, "up"]);
    const running = (argv: string): number | undefined =>
      processesOfLab(lab).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(argv));
    await until(
      () => {
        const provider = running("dnsmasq\0--conf-file=/etc/lab");
        return readFileSync(`/proc/${provider}/root/var/log/messages`, "utf8").includes("internet is up");
      },
      { what: "the provider has booted" },
    );
    process.kill(await until(() => running("/lab/firewall/boot"), { what: "a firewall boots" }), "SIGKILL");
    const { code, text } = await command;
    expect(code).toBe(1);
    expect(text).toMatch(/(primary|backup) did not boot: \S+\/lab\/firewall\/boot was ended by a signal; /);
    const kept = `/run/nethsec-lab/${lab}.failed`;
    expect(text).toContain(`What the nodes logged is kept in ${kept}.`);
    expect(readFileSync(`${kept}/internet/messages`, "utf8")).toContain("internet is up");
    expect(tracesOf(lab)).toEqual([`file ${lab}.failed`]);
    expect(await Lab.down(lab)).toBe(true);
    expect(tracesOf(lab)).toEqual([]);
  });

  test("killed, it is replaced by the next up", async () => {
    const lab = name("again");
    await interrupted(lab, "SIGKILL", 3);
    await using replaced = await Lab.up({ name: lab });
    expect(await replaced.sh("client1", "curl --silent --max-time 5 http://www.example.com/")).toBe(
      "hello from the internet of the lab",
    );
    await replaced.down();
    expect(tracesOf(lab)).toEqual([]);
  });

  test("ended by Ctrl-C, it takes itself down", async () => {
    const lab = name("ctrlc");
    expect(await interrupted(lab, "SIGINT", 3)).not.toBe(0);
    expect(tracesOf(lab)).toEqual([]);
  });
});

test("it comes up for somebody whose files nobody else may read", async () => {
  const lab = name("mask");
  await using _ended = { [Symbol.asyncDispose]: () => Lab.down(lab).then(() => undefined) };
  const { code, text } = await output("sh", [
    "-c",
    'umask 077; exec "$@"',
    "sh",
    `${checkout}/lab/lab`,
    "--name",
    lab,
    "up",
  ]);
  expect(text).toContain(`Lab "${lab}" is up`);
  expect(code).toBe(0);
  expect(await Lab.attach(lab).sh("client1", "curl --silent --max-time 5 http://www.example.com/")).toBe(
    "hello from the internet of the lab",
  );
});

test("two labs side by side do not notice each other", async () => {
  // Wait for both, so that a failure of one does not leave the other running.
  const started = await Promise.allSettled([Lab.up({ name: name("one") }), Lab.up({ name: name("two") })]);
  await using both = new AsyncDisposableStack();
  for (const each of started) if (each.status === "fulfilled") both.use(each.value);
  const [one, two] = started.map((each) => (each.status === "fulfilled" ? each.value : undefined));
  if (one === undefined || two === undefined) throw new Error("a lab did not start", { cause: started });
  await one.sh("internet", "echo one >/srv/www/index.html");
  await two.sh("internet", "echo two >/srv/www/index.html");
  const page = (lab: Lab): Promise<string> => lab.sh("client1", "curl --silent --max-time 5 http://www.example.com/");
  expect(await Promise.all([page(one), page(two)])).toEqual(["one", "two"]);
  await one.kill("primary");
  expect(await page(two)).toBe("two");
  await one.down();
  expect(tracesOf(one.name)).toEqual([]);
  expect(await page(two)).toBe("two");
  await two.down();
  expect(tracesOf(two.name)).toEqual([]);
});

async function output(program: string, argv: readonly string[]): Promise<{ code: number | null; text: string }> {
  const command = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [command.stdout, command.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
  const [code] = (await once(command, "close")) as [number | null];
  return { code, text };
}

test.each([
  [
    "without the right to make namespaces",
    "sys_admin",
    "does not let the lab use namespaces (network, mount, PID, UTS, IPC).",
  ],
  [
    "without the right to make networks",
    "net_admin",
    "does not let the lab use virtual Ethernet pairs (veth), bridges, nftables, nftables for bridges.",
  ],
])(
  "%s, up says so in one sentence and leaves nothing",
  async (_what, capability, sentence) => {
    const lab = name("poor");
    const { code, text } = await output("setpriv", [
      `--bounding-set=-${capability}`,
      `${checkout}/lab/lab`,
      "--name",
      lab,
      "up",
    ]);
    expect(text).toContain(sentence);
    expect(code).toBe(1);
    expect(tracesOf(lab)).toEqual([]);
  },
  paced(30_000),
);

test("a program is not run anywhere else when its node has ended meanwhile", async () => {
  await using lab = await Lab.up({ name: name("gone") });
  const init = lab.node("client2").init();
  if (init === undefined) throw new Error("client2 is off");
  const argv = inNode(init, ["touch", `/tmp/${lab.name}-ran`]);
  // Simulates a reused PID: the same argv, but with a process of the host as target.
  const elsewhere = argv.map((word) =>
    (word === `--target=${init.pid}` ? `--target=${process.pid}` : word).replace(/^--(pid|time)$/, "--net"),
  );
  const { code, text } = await output(elsewhere[0] ?? "", elsewhere.slice(1));
  expect({ code, text }).toEqual({ code: 125, text: "the node has ended meanwhile\n" });
  expect(existsSync(`/tmp/${lab.name}-ran`)).toBe(false);
  await lab.kill("client2");
  expect(() => inNode(init, ["true"])).toThrow("has ended");
});

test("the command says what is wrong in one sentence, and what to type", async () => {
  const typed = (...argv: string[]): ReturnType<typeof output> => output(`${checkout}/lab/lab`, argv);
  expect(await typed("--name", name("none"), "exec", "primary", "--", "true")).toEqual({
    code: 1,
    text: expect.stringContaining("is not up.\nStart it: lab/lab --name"),
  });
  expect((await typed("--name", "No Name", "status")).text).toContain('"No Name" cannot name a lab.');
  expect(await typed("up", "--wan", "fibre")).toEqual({
    code: 2,
    text: expect.stringContaining('--wan is static or dhcp, not "fibre"'),
  });
  expect((await typed("scenario", "nosuch")).text).toContain("keepalived-classic");
});
