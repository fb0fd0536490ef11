/** Reverse DNS names of clients from a real dnsmasq, in separate network and mount namespaces. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "../../test/flow-server.ts";

setDefaultTimeout(paced(60_000));

const folder = mkdtempSync(join(tmpdir(), "reverse-dns-"));
const log = join(folder, "queries.log");
const root = join(folder, "root");
let inside: ChildProcess;

/** Command prefix that runs a process in the namespaces. */
const entered = (): string[] => ["nsenter", "--net", "--mount", `--target=${inside.pid}`];

const reverse = (address: string): string => `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
const six = `0.5.${"0.".repeat(26)}0.0.d.f.ip6.arpa`;

beforeAll(async () => {
  writeFileSync(join(folder, "resolv.conf"), "nameserver 127.0.0.1\n");
  const records = [
    [reverse("192.168.1.50"), "desk.example"],
    [reverse("192.168.1.51"), "<script>alert(1)</script>.example"],
    [reverse("192.168.1.52"), "=cmd|calc"],
    [six, "six.example"],
  ].map(([name, value]) => `ptr-record=${name},"${value}"`);
  const config = [
    "no-resolv",
    "no-hosts",
    "listen-address=127.0.0.1",
    "bind-interfaces",
    "log-queries",
    `log-facility=${log}`,
    `pid-file=${folder}/pid`,
    "user=root",
    // Nothing listens on that port: dnsmasq gets no answer and gives none.
    `server=/${reverse("192.168.1.60")}/127.0.0.1#5354`,
    ...records,
  ];
  writeFileSync(join(folder, "dnsmasq.conf"), `${config.join("\n")}\n`);
  const script = `ip link set lo up && mount --bind ${folder}/resolv.conf /etc/resolv.conf && exec dnsmasq --keep-in-foreground --conf-file=${folder}/dnsmasq.conf`;
  inside = spawn("unshare", ["--net", "--mount", "sh", "-c", script], { stdio: ["ignore", "inherit", "inherit"] });
  await until(() => existsSync(log) && readFileSync(log, "utf8").includes("started"), "dnsmasq");
});

afterAll(async () => {
  const ended = new Promise((resolve) => inside.once("exit", resolve));
  inside.kill("SIGKILL");
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly atOnce: Record<string, string>;
  readonly atOnceMs: number;
  readonly names: Record<string, string>;
  readonly tookMs: number;
  readonly ticks: number;
}

function ask(waitMs: number, ...addresses: string[]): Answer {
  const [command = "", ...args] = entered();
  const program = new URL("../../test/ask-names.ts", import.meta.url).pathname;
  const child = spawnSync(command, [...args, process.execPath, program, root, String(waitMs), ...addresses], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(child.stderr).toBe("");
  return JSON.parse(child.stdout);
}

/** How many times dnsmasq was queried for the address's name. */
const questions = (name: string): number =>
  readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line.includes(`query[PTR] ${name} `)).length;

test("names come from the resolver, both families; hostile ones are dropped; the answers are kept for other processes", () => {
  const clients = ["192.168.1.50", "192.168.1.51", "192.168.1.52", "192.168.1.53", "fd00::50"];
  const first = ask(1500, ...clients);
  expect(first.atOnce).toEqual({});
  expect(first.atOnceMs).toBeLessThan(500);
  expect(first.names).toEqual({ "192.168.1.50": "desk.example", "fd00::50": "six.example" });
  expect(first.tookMs).toBeLessThan(1500);
  expect(ask(1500, ...clients).atOnce).toEqual(first.names);
  for (const name of [...clients.slice(0, 4).map(reverse), six]) expect([name, questions(name)]).toEqual([name, 1]);
});

test("a server that is silent holds nobody up, and the others are answered meanwhile", () => {
  const answer = ask(400, "192.168.1.60", "192.168.1.50");
  expect(answer.names).toEqual({ "192.168.1.50": "desk.example" });
  expect(answer.tookMs).toBeGreaterThanOrEqual(400);
  expect(answer.tookMs).toBeLessThan(1500);
  // The process kept running while it waited.
  expect(answer.ticks).toBeGreaterThan(10);
  expect(questions(reverse("192.168.1.60"))).toBeGreaterThan(0);
});
